"""The history of skills: each month is recorded while it is open, and then stays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from hypothesis import given
from polars.testing import assert_frame_equal

from market_assets.statistics.history import CLOSED_AFTER, first_to_count, months_to_count, skill_history
from market_assets.statistics.tables import SKILL_HISTORY
from market_assets_tests.statistics.brute_force import assert_rows
from market_assets_tests.statistics.markets import AS_OF, INSTANT, Market, Posting, market, markets
from market_assets_tests.statistics.pay_by_hand import figure, pay_of

NOTHING = pl.DataFrame(schema=SKILL_HISTORY)
JANUARY = datetime(2024, 1, 10, tzinfo=UTC)
FEBRUARY = datetime(2024, 2, 20, tzinfo=UTC)
CLOSED = datetime(2024, 2, 8, tzinfo=UTC)


def filled(months: Mapping[str, int]) -> pl.DataFrame:
    """How many postings the daily partitions of each month have ingested."""
    return pl.DataFrame(list(months.items()), schema={"month": pl.String, "postings": pl.Int64}, orient="row")


def recorded(
    postings: Iterable[Posting], as_of: datetime, months: Mapping[str, int], stored: pl.DataFrame = NOTHING
) -> pl.DataFrame:
    return skill_history(market(postings).window(), stored, filled(months), as_of, 1)


def counts(history: pl.DataFrame) -> dict[tuple[str, str], int]:
    return {(row["skill"], row["month"]): row["postings"] for row in history.to_dicts()}


def sql(at: datetime, number: int = 1, **more: Any) -> list[Posting]:
    return [Posting(("SQL",), posted_at=at, **more)] * number


@given(market=markets(max_size=40))
def test_months_of_any_market(market: Market) -> None:
    months = dict(Counter(f"{posting.posted_at:%Y-%m}" for posting in market.postings))
    rows: list[dict[str, Any]] = []
    for skill in sorted(market.categories):
        for month in sorted(months):
            of_month = [each for each in market.postings if f"{each.posted_at:%Y-%m}" == month]
            having = [each for each in of_month if skill in each.skills]
            if having:
                rows.append(
                    {
                        "skill": skill,
                        "month": month,
                        "postings": len(having),
                        "share": len(having) / len(of_month),
                        "postings_with_salary": len(pay_of(having)),
                        "median_salary": figure(pay_of(having), 50, 3),
                        "market_postings": len(of_month),
                        "filled_postings": months[month],
                        "recorded_at": AS_OF,
                        "revised_at": None,
                    }
                )
    found = skill_history(market.window(), NOTHING, filled(months), AS_OF, 3)
    assert_rows(found, SKILL_HISTORY, rows)


def test_an_open_month_is_counted_again() -> None:
    first = recorded(sql(JANUARY), JANUARY, {"2024-01": 1})
    last = CLOSED - INSTANT
    again = recorded(sql(JANUARY, 3), last, {"2024-01": 1}, first)
    assert counts(again) == {("SQL", "2024-01"): 3}
    assert again.select("recorded_at", "revised_at").rows() == [(last, None)]


def test_a_closed_month_stays_when_the_backlog_of_a_new_source_arrives() -> None:
    first = recorded(sql(JANUARY), JANUARY, {"2024-01": 1})
    backlog = sql(JANUARY, 50, source="new board", first_seen=FEBRUARY.date())
    later = recorded([*sql(JANUARY), *backlog], FEBRUARY, {"2024-01": 1, "2024-02": 50}, first)
    assert_frame_equal(later, first)


def test_a_month_that_is_filled_back_is_counted_again_and_noted() -> None:
    first = recorded(sql(JANUARY), JANUARY, {"2024-01": 1})
    revised = recorded(sql(JANUARY, 4), FEBRUARY, {"2024-01": 4}, first)
    row = revised.row(0, named=True)
    assert (row["postings"], row["filled_postings"]) == (4, 4)
    assert (row["recorded_at"], row["revised_at"]) == (FEBRUARY, FEBRUARY)
    unchanged = recorded(sql(JANUARY, 4), FEBRUARY + timedelta(days=1), {"2024-01": 4}, revised)
    assert_frame_equal(unchanged, revised)


def test_a_look_back_leaves_what_was_recorded_later() -> None:
    first = recorded(sql(JANUARY, 3), JANUARY, {"2024-01": 3})
    looked_back = recorded(sql(JANUARY), JANUARY - timedelta(days=3), {"2024-01": 3}, first)
    assert_frame_equal(looked_back, first)


def test_what_is_recorded_outlives_the_postings() -> None:
    first = recorded(sql(JANUARY, 2), JANUARY, {"2024-01": 2})
    gone = recorded(sql(FEBRUARY), FEBRUARY, {"2024-02": 1}, first)
    assert counts(gone) == {("SQL", "2024-01"): 2, ("SQL", "2024-02"): 1}
    fewer = recorded(sql(JANUARY), FEBRUARY, {"2024-01": 1}, first)
    assert_frame_equal(fewer, first)


def test_a_month_that_was_never_recorded_is_counted_although_it_is_closed() -> None:
    found = recorded(sql(JANUARY), FEBRUARY, {"2024-01": 0, "2024-02": 5})
    assert found.select("month", "filled_postings", "recorded_at", "revised_at").rows() == [
        ("2024-01", 0, FEBRUARY, None)
    ]


def test_a_revised_month_loses_skills_that_are_found_no_more() -> None:
    first = recorded([*sql(JANUARY), Posting(("Zig",), posted_at=JANUARY)], JANUARY, {"2024-01": 2})
    revised = recorded(sql(JANUARY, 3), FEBRUARY, {"2024-01": 3}, first)
    assert counts(revised) == {("SQL", "2024-01"): 3}


def test_months_to_count() -> None:
    months = filled({"2023-12": 5, "2024-01": 5, "2024-02": 5, "2024-03": 0})
    stored = recorded(sql(datetime(2023, 12, 5, tzinfo=UTC)), JANUARY, {"2023-12": 5})
    assert months_to_count(stored, months, FEBRUARY) == ["2024-01", "2024-02"], "nothing after the time itself"
    assert first_to_count(stored, months, FEBRUARY) == datetime(2024, 1, 1, tzinfo=UTC)
    assert months_to_count(NOTHING, months, JANUARY) == ["2023-12", "2024-01"]
    assert first_to_count(stored, filled({}), FEBRUARY) == FEBRUARY


def test_a_month_is_closed_seven_days_after_its_end() -> None:
    stored = recorded(sql(JANUARY), JANUARY, {"2024-01": 1})
    assert datetime(2024, 2, 1, tzinfo=UTC) + CLOSED_AFTER == CLOSED
    assert months_to_count(stored, filled({"2024-01": 1}), CLOSED - INSTANT) == ["2024-01"]
    assert months_to_count(stored, filled({"2024-01": 1}), CLOSED) == []
