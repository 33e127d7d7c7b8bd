"""The shipped taxonomy is consistent; an override adds and replaces skills, or is refused with the reason."""

from __future__ import annotations

import pickle
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from market_assets.skills.matching import skill_matcher
from market_assets.skills.taxonomy import SHIPPED, Skill, Taxonomy, TaxonomyError, load_taxonomy

CATEGORIES = {
    "Agriculture & Environment",
    "Banking & Insurance",
    "Blockchain & Web3",
    "Business & Office Tools",
    "CAD & Simulation",
    "Certificates & Licences",
    "Cloud Computing",
    "Construction & Trades",
    "Data Analysis",
    "Data Engineering",
    "Databases",
    "Design & Creative",
    "DevOps & Infrastructure",
    "Education & Training",
    "Electronics & Hardware",
    "Energy & Utilities",
    "Engineering & Manufacturing",
    "Enterprise Software",
    "Finance & Accounting",
    "Games & Graphics",
    "Health Care",
    "Hospitality & Food",
    "Human Languages",
    "Human Resources",
    "Law & Compliance",
    "Life Sciences & Research",
    "Logistics & Transport",
    "Machine Learning & AI",
    "Marketing",
    "Media Production",
    "Mobile Development",
    "Networking & IT Support",
    "Personal Services & Fitness",
    "Product & Project Management",
    "Programming Languages",
    "Public Safety & Defence",
    "Real Estate & Facilities",
    "Sales & Customer Service",
    "Security",
    "Soft Skills",
    "Software Engineering",
    "Testing & Quality Assurance",
    "Web Development",
    "Writing & Editing",
}


def override(folder: Path, content: str) -> Path:
    path = folder / "skills.yaml"
    path.write_text(content, encoding="utf-8")
    return path


def test_shipped_skills_are_many_and_in_known_categories() -> None:
    taxonomy = load_taxonomy()
    assert len(taxonomy.skills) >= 2500
    assert {skill.category for skill in taxonomy.skills} == CATEGORIES
    counts = Counter(skill.category for skill in taxonomy.skills)
    assert min(counts.values()) >= 10, counts


def test_shipped_names_and_aliases_are_unique() -> None:
    skills = load_taxonomy().skills
    names = [skill.name.lower() for skill in skills]
    assert len(set(names)) == len(names)
    # A spelling that needs other words near it may be of two skills.
    plain = [name for skill in skills for name in skill.spellings if not skill.near_of(name)]
    counts = Counter(spelling.lower().replace("-", " ") for spelling in plain)
    assert [spelling for spelling, count in counts.items() if count > 1] == []
    assert not {alias.lower() for skill in skills for alias in skill.aliases} & set(names)


def test_shipped_spellings_differ_in_what_is_left_of_their_signs() -> None:
    owners: dict[str, str] = {}
    for skill in load_taxonomy().skills:
        for spelling in filter(lambda name: not skill.near_of(name), skill.spellings):
            letters = re.sub(r"[^\w+#*]", "", spelling.casefold())
            assert owners.setdefault(letters, skill.name) == skill.name, spelling


def test_shipped_names_are_written_as_names() -> None:
    for skill in load_taxonomy().skills:
        assert skill.name == " ".join(skill.name.split())
        assert len(skill.name) <= 40, skill.name
        assert "," not in skill.name or skill.name == "Diversity, Equity and Inclusion"
        assert not skill.name.casefold().startswith(("experience ", "knowledge of", "ability ", "skills ")), (
            skill.name
        )


def test_short_words_of_every_day_never_count_alone() -> None:
    """Whole texts of nothing but such words hold no skill."""
    text = Path(__file__).with_name("every_day.txt").read_text(encoding="utf-8")
    found = skill_matcher(load_taxonomy()).find(text)
    assert found == []


def test_identifiers_are_addresses_of_esco_and_of_one_skill_each() -> None:
    skills = {skill.name: skill for skill in load_taxonomy().skills}
    identifiers = [skill.esco for skill in skills.values() if skill.esco]
    assert len(identifiers) == len(set(identifiers)) > 400
    address = r"http://data\.europa\.eu/esco/skill/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    assert all(re.fullmatch(address, identifier) for identifier in identifiers)
    # Namesakes and siblings in ESCO: a mineral, a language, a discipline of mathematics.
    assert [skills[name].esco for name in ("Graphite", "Assembly", "Machine Learning", "Docker")] == [None] * 4
    identified = replace(Skill("Knitting", "Crafts"), esco=identifiers[0])
    assert Taxonomy((identified,)).version == Taxonomy((Skill("Knitting", "Crafts"),)).version


def test_every_context_is_used() -> None:
    document = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    entries = [entry for listed in document["skills"].values() for entry in listed if isinstance(entry, dict)]
    used = {entry["near"] for entry in entries if isinstance(entry.get("near"), str)}
    for entry in entries:
        used |= {words for words in entry.get("ambiguous", {}).values() if isinstance(words, str)}
    assert used == set(document["contexts"])


