"""The asset, called as the function that it is: a few rows in, the expected ones out."""

from __future__ import annotations

from typing import Any

import polars as pl

from market_assets.cli.templates.project.custom.pay_gap import pay_gap, seniors_are_paid_more

ROWS = pl.DataFrame(
    [
        ("Python", None, "junior", 50_000.0),
        ("Python", None, "senior", 90_000.0),
        # Of one country alone, of everybody, and of too few postings to be published.
        ("Python", "DE", "senior", 10_000.0),
        ("Python", None, None, 70_000.0),
        ("SQL", None, "junior", 60_000.0),
        ("SQL", None, "senior", 55_000.0),
        ("Go", None, "junior", None),
        ("Go", None, "senior", 80_000.0),
    ],
    schema=["skill", "country", "seniority", "median_salary"],
    orient="row",
)


def test_the_gap_is_between_the_medians_of_all_countries() -> None:
    found: Any = pay_gap(ROWS)
    assert found.columns == ["skill", "junior", "senior", "gap"]
    assert found.rows() == [("Python", 50_000, 90_000, 40_000), ("SQL", 60_000, 55_000, -5_000)]


def test_without_pay_the_table_is_empty() -> None:
    found: Any = pay_gap(ROWS.clear())
    assert found.is_empty()


def test_a_skill_that_pays_juniors_more_is_named() -> None:
    result: Any = seniors_are_paid_more(pay_gap(ROWS))
    assert not result.passed
    assert result.metadata["skills"].value == ["SQL"]
