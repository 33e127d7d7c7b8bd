"""Names that are listed with skills become candidates; ordinary words and known names do not."""

from __future__ import annotations

import random
from collections.abc import Callable

import polars as pl
import pytest
import yaml

from market_assets.skills.candidates import MIN_POSTINGS, SKILL_CANDIDATES, skill_candidates
from market_assets.skills.matching import SkillMatcher, skill_matcher
from market_assets.skills.taxonomy import Taxonomy, load_taxonomy

MATCHER = skill_matcher(load_taxonomy())


def reader(*texts: str | None, batch: int = 2) -> Callable[[], list[pl.DataFrame]]:
    frame = pl.DataFrame(
        {"title": [None] * len(texts), "description": texts},
        schema={"title": pl.String(), "description": pl.String()},
    )
    return lambda: list(frame.iter_slices(batch))


def candidates(*texts: str | None) -> pl.DataFrame:
    found = skill_candidates(reader(*texts), MATCHER)
    assert found.schema == SKILL_CANDIDATES
    return found


@pytest.mark.parametrize(
    "text",
    [
        "Python, Frobnik and SQL",
        "Python/Frobnik",
        "Frobnik, Python.",
        "tools (Frobnik, Docker)",
        "Python or Frobnik experience",
        "we want Frobnik; Python",
        "Experience with Frobnik",
        "Proficiency in Frobnik, please",
        "• Python • Docker, Frobnik",
    ],
)
def test_a_name_in_a_list_with_a_skill_is_a_candidate(text: str) -> None:
    found = candidates(*[text] * 4, "x", None)
    if "; " in text:
        assert found.is_empty()
        return
    assert found.select("candidate", "listed_postings", "postings", "rank").rows() == [("Frobnik", 4, 4, 1)]
    assert "Frobnik" in found["example"][0]


@pytest.mark.parametrize(
    "text",
    [
        "Python. Frobnik is our boss",
        "Python and Docker",
        "Golang, Go, Python",
        "Python, and the other",
        "Python, you will never ever see five words",
        "Python, 5+ years",
        "Prior experience with Python",
        "",
    ],
)
def test_what_is_no_name_in_a_list_is_not(text: str) -> None:
    assert candidates(*[text] * 5).is_empty()


def test_a_name_in_few_postings_is_not() -> None:
    text = "Python, Frobnik, Frobnik and Frobnik"
    assert candidates(*[text] * (MIN_POSTINGS - 1)).is_empty()
    assert candidates(*[text] * MIN_POSTINGS)["listed_postings"].to_list() == [MIN_POSTINGS]


def test_a_word_that_is_mostly_elsewhere_is_not() -> None:
    listed, elsewhere = ["Python, Team and SQL"] * 4, ["the team is nice"] * 20
    assert candidates(*listed)["candidate"].to_list() == ["Team"]
    assert candidates(*listed, *elsewhere).is_empty()


def test_the_spelling_and_the_category_are_the_most_frequent() -> None:
    found = candidates(*["MySQL, FrobNik, PostgreSQL"] * 3, "Python, Frobnik", "MySQL, frobnik")
    row = found.row(0, named=True)
    assert (row["candidate"], row["category"], row["listed_postings"]) == ("FrobNik", "Databases", 5)
    assert row["capital_share"] == pytest.approx(0.8)
    assert row["score"] == 5.0


def test_the_more_often_and_the_more_surely_the_earlier() -> None:
    texts = [*["Python, Alpha"] * 5, *["Python, Beta"] * 3, *["Python, Gamma"] * 4, *["Gamma rays"] * 4]
    assert candidates(*texts)["candidate"].to_list() == ["Alpha", "Beta", "Gamma"]
    assert skill_candidates(reader(*texts), MATCHER, limit=1)["candidate"].to_list() == ["Alpha"]


@pytest.mark.parametrize("name", ["Frobnik", "Frob Nik", "Frob#", "Ab", "Yes", "Frob.js"])
def test_the_suggested_line_is_a_line_of_the_skills_file(name: str) -> None:
    found = candidates(*[f"Python, {name}, SQL"] * 3)
    (line,) = found["suggested_line"]
    (entry,) = yaml.safe_load(line)
    assert (entry["name"] if isinstance(entry, dict) else entry) == name


def test_skills_that_are_taken_out_of_the_taxonomy_come_back() -> None:
    """Half of fifty skills of which postings list some at random are among the first hundred candidates."""
    draw = random.Random(7)
    taxonomy = load_taxonomy()
    plain = [
        skill.name for skill in taxonomy.skills if not skill.near and skill.name.isalpha() and len(skill.name) > 3
    ]
    known = draw.sample(plain, 200)
    gone = set(draw.sample(known, 50))
    noise = ["Our team is great.", "Join us in Berlin!", "You like Cats, Dogs and Pizza."]
    texts = [
        f"{draw.choice(noise)} {draw.choice(['You know', 'We need', 'Experience with'])} "
        f"{', '.join(draw.sample(known, 4))} and {draw.choice(known)}. {draw.choice(noise)}"
        for _ in range(400)
    ]
    lacking = SkillMatcher(Taxonomy(tuple(skill for skill in taxonomy.skills if skill.name not in gone)))
    found = set(skill_candidates(reader(*texts, batch=100), lacking, limit=100)["candidate"])
    assert len(found & gone) >= 45
    assert not found & {"Berlin", "Cats", "Dogs", "Pizza", "team", "Team"}
