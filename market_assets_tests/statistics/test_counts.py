"""Posting statistics at the edges of their values."""

from __future__ import annotations

from collections import Counter

import polars as pl
import pytest

from market_assets.statistics.counts import posting_statistics
from market_assets_tests.statistics.markets import Posting, market


@pytest.mark.parametrize(
    ("salary", "band"),
    [
        (0.0, "0-25000"),
        (24_999.999999, "0-25000"),
        (25_000.0, "25000-50000"),
        (74_999.99999999999, "50000-75000"),
        (75_000.0, "75000-100000"),
        (199_999.99, "175000-200000"),
        (200_000.0, "200000+"),
        (9_000_000.0, "200000+"),
        (None, "unknown"),
        (float("nan"), "unknown"),
    ],
)
def test_bands_hold_their_lower_edge(salary: float | None, band: str) -> None:
    table = posting_statistics(market([Posting(salary=salary)]).window())
    assert table.row(by_predicate=pl.col("dimension") == "salary_band") == ("salary_band", band, 1)


def test_missing_and_stated_unknown_are_one_value() -> None:
    table = posting_statistics(market([Posting(industry=None), Posting(industry="unknown")]).window())
    assert ("industry", "unknown", 2) in table.rows()


def test_each_dimension_counts_every_posting() -> None:
    window = market([Posting(), Posting(source="other", salary=1.0, workplace="remote")]).window()
    sums: Counter[str] = Counter()
    for dimension, _, postings in posting_statistics(window).rows():
        sums[dimension] += postings
    names = ("source", "industry", "salary_band", "day", "employment_type", "remote")
    assert sums == dict.fromkeys(names, 2)