def test_skills_are_ordered_by_name() -> None:
    names = [skill.name for skill in load_taxonomy().skills]
    assert names == sorted(names)
    shuffled = Taxonomy(tuple(reversed(load_taxonomy().skills)))
    assert shuffled == load_taxonomy()


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("Python", "Programming Languages"),
        ("C++", "Programming Languages"),
        ("C#", "Programming Languages"),
        (".NET", "Web Development"),
        ("Node.js", "Web Development"),
        ("PostgreSQL", "Databases"),
        ("Machine Learning", "Machine Learning & AI"),
        ("Project Management", "Product & Project Management"),
        ("Nursing", "Health Care"),
        ("Welding", "Construction & Trades"),
        ("Spanish", "Human Languages"),
    ],
)
def test_well_known_skills_are_there(name: str, category: str) -> None:
    assert {skill.name: skill.category for skill in load_taxonomy().skills}[name] == category


@pytest.mark.parametrize(
    "name",
    ["Go", "R", "C", "Swift", "Rust", "Excel", "Word", "Access", "Chef", "Express", "Ruby", "Dart", "Spring"],
)
def test_ordinary_words_count_only_as_written(name: str) -> None:
    assert {skill.name: skill for skill in load_taxonomy().skills}[name].is_exact(name)


def test_case_matters_in_names_marked_so_and_in_short_capitals() -> None:
    skill = Skill("Go", "x", aliases=("Golang", "GL"), case="exact", ambiguous=(("Gl", ("x",)), ("GX", ("x",))))
    assert [skill.is_exact(spelling) for spelling in skill.spellings] == [True, False, True, False, True]
    assert not Skill("SQL", "x").is_exact("SQL")
    assert Skill("Excel", "x", case="near").is_exact("Excel")


def test_the_version_changes_with_any_part_of_a_skill() -> None:
    skill = Skill("Knitting", "Crafts")
    changed = [
        replace(skill, name="Sewing"),
        replace(skill, category="Trades"),
        replace(skill, aliases=("Crochet",)),
        replace(skill, case="exact"),
        replace(skill, near=("wool",)),
        replace(skill, unless=("knitting together",)),
        replace(skill, nested=True),
        replace(skill, case="near"),
        replace(skill, ambiguous=(("needles", ("wool",)),)),
        replace(skill, ambiguous=(("needles", ("yarn",)),)),
    ]
    versions = {Taxonomy((one,)).version for one in [skill, *changed]}
    assert len(versions) == len(changed) + 1
    assert Taxonomy((skill,)).version == Taxonomy((Skill("Knitting", "Crafts"),)).version
    assert pickle.loads(pickle.dumps(load_taxonomy())).version == load_taxonomy().version


def test_the_shipped_taxonomy_is_read_once() -> None:
    assert load_taxonomy() is load_taxonomy()


