"""Places, pay and occupations of real postings are read as a person labelled them, as often as benchmarks want."""

from __future__ import annotations

import pytest

from benchmarks.quality import occupations, pay_strings
from benchmarks.quality.fields import PLACES_WANTED, read_places, stated
from benchmarks.quality.real_postings import DATA

pytestmark = pytest.mark.skipif(
    not DATA.exists(), reason="the recordings (shared/data) are not beside the checkout"
)


def test_places_countries_and_workplaces() -> None:
    rows = read_places()
    assert len(rows) == 300
    for place, column in enumerate(("location", "country", "workplace")):
        wrong = [(text, found) for text, found, label in rows if (found[place] or "") != label[column]]
        assert len(wrong) <= (1 - PLACES_WANTED[column]) * len(rows), wrong


def test_pay_in_fragments_of_descriptions() -> None:
    rows = pay_strings.read()
    assert len(rows) == 200
    wrong = [(text, found) for text, found, label in rows if stated(found) != stated(label)]
    assert len(wrong) <= (1 - pay_strings.WANTED) * len(rows), wrong


@pytest.mark.parametrize("english", ["yes", "no"])
def test_occupations_of_titles(english: str) -> None:
    rows = [row for row in occupations.read() if row[2]["english"] == english]
    precision, coverage = occupations.shares(rows)
    assert (
        len(rows) > 180 and precision >= occupations.PRECISION_WANTED and coverage >= occupations.COVERAGE_WANTED
    )
