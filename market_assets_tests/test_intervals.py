"""Intervals against counting, and their cron expressions against what Dagster makes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile

import pytest
from dagster._utils.schedules import has_out_of_range_cron_interval, schedule_execution_time_iterator
from hypothesis import given
from hypothesis import strategies as st

from market_assets.tasks import Interval

NOW = datetime(2026, 3, 4, 12, 34, 56, tzinfo=UTC)
#: Times over years, clock changes and leap days among them.
_FIRST, _LAST = datetime(2020, 1, 1), datetime(2040, 1, 1)  # noqa: DTZ001
TIMES = st.datetimes(_FIRST, _LAST, timezones=st.just(UTC))
DIVIDING_A_DAY = [minutes for minutes in range(1, 1_441) if 1_440 % minutes == 0]


def ticks(interval: Interval, start: datetime, number: int) -> list[datetime]:
    """When Dagster evaluates a schedule of the interval's cron expressions."""
    return list(islice(schedule_execution_time_iterator(start.timestamp(), interval.crons, "UTC"), number))


def is_due(minutes: int, time: datetime) -> bool:
    return time.timestamp() % (minutes * 60) == 0


@pytest.mark.parametrize("minutes", [*DIVIDING_A_DAY, 10_080, 5_040, 3_360, 1_680, 840])
def test_what_cron_can_say_is_said_exactly(minutes: int) -> None:
    interval = Interval(minutes)
    assert interval.is_exact
    assert not has_out_of_range_cron_interval(interval.crons)
    found = ticks(interval, NOW, 200)
    assert all(is_due(minutes, time) for time in found)
    assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(minutes=minutes)}


@given(st.integers(1, 366 * 1_440), TIMES)
def test_every_due_time_is_a_tick(minutes: int, start: datetime) -> None:
    interval = Interval(minutes)
    due = interval.next(start)
    assert start < due
    assert is_due(minutes, due)
    assert due - start <= timedelta(minutes=minutes)
    # The ticks just before the due time lead to it.
    assert due in ticks(interval, due - timedelta(minutes=1), 2)


@pytest.mark.parametrize(
    ("minutes", "step"), [(300, 60), (4_320, 1_440), (2_160, 720), (50, 10), (7, 1), (1_500, 60), (20_160, 1_440)]
)
def test_what_cron_cannot_say_is_looked_at_as_seldom_as_can_be(minutes: int, step: int) -> None:
    interval = Interval(minutes)
    assert not interval.is_exact
    found = ticks(interval, NOW, 500)
    assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(minutes=step)}


@given(st.integers(1, 100_000), TIMES)
def test_the_latest_due_time_is_one_interval_before_the_next(minutes: int, time: datetime) -> None:
    interval = Interval(minutes)
    latest = interval.latest(time)
    assert latest <= time < latest + timedelta(minutes=minutes) == interval.next(time)
    assert interval.latest(latest) == latest
    assert is_due(minutes, latest)


def test_nothing_moves_when_clocks_change() -> None:
    for day in (datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)):
        of_the_day = takewhile(
            lambda time, end=day + timedelta(days=1): time < end,  # type: ignore[misc]
            schedule_execution_time_iterator(day.timestamp(), Interval(45).crons, "UTC"),
        )
        assert len(list(of_the_day)) == 32


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (1, "every minute"),
        (60, "every hour"),
        (1_440, "every day"),
        (45, "every 45 minutes"),
        (300, "every 5 hours"),
        (90, "every 90 minutes"),
        (2_160, "every 36 hours"),
        (4_320, "every 3 days"),
    ],
)
def test_intervals_in_words(minutes: int, words: str) -> None:
    assert Interval(minutes).in_words == words


@pytest.mark.parametrize(
    ("minutes", "crons"),
    [
        (1, ["* * * * *"]),
        (15, ["*/15 * * * *"]),
        (60, ["0 * * * *"]),
        (1_440, ["0 0 * * *"]),
        (10_080, ["0 0 * * 4"]),
        (90, ["0 0,3,6,9,12,15,18,21 * * *", "30 1,4,7,10,13,16,19,22 * * *"]),
    ],
)
def test_simple_intervals_have_simple_expressions(minutes: int, crons: list[str]) -> None:
    assert Interval(minutes).crons == crons