def test_an_override_adds_and_replaces_by_name(tmp_path: Path) -> None:
    path = override(
        tmp_path,
        """
        contexts:
          crafts: [Wool, yarn]
        skills:
          Crafts:
            - {name: Knitting, aliases: [Crochet], case: exact, near: crafts, unless: [knitting together]}
            - {name: Julia, near: programming}
            - {name: Quilting, case: near, near: [fabric], ambiguous: {needle: crafts, thread: [Cotton, silk]}}
            - Basketry
        """,
    )
    skills = {skill.name: skill for skill in load_taxonomy(path).skills}
    assert skills["Knitting"] == Skill(
        "Knitting",
        "Crafts",
        aliases=("Crochet",),
        case="exact",
        near=("wool", "yarn"),
        unless=("knitting together",),
    )
    assert skills["Quilting"].ambiguous == (("needle", ("wool", "yarn")), ("thread", ("cotton", "silk")))
    assert skills["Quilting"].case == "near"
    assert skills["Quilting"].near_of("thread") == ("cotton", "silk")
    assert skills["Knitting"].near_of("Knitting") == ("wool", "yarn")
    assert skills["Knitting"].near_of("Crochet") == ()
    assert skills["Julia"].category == "Crafts"
    assert skills["Julia"].case == "any"
    assert "python" in skills["Julia"].near
    assert len(skills) == len(load_taxonomy().skills) + 3
    assert load_taxonomy(path).version != load_taxonomy().version
    assert "Basketry" not in {skill.name for skill in load_taxonomy().skills}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("skills: {Crafts: [Knitting, Knitting]}", "skill Knitting is there twice, in Crafts and Crafts"),
        ("skills: {Crafts: [python]}", "skills Python and python have the same name"),
        ("skills: {Crafts: [Machine-Learning]}", "have the same name"),
        ("skills: {A: [{name: Knitting, aliases: [Java]}]}", "alias Java of Knitting is the name of Java"),
        ("skills: {A: [{name: Knitting, aliases: [golang]}]}", "alias golang of Knitting is an alias of Go"),
        ("skills: {A: [{name: X1, aliases: [y z]}, {name: X2, aliases: [y-z]}]}", "is an alias of X1"),
        (
            "skills: {A: [{name: Knitting, aliases: [knit-wear, Knit Wear]}]}",
            "alias Knit Wear of Knitting is there twice",
        ),
        ("skills: {A: [{name: Knitting, aliases: [knitting]}]}", "alias knitting of Knitting is there twice"),
        ("skills: {Crafts: []}", "category Crafts holds no list of skills"),
        ("skills: {Crafts: }", "category Crafts holds no list of skills"),
        ("skills: {Crafts: Knitting}", "category Crafts holds no list of skills"),
        ("skills: {'': [Knitting]}", "skill Knitting: category holds nothing that can be searched for: ''"),
        ("skills: {3: [Knitting]}", "skill Knitting: category must be a text: 3"),
        ("skills: {Crafts: [7]}", "skill 7: name must be a text: 7"),
        (
            "skills: {Crafts: [{aliases: [Knitting]}]}",
            "category Crafts: {'aliases': ['Knitting']}: name is missing",
        ),
        ("skills: {Crafts: ['  ']}", "name holds nothing that can be searched for"),
        ("skills: {Crafts: ['!?']}", "name holds nothing that can be searched for: '!?'"),
        ("skills: {Crafts: [{name: K, aliases: Knit}]}", "skill K: aliases must be a list: 'Knit'"),
        ("skills: {Crafts: [{name: K, aliases: [1]}]}", "skill K: aliases 0 must be a text: 1"),
        ("skills: {Crafts: [{name: K, alias: [Knit]}]}", "skill K: alias is an unknown key"),
        (
            "skills: {Crafts: [{name: K, case: upper}]}",
            "skill K: case Input should be 'any', 'exact' or 'near': 'upper'",
        ),
        ("skills: {Crafts: [{name: K, case: near}]}", "skill K: case is near, but there are no near words"),
        ("skills: {Crafts: [{name: K, nested: 1}]}", "skill K: nested must be true or false: 1"),
        ("skills: {Crafts: [{name: K, near: yarns}]}", "names a context that is not defined: 'yarns'"),
        (
            "skills: {Crafts: [{name: K, near: [red yarn]}]}",
            "skill K: near 0 must be a single word: 'red yarn'",
        ),
        ("skills: {A: [{name: K, ambiguous: [b]}]}", "skill K: ambiguous must hold aliases with the words that"),
        ("skills: {A: [{name: K, ambiguous: {b: []}}]}", "skill K: ambiguous alias b has no words that decide"),
        (
            "skills: {A: [{name: K, ambiguous: {b: yarns}}]}",
            "names a context that is not defined: 'yarns'",
        ),
        ("skills: {A: [{name: K, ambiguous: {b: [c d]}}]}", "must be a single word: 'c d'"),
        ("skills: {A: [{name: K, ambiguous: {1: [c]}}]}", "must be a text: 1"),
        ("skills: {A: [{name: K, ambiguous: {Java: [c]}}]}", "alias Java of K is the name of Java"),
        ("skills: {A: [{name: K, aliases: [b], ambiguous: {b: [c]}}]}", "alias b of K is there twice"),
        ("contexts: [a]\nskills: {Crafts: [K]}", "contexts: must hold names with lists of words"),
        ("contexts: {a: b}\nskills: {Crafts: [K]}", "contexts: a names a context that is not defined: 'b'"),
        ("skill: {Crafts: [K]}", "must hold 'skills'"),
        ("skills: {Crafts: [K]}\nsynonyms: {}", "unknown key 'synonyms'"),
        ("", "must hold 'skills'"),
        ("- K", "must hold 'skills'"),
        ("skills: {Crafts: [K\n", "is not YAML in line"),
        ("skills: {Crafts: ['\0']}", "is not YAML"),
    ],
)
def test_a_bad_override_is_one_clear_line(tmp_path: Path, content: str, message: str) -> None:
    path = override(tmp_path, content)
    with pytest.raises(TaxonomyError) as error:
        load_taxonomy(path)
    assert message in str(error.value)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_a_missing_or_binary_override_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError, match="can't be read: No such file"):
        load_taxonomy(tmp_path / "nothing.yaml")
    with pytest.raises(TaxonomyError, match="can't be read: Is a directory"):
        load_taxonomy(tmp_path)
    path = tmp_path / "skills.yaml"
    path.write_bytes(b"skills: \xff\xfe")
    with pytest.raises(TaxonomyError, match="is not UTF-8 text"):
        load_taxonomy(path)


def test_too_many_skills_are_refused() -> None:
    with pytest.raises(TaxonomyError, match="65536 skills are too many"):
        Taxonomy(tuple(Skill(f"Skill {number}", "Crafts") for number in range(65_536)))
