"""Starts that a schedule owed: which of them are told as missed, and when that is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from market_assets_tests.operations.alerts.watching import HOUR, MINUTE, NOON, Watching


def looks(seen: Watching, first: datetime, last: datetime, every: timedelta = 2 * MINUTE) -> None:
    while first <= last:
        seen.look(first)
        first += every


def missed(seen: Watching) -> list[str]:
    return [one.title for one in seen.book.incidents if one.kind == "missed"]


def test_starts_that_happen_are_not_missed(seen: Watching) -> None:
    seen.set_schedule("hourly_schedule", NOON)
    for hour in range(5):
        if hour:
            status = ("SUCCESS", "SKIPPED", "FAILURE")[hour % 3]
            seen.add_tick("hourly_schedule", NOON + hour * HOUR, status, "broken" if status == "FAILURE" else None)
        looks(seen, NOON + hour * HOUR + MINUTE, NOON + hour * HOUR + 59 * MINUTE)
    assert missed(seen) == []


def test_a_start_that_does_not_happen_while_the_daemon_is_up(seen: Watching) -> None:
    seen.set_schedule("hourly_schedule", NOON)
    looks(seen, NOON + MINUTE, NOON + HOUR + 9 * MINUTE)
    assert missed(seen) == []
    looks(seen, NOON + HOUR + 10 * MINUTE, NOON + HOUR + 14 * MINUTE)
    assert missed(seen) == ["hourly_schedule missed a start"]
    assert "2026-03-04 13:00 UTC" in seen.book.open[0].detail
    seen.add_tick("hourly_schedule", NOON + 2 * HOUR)
    looks(seen, NOON + HOUR + 16 * MINUTE, NOON + 2 * HOUR + 2 * MINUTE)
    (one,) = seen.book.incidents
    assert not one.is_open and "14:00" in one.ending


def test_a_missed_start_is_not_over_by_a_tick_before_it(seen: Watching) -> None:
    seen.set_schedule("hourly_schedule", NOON - HOUR)
    seen.add_tick("hourly_schedule", NOON)
    looks(seen, NOON + MINUTE, NOON + HOUR + 20 * MINUTE)
    (one,) = seen.book.incidents
    assert one.is_open and one.title == "hourly_schedule missed a start"


def test_after_an_outage_what_was_made_up_for_is_not_missed_and_the_rest_is(seen: Watching) -> None:
    seen.set_schedule("hourly_schedule", NOON)
    seen.set_schedule("nightly_schedule", NOON)
    looks(seen, NOON + MINUTE, NOON + 30 * MINUTE)
    back = NOON + 30 * HOUR + 20 * MINUTE
    looks(seen, back, back + 8 * MINUTE)
    assert missed(seen) == [], "the scheduler is given time to make up for it"
    # Dagster makes up for the newest start of each schedule.
    seen.add_tick("hourly_schedule", NOON + 30 * HOUR)
    seen.add_tick("nightly_schedule", datetime(2026, 3, 5, 2, tzinfo=UTC))
    looks(seen, back + 10 * MINUTE, back + 20 * MINUTE)
    (one,) = seen.book.incidents
    assert (one.title, one.is_open) == ("hourly_schedule missed 29 starts", False)
    assert "2026-03-04 13:00 to 2026-03-05 17:00" in one.detail
    looks(seen, back + 22 * MINUTE, back + 38 * MINUTE)
    assert len(seen.book.incidents) == 1


def test_after_an_outage_with_nothing_made_up_for(seen: Watching) -> None:
    seen.set_schedule("nightly_schedule", NOON)
    seen.look(NOON + MINUTE)
    back = NOON + 30 * HOUR
    looks(seen, back, back + 8 * MINUTE)
    assert missed(seen) == []
    looks(seen, back + 10 * MINUTE, back + 12 * MINUTE)
    assert seen.open == ["nightly_schedule missed a start"]


@pytest.mark.parametrize("how", ["stopped", "started later", "another cron"])
def test_starts_that_nobody_expects_are_not_missed(seen: Watching, how: str) -> None:
    seen.set_schedule("hourly_schedule", NOON)
    seen.look(NOON + MINUTE)
    if how == "stopped":
        seen.set_schedule("hourly_schedule", NOON, "STOPPED")
    elif how == "started later":
        seen.set_schedule("hourly_schedule", NOON + 5 * HOUR + MINUTE)
    else:
        job = seen.repository.get_job("hourly")
        schedule = dg.ScheduleDefinition(name="hourly_schedule", job=job, cron_schedule="30 * * * *")
        seen.repository = dg.Definitions(jobs=[job], schedules=[schedule]).get_repository_def()
    looks(seen, NOON + 5 * HOUR + 2 * MINUTE, NOON + 5 * HOUR + 29 * MINUTE)
    assert missed(seen) == []


def test_a_schedule_that_no_daemon_has_seen_misses_nothing(seen: Watching) -> None:
    looks(seen, NOON, NOON + 3 * HOUR, 4 * MINUTE)
    assert seen.book.incidents == ()
