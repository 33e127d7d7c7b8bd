"""A week of schedules in simulated time: which ticks ran, which were made up for, which were skipped, and why.

The scheduler is Dagster's; the clock, and how long runs take, are the test's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.scheduler.instigation import TickStatus

from market_assets.operations.names import CLEANUP, INGESTION, PARTITION_TAG, PRUNE, REBUILD, REFRESH
from market_assets.operations.scheduling import MOST_DAYS
from market_assets.store import schedule_overrides, schema
from market_assets.store.database import Database
from market_assets.store.schedule_overrides import Pause
from market_assets_tests.cli.programs import PROJECT
from market_assets_tests.operations.simulated_days import SimulatedDaemon, Tick, simulated_daemon

#: Monday to Monday: clocks in Europe go forward on Sunday the 29th at 01:00 UTC.
SPRING = datetime(2026, 3, 23, tzinfo=UTC)
#: The week in which clocks in New York go back, on Sunday, 1 November, at 06:00 UTC.
AUTUMN = datetime(2026, 10, 26, tzinfo=UTC)
A_WEEK = timedelta(days=7)
TIMES = {
    INGESTION: ["02:00"],
    REFRESH: ["02:30", "14:30"],
    CLEANUP: ["03:00"],
    REBUILD: ["04:00"],
    PRUNE: ["05:00"],
}
ON_SUNDAYS = (CLEANUP, REBUILD)
SUCCESS, SKIPPED, FAILURE = TickStatus.SUCCESS, TickStatus.SKIPPED, TickStatus.FAILURE

Due = tuple[datetime, str]


def due_between(start: datetime, end: datetime) -> list[Due]:
    """Every time at which a job is due, by the calendar alone."""
    found = []
    for number in range((end - start).days + 2):
        day = start.date() + timedelta(days=number)
        for job, times in TIMES.items():
            if job in ON_SUNDAYS and day.isoweekday() != 7:
                continue
            found += [(datetime.fromisoformat(f"{day} {each}+00:00"), job) for each in times]
    return sorted(each for each in found if start < each[0] <= end)


def the_usual(due: Due) -> Tick:
    """The tick of a due time without trouble."""
    when, job = due
    return Tick(job, when, SUCCESS, None, ((when.date().isoformat() if job == INGESTION else None, None),))


def days(first: datetime, last: datetime) -> set[str]:
    return {(first.date() + timedelta(days=n)).isoformat() for n in range((last.date() - first.date()).days + 1)}


def ingested(daemon: SimulatedDaemon) -> set[str]:
    return daemon.instance.get_materialized_partitions(dg.AssetKey("job_postings"))


@pytest.fixture(
    params=[
        pytest.param(("Europe/Berlin", SPRING), id="spring"),
        pytest.param(("America/New_York", AUTUMN), id="autumn", marks=pytest.mark.thorough),
    ]
)
def monday(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[datetime]:
    """The start of a week, in a process that believes to be where clocks change in it."""
    place, monday = request.param
    monkeypatch.setenv("TZ", place)
    time.tzset()
    assert datetime.fromtimestamp(monday.timestamp()).astimezone().utcoffset() != (
        datetime.fromtimestamp((monday + A_WEEK).timestamp()).astimezone().utcoffset()
    )
    yield monday
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def store(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path / 'market.db'}")


@pytest.fixture
def daemon(store: Database, tmp_path: Path) -> Iterator[SimulatedDaemon]:
    with simulated_daemon(tmp_path, store.url.render_as_string()) as daemon:
        yield daemon


@pytest.mark.slow
def test_every_tick_of_a_week_in_which_clocks_change(
    daemon: SimulatedDaemon, monday: datetime, thorough: bool
) -> None:
    """Each time only from Friday on: the clocks change on Sunday."""
    days = 7 if thorough else 3
    start, end = monday + A_WEEK - timedelta(days=days), monday + A_WEEK
    daemon.run(start, end)
    expected = [the_usual(due) for due in due_between(start, end)]
    assert daemon.ticks() == expected
    assert len(expected) == days + 2 * days + 1 + 1 + days
    assert {tick.due for tick in daemon.ticks() if tick.job in ON_SUNDAYS} == {
        monday + timedelta(days=6, hours=3),
        monday + timedelta(days=6, hours=4),
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "down",
    [
        SPRING + timedelta(days=5, hours=23),
        pytest.param(SPRING + timedelta(days=1, hours=2, minutes=15), marks=pytest.mark.thorough),
        pytest.param(SPRING + timedelta(days=2, hours=1), marks=pytest.mark.thorough),
        pytest.param(AUTUMN + timedelta(days=5, hours=22), marks=pytest.mark.thorough),
    ],
    ids=str,
)
def test_an_outage_of_thirty_hours(daemon: SimulatedDaemon, down: datetime) -> None:
    start = down.replace(hour=0, minute=0)
    up, end = down + timedelta(hours=30), start + timedelta(days=3)
    daemon.run(start, down)
    daemon.run(up, end)
    missed = due_between(down, up)
    made_up: dict[str, list[datetime]] = {}
    for when, job in missed:
        made_up.setdefault(job, []).append(when)
    by_time = {(tick.due, tick.job): tick for tick in daemon.ticks()}
    for due in due_between(start, down) + due_between(up, end):
        assert by_time.pop(due[:2]) == the_usual(due)
    assert by_time.keys() == {(times[-1], job) for job, times in made_up.items()}, "one tick for what was missed"
    for (when, job), tick in by_time.items():
        assert (tick.status, tick.reason) == (SUCCESS, None)
        earlier = made_up[job][:-1]
        if job == INGESTION:
            caught_up = [(each.date().isoformat(), f"{each:%Y-%m-%d %H:%M} UTC") for each in reversed(earlier)]
            assert tick.runs == ((when.date().isoformat(), None), *caught_up)
        else:
            words = ", ".join(f"{each:%Y-%m-%d %H:%M}" for each in earlier)
            assert tick.runs == ((None, f"{words} UTC" if earlier else None),), "one run is enough"
    assert ingested(daemon) == days(start, end - timedelta(hours=1)), "no day stays missing"


def test_a_day_that_was_ingested_by_hand_meanwhile_is_not_run_again(daemon: SimulatedDaemon) -> None:
    daemon.run(SPRING, SPRING + timedelta(hours=3))
    daemon.instance.report_runless_asset_event(dg.AssetMaterialization("job_postings", partition="2026-03-25"))
    daemon.run(SPRING + timedelta(days=4, hours=2), SPRING + timedelta(days=4, hours=3))
    last = [tick for tick in daemon.ticks() if tick.job == INGESTION][-1]
    assert [partition for partition, _ in last.runs] == ["2026-03-27", "2026-03-26", "2026-03-24"]
    assert ingested(daemon) == days(SPRING, SPRING + timedelta(days=4))


@pytest.mark.thorough
def test_the_longest_outage_that_is_made_up_for(daemon: SimulatedDaemon) -> None:
    daemon.run(SPRING, SPRING + timedelta(hours=3))
    back = SPRING + timedelta(days=60, hours=2)
    daemon.run(back, back)
    last = [tick for tick in daemon.ticks() if tick.job == INGESTION][-1]
    assert [partition for partition, _ in last.runs] == [
        (back.date() - timedelta(days=n)).isoformat() for n in range(MOST_DAYS + 1)
    ]


def test_days_that_no_source_can_give_any_more_are_named_and_not_tried(tmp_path: Path) -> None:
    url, only_now = f"sqlite:///{tmp_path / 'market.db'}", "ListedSource(any_day=False)"
    with simulated_daemon(tmp_path, url, only_now) as daemon:
        daemon.run(SPRING, SPRING + timedelta(hours=3))
        daemon.run(SPRING + timedelta(days=3, hours=2), SPRING + timedelta(days=3, hours=2))
        last = [tick for tick in daemon.ticks() if tick.job == INGESTION][-1]
        assert last.runs == (("2026-03-26", "2026-03-24 02:00, 2026-03-25 02:00 UTC"),)


def test_nothing_is_made_up_from_before_the_first_start(daemon: SimulatedDaemon) -> None:
    daemon.run(SPRING + timedelta(hours=1), SPRING + timedelta(hours=3))
    assert [tick.runs for tick in daemon.ticks()] == [(("2026-03-23", None),), ((None, None),)]


def test_a_run_that_takes_thirteen_hours(daemon: SimulatedDaemon) -> None:
    """The next tick is skipped with the run that is in the way, and the one after that runs."""
    ends = SPRING + timedelta(hours=15, minutes=30)
    daemon.holds = lambda run, now: run.job_name == REFRESH and now < ends
    daemon.run(SPRING, SPRING + timedelta(days=1, hours=3))
    first, second, third = (tick for tick in daemon.ticks() if tick.job == REFRESH)
    assert (first.status, second.status, third.status) == (SUCCESS, SKIPPED, SUCCESS)
    run = daemon.instance.get_runs(dg.RunsFilter(job_name=REFRESH))[-1]
    assert second.reason == f"{REFRESH} is still active: run {run.run_id} is starting"
    assert second.runs == ()
    assert third.runs == ((None, None),), "a tick that was skipped for a reason has been dealt with"


def test_a_day_that_is_still_being_ingested_after_an_outage(daemon: SimulatedDaemon) -> None:
    """It is neither started again nor in the way of other days."""
    daemon.holds = lambda run, _now: run.tags.get(PARTITION_TAG) == "2026-03-24"
    daemon.run(SPRING, SPRING + timedelta(days=1, hours=3))
    daemon.run(SPRING + timedelta(days=3, hours=3), SPRING + timedelta(days=3, hours=3))
    last = [tick for tick in daemon.ticks() if tick.job == INGESTION][-1]
    assert [partition for partition, _ in last.runs] == ["2026-03-26", "2026-03-25"]
    partitions = [
        run.tags.get(PARTITION_TAG) for run in daemon.instance.get_runs(dg.RunsFilter(job_name=INGESTION))
    ]
    assert partitions.count("2026-03-24") == 1


def test_ticks_of_a_paused_job_name_who_paused_it(daemon: SimulatedDaemon, store: Database) -> None:
    """A schedule that was started behind the pause's back still starts nothing."""
    schema.upgrade(store)
    far = datetime(2100, 1, 1, tzinfo=UTC)
    schedule_overrides.pause(store.engine(), REFRESH, Pause(datetime.now(UTC), "ann", "moving house", far))
    daemon.run(SPRING, SPRING + timedelta(days=1))
    ticks = [tick for tick in daemon.ticks() if tick.job == REFRESH]
    assert [tick.status for tick in ticks] == [SKIPPED, SKIPPED]
    assert {tick.reason for tick in ticks} == {
        f"{REFRESH} was paused by ann until 2100-01-01 00:00 UTC: moving house"
    }
    assert [tick.status for tick in daemon.ticks() if tick.job == INGESTION] == [SUCCESS]


