"""Trends at their boundaries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from market_assets.statistics.trends import salary_trends, trending_skills
from market_assets_tests.statistics.markets import AS_OF, INSTANT, TODAY, Posting, market

BOUNDARY = TODAY - timedelta(days=30)


def _paid(month: int, salary: float | None) -> Posting:
    return Posting(("SQL",), posted_at=datetime(2024, month, 1, tzinfo=UTC), salary=salary)


@pytest.mark.parametrize(
    ("first", "last", "direction"),
    [
        (100_000.0, 102_000.0, "stable"),
        (100_000.0, 102_000.01, "increasing"),
        (100_000.0, 98_000.0, "stable"),
        (100_000.0, 97_999.99, "decreasing"),
        (55_550.0, 56_661.0, "stable"),
        (150.0, 153.0, "stable"),
        (0.0, 0.0, "stable"),
        (0.0, 1.0, "increasing"),
    ],
)
def test_two_percent_either_way_is_stable(first: float, last: float, direction: str) -> None:
    table = salary_trends(market([_paid(1, first), _paid(2, 10 * first), _paid(3, last)]).window())
    assert table["trend_direction"].to_list() == [direction] * 3


def test_months_without_salaries_are_passed_over() -> None:
    postings = [_paid(1, None), _paid(2, 50_000), _paid(3, 60_000), _paid(4, None)]
    table = salary_trends(market(postings).window())
    assert table["median_salary"].to_list() == [None, 50_000, 60_000, None]
    assert table["trend_direction"].unique().to_list() == ["increasing"]


@pytest.mark.parametrize("salaries", [[None, None], [50_000.0, None], [None, 50_000.0]])
def test_one_month_with_salaries_is_too_little(salaries: list[float | None]) -> None:
    table = salary_trends(market(_paid(month, salary) for month, salary in enumerate(salaries, start=1)).window())
    assert table["trend_direction"].to_list() == ["insufficient_data"] * 2


def test_a_year_ends_between_months() -> None:
    instants = [datetime(2023, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)]
    table = salary_trends(market(Posting(("SQL",), posted_at=instant) for instant in instants).window())
    assert table["month"].to_list() == ["2023-12", "2024-01"]


@pytest.mark.parametrize(
    ("posted_at", "counts"),
    [
        (AS_OF + INSTANT, None),
        (AS_OF, (1, 0)),
        (BOUNDARY, (1, 0)),
        (BOUNDARY - INSTANT, (0, 1)),
        (BOUNDARY - timedelta(days=60), (0, 1)),
        (BOUNDARY - timedelta(days=60) - INSTANT, None),
    ],
)
def test_where_the_periods_begin_and_end(posted_at: datetime, counts: tuple[int, int] | None) -> None:
    table = trending_skills(market([Posting(("SQL",), posted_at=posted_at)]).window(), AS_OF)
    assert table.select("recent_postings", "previous_postings").rows() == ([counts] if counts else [])


@pytest.mark.parametrize(
    ("recent", "previous", "growth", "trend"),
    [
        (5, 8, 0.25, "growing"),
        (4, 8, 0.0, "steady"),
        (3, 8, -0.25, "declining"),
        (62, 100, 0.24, "steady"),
        (38, 100, -0.24, "steady"),
        (0, 1, -1.0, "declining"),
        (3, 0, None, "emerging"),
        (2, 0, None, "steady"),
    ],
)
def test_what_growth_is_called(recent: int, previous: int, growth: float | None, trend: str) -> None:
    postings = [
        *[Posting(("SQL",), posted_at=BOUNDARY)] * recent,
        *[Posting(("SQL",), posted_at=BOUNDARY - INSTANT)] * previous,
    ]
    row = trending_skills(market(postings).window(), AS_OF).row(0, named=True)
    assert row["trend"] == trend
    assert row["growth"] == (None if growth is None else pytest.approx(growth))
