"""What is left of company, role and place once everything that boards change is put aside."""

from __future__ import annotations

import polars as pl
import pytest

from market_assets.postings.near_duplicates import NEAR_IDENTITY, near_identities
from market_assets_tests.postings.test_sketches import prose

PLAIN = {"title": "Data Engineer", "company": "Acme", "location": "Berlin, DE", "description": prose(100, 1)}


def known_by(**fields: str | None) -> tuple[int | None, bytes | None]:
    frame = near_identities(pl.DataFrame([{**PLAIN, **fields}], schema=dict.fromkeys(PLAIN, pl.String)))
    assert frame.schema == NEAR_IDENTITY
    key, sketch = frame.row(0)
    assert (key is None) == (sketch is None)
    return key, sketch


@pytest.mark.parametrize(
    "title",
    [
        "DATA ENGINEER",
        "Data Engineer (m/f/d)",
        "Data Engineer (all genders)",
        "Data Engineer - Berlin",
        "Data Engineer, Berlin, DE",
        "Data Engineer | Remote",
        "Data Engineer (Remote, Berlin)",
        "Data Engineer at Acme",
        "Engineer, Data",
    ],
)
def test_what_boards_add_to_a_title_does_not_matter(title: str) -> None:
    assert known_by(title=title) == known_by()


def test_a_state_after_a_city_does_not_matter() -> None:
    austin = {"location": "Austin, US"}
    assert known_by(**austin, title="Data Engineer - Austin, TX") == known_by(**austin)
    assert known_by(**austin, title="Doctor, MD") != known_by(**austin, title="Doctor, PA")


@pytest.mark.parametrize("title", ["Senior Data Engineer", "Sr. Data Engineer", "Data Engineer (Senior)"])
def test_a_rank_is_in_the_sketch_alone(title: str) -> None:
    assert known_by(title=title) == known_by(title="Senior Data Engineer")
    assert known_by(title=title)[0] == known_by()[0]
    assert known_by(title=title)[1] != known_by()[1]


@pytest.mark.parametrize(
    ("one", "other"), [("Junior", "Senior"), ("Engineer II", "Engineer III"), ("Lead", "Staff")]
)
def test_ranks_are_told_apart(one: str, other: str) -> None:
    assert known_by(title=f"Data {one}")[1][:2] != known_by(title=f"Data {other}")[1][:2]  # type: ignore[index]


@pytest.mark.parametrize(("one", "other"), [("II", "2"), ("Jr.", "junior"), ("IV", "4")])
def test_ranks_written_otherwise_are_the_same(one: str, other: str) -> None:
    assert known_by(title=f"Analyst {one}") == known_by(title=f"Analyst {other}")


@pytest.mark.parametrize(
    ("one", "other"), [("Full-Stack Developer", "Fullstack Developer"), ("Entwickler:in", "Entwickler")]
)
def test_words_written_otherwise_are_the_same(one: str, other: str) -> None:
    assert known_by(title=one) == known_by(title=other)


@pytest.mark.parametrize(
    "company", ["ACME", "Acme, Inc.", "Acme Inc", "Acme GmbH & Co. KG", "The Acme Company", "Acme S.A."]
)
def test_the_legal_form_does_not_matter(company: str) -> None:
    assert known_by(company=company) == known_by()


@pytest.mark.parametrize(
    "other",
    [
        {"title": "Data Scientist"},
        {"title": "Software Engineer"},
        {"title": "Engineer"},
        {"company": "Acme Robotics"},
        {"company": "Inc"},
        {"location": "Munich, DE"},
        {"location": "Berlin, US"},
        {"location": None},
    ],
)
def test_another_role_company_or_place_is_another_key(other: dict[str, str | None]) -> None:
    assert known_by(**other)[0] not in (known_by()[0], None)


@pytest.mark.parametrize("unknown", [{"company": None}, {"description": None}, {"description": prose(15, 1)}])
def test_nothing_is_known_without_company_or_text(unknown: dict[str, str | None]) -> None:
    assert known_by(**unknown) == (None, None)


def test_a_title_of_nothing_but_rank_and_place_is_a_role_too() -> None:
    assert known_by(title="Senior (Berlin)")[0] not in (known_by()[0], None)


def test_no_postings() -> None:
    nothing = near_identities(pl.DataFrame(schema=dict.fromkeys(PLAIN, pl.String)))
    assert (nothing.height, nothing.schema) == (0, NEAR_IDENTITY)