def test_a_database_that_is_away_at_the_time_of_a_tick(daemon: SimulatedDaemon, store: Database) -> None:
    """The tick fails and is tried again until the day is ingested; one that failed for good is made up for."""
    store.path.write_bytes(b"this is no database" * 100)
    daemon.run(SPRING, SPRING + timedelta(hours=3))
    assert {tick.status for tick in daemon.ticks()} == {FAILURE}
    assert ingested(daemon) == set()
    store.path.unlink()
    daemon.run(SPRING + timedelta(hours=3, minutes=10), SPRING + timedelta(hours=4))
    assert [tick.status for tick in daemon.ticks()] == [SUCCESS, SUCCESS]
    assert ingested(daemon) == {"2026-03-23"}
    store.path.write_bytes(b"this is no database" * 100)
    daemon.run(SPRING + timedelta(days=1), SPRING + timedelta(days=1, hours=3))
    assert ingested(daemon) == {"2026-03-23"}
    store.path.unlink()
    daemon.run(SPRING + timedelta(days=2, minutes=10), SPRING + timedelta(days=2, hours=3))
    assert ingested(daemon) == {"2026-03-23", "2026-03-24", "2026-03-25"}


def test_the_simulation_has_the_settings_of_the_project(daemon: SimulatedDaemon) -> None:
    stated = yaml.safe_load((PROJECT / "dagster.yaml").read_text())["scheduler"]["config"]
    assert daemon.instance.scheduler is not None
    assert daemon.instance.scheduler.max_tick_retries == stated["max_tick_retries"]  # type: ignore[attr-defined]
    assert date(2026, 3, 29).isoweekday() == 7
