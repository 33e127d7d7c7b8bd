"""A posting that a change of the taxonomy does not touch has the same skills by both taxonomies."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from market_assets.skills.matching import SkillChanges, skill_matcher
from market_assets.skills.taxonomy import Skill, Taxonomy, TaxonomyError

NAMES = ("Go", "Java", "React", "React Native", "Rust")
names = st.sampled_from(NAMES)
skills = st.builds(
    Skill,
    name=names,
    category=st.sampled_from(("one", "other")),
    aliases=st.lists(st.sampled_from(("Golang", "JVM", "Native", "Rustlang")), unique=True, max_size=2).map(tuple),
    case_sensitive=st.booleans(),
    near=st.sampled_from(((), ("code",), ("code", "team"))),
    unless=st.sampled_from(((), ("go live",), ("rust belt", "react to"))),
    nested=st.booleans(),
)


def as_taxonomy(chosen: list[Skill]) -> Taxonomy:
    try:
        return Taxonomy(tuple(chosen))
    except TaxonomyError:
        return Taxonomy(tuple(Skill(skill.name, skill.category, near=skill.near) for skill in chosen))


taxonomies = st.lists(skills, unique_by=lambda skill: skill.name, max_size=5).map(as_taxonomy)
words = st.sampled_from(
    (
        *NAMES,
        "golang",
        "jvm",
        "native",
        "go live",
        "rust belt",
        "react to",
        "code",
        "team",
        "no",
        "or",
        "required.",
    )
)
texts = st.lists(words, max_size=12).map(" ".join)


def found(taxonomy: Taxonomy, text: str) -> dict[str, int]:
    weighed = skill_matcher(taxonomy).extract(pl.Series([None], dtype=pl.String), pl.Series([text]))
    names = [taxonomy.skills[code].name for code in weighed["skills"][0]]
    return dict(zip(names, weighed["weights"][0], strict=True))


@given(taxonomies, taxonomies, st.lists(texts, min_size=1, max_size=4))
def test_what_is_not_touched_stays_as_it_is(old: Taxonomy, new: Taxonomy, postings: list[str]) -> None:
    titles = pl.Series([None] * len(postings), dtype=pl.String)
    touched = SkillChanges(old, new).touches(titles, pl.Series(postings, dtype=pl.String))
    for text, is_touched in zip(postings, touched, strict=True):
        assert is_touched or found(old, text) == found(new, text)


def test_only_what_holds_a_changed_spelling_is_touched() -> None:
    old = Taxonomy((Skill("Java", "x"), Skill("Go", "x", aliases=("Golang",)), Skill("Rust", "x")))
    new = Taxonomy((Skill("Java", "y"), Skill("Go", "x", aliases=("Go lang",)), Skill("Zig", "x")))
    titles = pl.Series(["Java", "golang", None, "Rust", "Java", None])
    descriptions = pl.Series(["x", None, "Go lang!", "Java", "zig-zag", None])
    assert SkillChanges(old, new).touches(titles, descriptions).to_list() == [False, True, True, True, True, False]
    assert not SkillChanges(old, old).touches(titles, descriptions).any()
    assert SkillChanges(old, new).touches(titles.head(0), descriptions.head(0)).to_list() == []


@given(taxonomies)
def test_a_taxonomy_is_read_back_as_it_was_written(taxonomy: Taxonomy) -> None:
    assert Taxonomy.from_json(taxonomy.to_json()) == taxonomy


def test_a_taxonomy_of_another_version_of_the_program_is_read() -> None:
    content = '[{"name": "Java", "category": "x", "colour": "red", "aliases": ["JVM"]}]'
    assert Taxonomy.from_json(content) == Taxonomy((Skill("Java", "x", aliases=("JVM",)),))
