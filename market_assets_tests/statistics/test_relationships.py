"""Strength at its boundaries, and pairs that do not belong to the postings."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import polars as pl
import pytest

from market_assets.statistics.pairs import skill_pairs
from market_assets.statistics.recommendations import skill_affinities, skill_recommendations
from market_assets.statistics.relationships import Association, skill_relationships
from market_assets.statistics.tables import SKILL_PAIRS
from market_assets.statistics.window import OtherPostingsError, Window
from market_assets_tests.statistics.markets import Posting, market


def _row(both: int, only_a: int, only_b: int, neither: int) -> dict[str, Any]:
    window = market(
        [
            *[Posting(("A", "B"))] * both,
            *[Posting(("A",))] * only_a,
            *[Posting(("B",))] * only_b,
            *[Posting()] * neither,
        ]
    ).window()
    table = skill_relationships(skill_pairs(window), window)
    return table.row(0, named=True) if table.height else {}


def test_a_pair_in_every_posting() -> None:
    row = _row(both=3, only_a=0, only_b=0, neither=0)
    assert (row["support"], row["lift"], row["npmi"], row["strength"]) == (1.0, 1.0, 1.0, "very_strong")


def test_a_pair_that_is_only_seen_together() -> None:
    row = _row(both=3, only_a=0, only_b=0, neither=7)
    assert (row["confidence_ab"], row["confidence_ba"], row["npmi"]) == (1.0, 1.0, 1.0)


def test_independent_skills() -> None:
    row = _row(both=4, only_a=4, only_b=4, neither=4)
    assert (row["lift"], row["npmi"], row["strength"]) == (1.0, 0.0, "very_weak")


def test_a_half_is_very_strong() -> None:
    row = _row(both=4, only_a=0, only_b=4, neither=8)
    assert (row["npmi"], row["strength"]) == (pytest.approx(0.5), "very_strong")


def test_skills_that_avoid_each_other() -> None:
    row = _row(both=2, only_a=40, only_b=40, neither=0)
    assert isinstance(row["npmi"], float)
    assert -1 <= row["npmi"] < 0
    assert row["strength"] == "very_weak"


def test_a_pair_seen_once_has_no_row() -> None:
    assert _row(both=1, only_a=5, only_b=5, neither=5) == {}


def test_a_pair_seen_often_is_surer_than_one_seen_twice() -> None:
    seldom, often = _row(both=2, only_a=0, only_b=0, neither=98), _row(both=30, only_a=3, only_b=3, neither=64)
    assert seldom["npmi"] > often["npmi"]
    assert 0 < seldom["npmi_lower"] < often["npmi_lower"]
    assert seldom["log_likelihood"] < often["log_likelihood"] / 4


def test_bounds_lie_below_what_was_seen_and_nothing_sure_is_doubted() -> None:
    row = _row(both=12, only_a=20, only_b=9, neither=300)
    assert 1 < row["lift_lower"] < row["lift"]
    assert 0 < row["npmi_lower"] < row["npmi"]
    certain = _row(both=3, only_a=0, only_b=0, neither=0)
    assert (certain["lift_lower"], certain["npmi_lower"], certain["log_likelihood"]) == (1.0, 1.0, 0.0)


def test_surprise_against_a_textbook_table() -> None:
    # Dunning (1993), table 2: "the swiss" in 31,777 words, rounded there to 270.72.
    pair = Association(np.array([110]), np.array([2552]), np.array([221]), 31_777)
    assert pair.log_likelihood()[0] == pytest.approx(270.72, abs=0.01)


def test_skills_that_avoid_each_other_are_no_surprise() -> None:
    assert _row(both=2, only_a=40, only_b=40, neither=0)["log_likelihood"] == 0.0


@pytest.mark.parametrize(
    "compute",
    [skill_relationships, partial(skill_recommendations, min_sample=5), skill_affinities],
    ids=["relationships", "recommendations", "affinities"],
)
@pytest.mark.parametrize(
    "pair", [("A", "other", 2), ("A", "B", 3), ("A", "B", 1)], ids=["unknown skill", "too many", "too few"]
)
def test_pairs_of_other_postings_are_refused(
    compute: Callable[[pl.DataFrame, Window], pl.DataFrame], pair: tuple[str, str, int]
) -> None:
    window = market([Posting(("A", "B")), Posting(("A", "B")), Posting(("A",))]).window()
    with pytest.raises(OtherPostingsError, match="skill_pairs was counted over other postings"):
        compute(pl.DataFrame([pair], schema=SKILL_PAIRS, orient="row"), window)
