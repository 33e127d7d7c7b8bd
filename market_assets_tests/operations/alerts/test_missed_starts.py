"""Which starts of a schedule count as missed, and when that is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from market_assets_tests.operations.alerts.monitored_location import HOUR, MINUTE, NOON, MonitoredLocation


def evaluate(location: MonitoredLocation, first: datetime, last: datetime, every: timedelta = 4 * MINUTE) -> None:
    """Evaluate as often as a daemon that is up; further apart, it would count as having been down."""
    while first <= last:
        location.evaluate(first)
        first += every


def missed(location: MonitoredLocation) -> list[str]:
    return [one.title for one in location.log.incidents if one.kind == "missed"]


def test_starts_that_happen_are_not_missed(location: MonitoredLocation) -> None:
    location.set_schedule("hourly_schedule", NOON)
    for hour in range(4):
        if hour:
            status = ("SUCCESS", "SKIPPED", "FAILURE")[hour % 3]
            location.add_tick(
                "hourly_schedule", NOON + hour * HOUR, status, "broken" if status == "FAILURE" else None
            )
        evaluate(location, NOON + hour * HOUR + MINUTE, NOON + hour * HOUR + 59 * MINUTE)
    assert missed(location) == []


def test_a_start_that_does_not_happen_while_the_daemon_is_up(location: MonitoredLocation) -> None:
    location.set_schedule("hourly_schedule", NOON)
    evaluate(location, NOON + MINUTE, NOON + HOUR + 9 * MINUTE)
    assert missed(location) == []
    evaluate(location, NOON + HOUR + 10 * MINUTE, NOON + HOUR + 14 * MINUTE)
    assert missed(location) == ["hourly_schedule missed a start"]
    assert "2026-03-04 13:00 UTC" in location.log.open[0].detail
    location.add_tick("hourly_schedule", NOON + 2 * HOUR)
    evaluate(location, NOON + HOUR + 16 * MINUTE, NOON + 2 * HOUR + 2 * MINUTE)
    (one,) = location.log.incidents
    assert not one.is_open and "14:00" in one.ending


def test_a_missed_start_is_not_over_by_a_tick_before_it(location: MonitoredLocation) -> None:
    location.set_schedule("hourly_schedule", NOON - HOUR)
    location.add_tick("hourly_schedule", NOON)
    evaluate(location, NOON + MINUTE, NOON + HOUR + 20 * MINUTE)
    (one,) = location.log.incidents
    assert one.is_open and one.title == "hourly_schedule missed a start"


def test_after_an_outage_what_was_made_up_for_is_not_missed(location: MonitoredLocation) -> None:
    location.set_schedule("hourly_schedule", NOON)
    location.set_schedule("nightly_schedule", NOON)
    evaluate(location, NOON + MINUTE, NOON + 30 * MINUTE)
    back = NOON + 30 * HOUR + 20 * MINUTE
    location.evaluate(back)
    # Dagster makes up for the newest start of each schedule.
    location.add_tick("hourly_schedule", NOON + 30 * HOUR)
    location.add_tick("nightly_schedule", datetime(2026, 3, 5, 2, tzinfo=UTC))
    evaluate(location, back + 2 * MINUTE, back + 38 * MINUTE)
    assert location.log.incidents == ()


def test_after_an_outage_with_nothing_made_up_for(location: MonitoredLocation) -> None:
    location.set_schedule("nightly_schedule", NOON)
    location.evaluate(NOON + MINUTE)
    location.evaluate(NOON + 30 * HOUR)
    assert missed(location) == [], "the scheduler is given time to make up for it"
    location.evaluate(NOON + 30 * HOUR + MINUTE)
    assert location.open == ["nightly_schedule missed a start"]


@pytest.mark.parametrize("how", ["stopped", "started later", "another cron"])
def test_starts_that_are_not_due_are_not_missed(location: MonitoredLocation, how: str) -> None:
    location.set_schedule("hourly_schedule", NOON)
    location.evaluate(NOON + MINUTE)
    if how == "stopped":
        location.set_schedule("hourly_schedule", NOON, "STOPPED")
    elif how == "started later":
        location.set_schedule("hourly_schedule", NOON + 5 * HOUR + MINUTE)
    else:
        job = location.repository.get_job("hourly")
        schedule = dg.ScheduleDefinition(name="hourly_schedule", job=job, cron_schedule="30 * * * *")
        location.repository = dg.Definitions(jobs=[job], schedules=[schedule]).get_repository_def()
    evaluate(location, NOON + 5 * HOUR + 2 * MINUTE, NOON + 5 * HOUR + 29 * MINUTE)
    assert missed(location) == []


def test_a_schedule_that_never_ran_misses_nothing(location: MonitoredLocation) -> None:
    evaluate(location, NOON, NOON + HOUR + 20 * MINUTE)
    assert location.log.incidents == ()
