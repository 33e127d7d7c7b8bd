"""What is left of company, role and place once everything that boards change is put aside."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from market_assets.postings.near_keys import HEADER, NEAR_IDENTITY, near_identities
from market_assets_tests.postings.test_sketches import prose

PLAIN = {
    "title": "Data Engineer",
    "company": "Acme",
    "location": "Berlin, DE",
    "country": "DE",
    "workplace": None,
    "description": prose(100, 1),
}


def known_by(**fields: str | None) -> tuple[int | None, bytes | None]:
    frame = near_identities(pl.DataFrame([{**PLAIN, **fields}], schema=dict.fromkeys(PLAIN, pl.String)))
    assert frame.schema == NEAR_IDENTITY
    key, sketch = frame.row(0)
    assert (key is None) == (sketch is None)
    return key, sketch


def header(**fields: str | None) -> dict[str, int]:
    sketch = known_by(**fields)[1]
    assert sketch is not None
    return dict(zip(HEADER, np.frombuffer(sketch[: 2 * len(HEADER)], "<u2").tolist(), strict=True))


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
        "Data Engineer - REQ-12345",
        "R-220914 Data Engineer",
        "Data Engineer (Ref.-Nr. 4415/26)",
        "Data Engineer | $120k | Hiring now!",
        "Data Engineer - €60.000 - €75.000 p.a.",
        "Data Engineer, 45 USD per hour",
        "Data Engineer - Munich",
        "Data Engineer in Hamburg",
        "URGENT: Data Engineer",
        "Data Engineer - werde Teil unseres Teams",
        "Hot job! Data Engineer",
        "Data Engineer wanted!",
    ],
)
def test_what_boards_add_to_a_title_does_not_matter(title: str) -> None:
    assert known_by(title=title) == known_by()


def test_a_state_after_a_city_does_not_matter() -> None:
    austin = {"location": "Austin, TX, US", "country": "US"}
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
    assert header(title=f"Data {one}")["ranks"] != header(title=f"Data {other}")["ranks"]


@pytest.mark.parametrize(("one", "other"), [("II", "2"), ("Jr.", "junior"), ("IV", "4")])
def test_ranks_written_otherwise_are_the_same(one: str, other: str) -> None:
    assert known_by(title=f"Analyst {one}") == known_by(title=f"Analyst {other}")


@pytest.mark.parametrize(
    ("one", "other"), [("Full-Stack Developer", "Fullstack Developer"), ("Entwickler:in", "Entwickler")]
)
def test_words_written_otherwise_are_the_same(one: str, other: str) -> None:
    assert known_by(title=one) == known_by(title=other)


@pytest.mark.parametrize(
    "company",
    ["ACME", "Acme, Inc.", "Acme GmbH & Co. KG", "The Acme Company", "Acme S.A.", "Acme Careers", "Jobs at Acme"],
)
def test_legal_form_and_careers_do_not_matter(company: str) -> None:
    assert known_by(company=company) == known_by()


@pytest.mark.parametrize("other", [{"title": "Data Scientist"}, {"title": "Engineer"}, {"company": "Nordwind"}])
def test_another_role_or_company_is_another_key(other: dict[str, str | None]) -> None:
    assert known_by(**other)[0] not in (known_by()[0], None)


@pytest.mark.parametrize(
    ("other", "differs"),
    [
        ({"location": "Munich, DE"}, {"city"}),
        ({"location": "Germany"}, {"city"}),
        ({"location": None, "country": None}, {"city", "country"}),
        ({"location": "Berlin, CT, US", "country": "US"}, {"country", "region"}),
        ({"workplace": "remote"}, {"remote"}),
        ({"company": "Acme Robotics"}, {"company", "company_2", "company_3"}),
    ],
)
def test_place_and_the_rest_of_the_company_are_in_the_sketch(
    other: dict[str, str | None], differs: set[str]
) -> None:
    assert known_by(**other)[0] == known_by()[0]
    plain = header()
    assert {name for name, number in header(**other).items() if number != plain[name]} == differs


def test_the_place_in_a_title_stands_in_for_a_missing_one() -> None:
    missing = {"location": None, "country": None}
    assert header(**missing, title="Data Engineer - Berlin")["city"] == header()["city"]
    assert header(title="Data Engineer - Munich")["city"] == header()["city"]


def test_nothing_is_known_without_company_and_a_short_text_is_none() -> None:
    assert known_by(company=None) == (None, None)
    assert known_by(description=None) == known_by(description=prose(15, 1))
    assert len(known_by(description=None)[1] or b"") == 2 * len(HEADER)


def test_a_title_of_nothing_but_rank_and_place_is_a_role_too() -> None:
    assert known_by(title="Senior (Berlin)")[0] not in (known_by()[0], None)


def test_no_postings() -> None:
    nothing = near_identities(pl.DataFrame(schema=dict.fromkeys(PLAIN, pl.String)))
    assert (nothing.height, nothing.schema) == (0, NEAR_IDENTITY)
