"""What is wrong by the state; and the state itself, read from a real instance, database and disk."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from market_assets.operations.alerts.incidents import (
    DAEMON_LOG,
    WEB_LOG,
    IncidentLog,
    Recipient,
    incident,
    save_log,
)
from market_assets.operations.background import Probe
from market_assets.operations.health import judge
from market_assets.operations.monitored import Monitored
from market_assets.operations.system_state import (
    DaemonState,
    DatabaseState,
    DiskState,
    HistoryState,
    JobState,
    SystemState,
    TableState,
    read_database,
    read_disk,
    read_history,
    read_state,
)
from market_assets.settings import Settings
from market_assets.store import schema
from market_assets.store.database import Database
from market_assets.store.schedule_overrides import JobOverrides, Pause, ScheduleOverrides
from market_assets.tasks import Interval
from market_assets_tests.operations.alerts.monitored_location import FAULTS, MonitoredLocation, monitored_location

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
JOB = JobState(
    "refresh",
    "refresh_schedule",
    "30 2,14 * * *",
    is_on=True,
    last_status="success",
    last_run=NOW - HOUR,
    last_success=NOW - HOUR,
    next_run=NOW + HOUR,
    due=NOW - 2 * HOUR,
)
LATE = replace(JOB, last_success=NOW - 5 * HOUR, last_status="failed")
WELL = SystemState(
    now=NOW,
    history=HistoryState(
        jobs=(JOB,),
        daemons=(DaemonState("SCHEDULER", True, NOW), DaemonState("SENSOR", True, NOW)),
        tables=(TableState("skill_demand", NOW - HOUR, 26 * HOUR), TableState("never", None, HOUR)),
        evaluated_at=NOW,
        recipients=(Recipient("json://host"),),
    ),
    database=DatabaseState("market.db", "0005", "0005"),
    disk=DiskState("data", 50 << 30, 100 << 30),
)


def with_history(**changes: object) -> SystemState:
    assert WELL.history is not None
    return replace(WELL, history=replace(WELL.history, **changes))  # type: ignore[arg-type]


DEAD = DaemonState("SCHEDULER", False, NOW - HOUR)
#: state | the names of what is wrong | words of the first line
WRONG: list[tuple[SystemState, list[str], str]] = [
    (replace(WELL, errors={"code": "SyntaxError: line 3"}), ["code"], "does not load: SyntaxError: line 3"),
    (replace(WELL, history=None, errors={"history": "refused"}), ["history"], "storage does not answer: refused"),
    (replace(WELL, database=None, errors={"database": "no answer for 9 s"}), ["database"], "no answer for 9 s"),
    (replace(WELL, database=DatabaseState("m.db", "0004", "0005")), ["database"], "market-assets db upgrade"),
    (replace(WELL, database=DatabaseState("m.db", "0009", "0005")), ["database"], "newer"),
    (replace(WELL, database=DatabaseState("m.db", None, "0005")), ["database"], "no tables yet"),
    (replace(WELL, disk=DiskState("data", 100 << 20, 100 << 30)), ["disk"], "0.10 GiB of 100 GiB"),
    (with_history(daemons=(DEAD,)), ["daemon"], "sent no heartbeat since 2026-03-04 11:00 UTC"),
    (with_history(daemons=(DaemonState("SENSOR", False, None),)), ["daemon"], "sent no heartbeat yet"),
    (with_history(daemons=(DEAD, DaemonState("SENSOR", True, NOW))), ["daemon"], "11:00 UTC: SCHEDULER"),
    (with_history(jobs=(LATE,)), ["job"], "refresh was due at 2026-03-04 10:00 UTC and has not succeeded since"),
    (
        with_history(jobs=(replace(LATE, last_success=None),)),
        ["job"],
        "has not succeeded yet; its last run is failed",
    ),
    (
        with_history(recipients=(Recipient("json://host", error="HTTP 500"),)),
        ["alerts"],
        "json://host can't be reached",
    ),
    (
        with_history(evaluated_at=NOW - HOUR),
        ["alerts"],
        "have not been looked for since 2026-03-04 11:00 UTC",
    ),
]


def test_nothing_is_wrong() -> None:
    assert judge(WELL).is_ok and judge(WELL).warnings == ()


@pytest.mark.parametrize(("state", "names", "words"), WRONG)
def test_what_is_wrong(state: SystemState, names: list[str], words: str) -> None:
    health = judge(state)
    assert not health.is_ok
    assert [reason.name for reason in health.reasons] == names
    assert words in str(health.reasons[0]) and "\n" not in str(health.reasons[0])


@pytest.mark.parametrize(
    "job",
    [
        replace(LATE, is_on=False, off_because="paused"),
        replace(LATE, is_active=True),
        replace(LATE, due=None),
        replace(LATE, last_success=LATE.due),
    ],
)
def test_jobs_that_are_not_late(job: JobState) -> None:
    assert judge(with_history(jobs=(job,))).is_ok


def test_incidents_and_old_tables_are_warnings_each_once() -> None:
    open_now = (
        incident("run:x", "run", "x failed", "step failed: cause\nRun 7", NOW - HOUR),
        incident("stale:old", "stale", "old is stale", "Last made …", NOW - HOUR),
    )
    old = (TableState("old", NOW - 40 * HOUR, 26 * HOUR), TableState("older", NOW - 50 * HOUR, 26 * HOUR))
    health = judge(with_history(incidents=open_now, tables=old))
    assert health.is_ok
    assert [str(warning) for warning in health.warnings] == [
        "run: x failed, since 2026-03-04 11:00 UTC: step failed: cause",
        "stale: old is stale, since 2026-03-04 11:00 UTC: Last made …",
        "stale: older is stale: last materialized at 2026-03-02 10:00 UTC",
    ]
    dead = incident("system:daemon", "system", "the daemon sends no heartbeat", "", NOW - HOUR)
    assert judge(with_history(incidents=(dead,), daemons=(DEAD,))).warnings == (), "it is a reason already"
    assert len(judge(with_history(incidents=(dead,))).warnings) == 1
    little = judge(replace(WELL, disk=DiskState("data", 1 << 30, 100 << 30)))
    assert little.is_ok and [warning.name for warning in little.warnings] == ["disk"]


# --- the state ---------------------------------------------------------------------------------


@pytest.fixture
def location(tmp_path: Path) -> Iterator[MonitoredLocation]:
    with monitored_location(tmp_path / "dagster") as location:
        yield location


def job_state(location: MonitoredLocation, name: str, now: datetime | None = None, **more: object) -> JobState:
    history = read_history(location.instance, location.monitored, now or location.now, **more)  # type: ignore[arg-type]
    return next(job for job in history.jobs if job.job == name)


def test_a_job_over_time(location: MonitoredLocation) -> None:
    """The job `nightly` runs at 02:00; the schedule was started at noon, a day ago."""
    today = location.now.replace(hour=0, minute=0, second=0, microsecond=0)
    never = job_state(location, "nightly")
    assert (never.is_on, never.last_status, never.due, never.is_late) == (True, None, None, False)
    assert never.next_run is not None and (never.next_run.hour, never.next_run.minute) == (2, 0)
    location.set_schedule("nightly_schedule", today - 12 * HOUR)
    # It may take its time, up to two hours.
    assert job_state(location, "nightly", today + 3 * HOUR).is_late is False
    late = job_state(location, "nightly", today + 4 * HOUR + MINUTE)
    assert (late.due, late.is_late) == (today + 2 * HOUR, True)
    FAULTS["nightly"] = "dry"
    location.run("nightly")
    failed = job_state(location, "nightly", location.now + timedelta(days=1))
    assert (failed.last_status, failed.last_success, failed.is_late) == ("failed", None, True)
    FAULTS.clear()
    location.run("nightly")
    done = job_state(location, "nightly")
    assert (done.last_status, done.is_late) == ("success", False)
    assert done.last_success is not None and abs(done.last_success - location.now) < 5 * MINUTE
    assert job_state(location, "nightly", location.now + timedelta(days=3)).is_late


def test_a_job_is_late_by_its_interval_and_not_by_the_ticks_between(location: MonitoredLocation) -> None:
    """Every 50 hours: cron can only say every 10 minutes or so, and most ticks start nothing."""
    interval = Interval(3_000)
    (nightly,) = (one for one in location.monitored.schedules if one.job == "nightly")
    watched = Monitored(schedules=(replace(nightly, crons=tuple(interval.crons), interval=interval),))
    due = interval.next(location.now)
    location.set_schedule("nightly_schedule", due - HOUR)

    def state(now: datetime) -> JobState:
        (job,) = read_history(location.instance, watched, now).jobs
        return job

    assert (state(due - MINUTE).next_run, state(due + MINUTE).next_run) == (due, due + 50 * HOUR)
    assert state(due + HOUR).is_late is False
    late = state(due + 49 * HOUR)
    assert (late.due, late.is_late) == (due, True)


def test_a_job_that_is_running_or_off_is_not_late(location: MonitoredLocation) -> None:
    later = location.now + timedelta(days=3)
    location.set_schedule("nightly_schedule", location.now)
    assert job_state(location, "nightly", later).is_late
    run = location.add_run("nightly", "STARTED")
    active = job_state(location, "nightly", later)
    assert (active.is_active, active.last_status, active.is_late) == (True, "running", False)
    location.instance.report_run_canceled(run)
    assert job_state(location, "nightly", later).is_late
    pause = Pause(location.now + HOUR, "ada", "the source is moving")
    overrides = ScheduleOverrides({"nightly": JobOverrides(location.now, pause=pause)})
    paused = job_state(location, "nightly", later, overrides=overrides)
    assert (paused.is_on, paused.is_late, paused.next_run) == (False, False, None)
    assert paused.off_because and "ada" in paused.off_because and "the source is moving" in paused.off_because
    location.set_schedule("nightly_schedule", location.now, "STOPPED")
    assert job_state(location, "nightly", later).off_because == "the schedule nightly_schedule is stopped"


def test_tables_queue_incidents_and_recipients(location: MonitoredLocation) -> None:
    location.run("shop", partition_key="2026-03-04")
    location.add_run("hourly", "STARTED")
    one = incident("run:x", "run", "x failed", "", location.now)
    two = incident("system:daemon", "system", "the daemon sends no heartbeat", "", location.now)
    broken = Recipient("json://host", failures=1, error="HTTP 500")
    save_log(
        location.instance,
        DAEMON_LOG,
        IncidentLog((one,), {"a": Recipient("json://host")}, evaluated_at=location.now),
    )
    save_log(location.instance, WEB_LOG, IncidentLog((two,), {"a": broken, "b": Recipient("mailto://b")}))
    history = read_history(location.instance, location.monitored, location.now)
    (table,) = history.tables
    assert table.table == "stock" and table.materialized_at is not None and not table.is_stale(location.now)
    assert table.is_stale(location.now + 27 * HOUR)
    assert (history.queued, history.running) == (0, 1)
    assert [found.key for found in history.incidents] == ["run:x", "system:daemon"]
    assert {found.host: found.error for found in history.recipients} == {
        "json://host": "HTTP 500",
        "mailto://b": None,
    }
    assert history.daemons and not any(daemon.is_alive for daemon in history.daemons)


def test_the_database(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    newest = schema.newest_version()
    assert read_database(database) == DatabaseState(database.name, None, newest)
    schema.upgrade(database)
    assert read_database(database) == DatabaseState(database.name, newest, newest)


def test_the_disk(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, MARKET_ASSETS_DATA_DIR=tmp_path / "not" / "there" / "yet")
    disk = read_disk(settings)
    assert 0 < disk.free <= disk.total


# --- probes ------------------------------------------------------------------------------------


def test_a_part_that_hangs_delays_no_other_and_is_read_once() -> None:
    release, read = threading.Event(), []

    def hang() -> None:
        read.append(1)
        release.wait(60)

    probes: dict[str, Probe[object]] = {"database": Probe(hang), "disk": Probe(lambda: DiskState("data", 1, 2))}
    try:
        for _ in range(3):
            state = read_state(probes, 0.2)
            assert state.disk == DiskState("data", 1, 2)
            assert state.errors["database"].startswith("no answer for")
        assert len(read) == 1
    finally:
        release.set()


def test_results_and_errors_are_kept_for_a_while() -> None:
    read: list[int] = []

    def fail() -> None:
        read.append(1)
        raise OSError("gone\nwith a second line")

    kept: dict[str, Probe[object]] = {"disk": Probe(fail, fresh_seconds=3600)}
    assert read_state(kept, 30).errors == read_state(kept, 30).errors == {"disk": "gone with a second line"}
    assert len(read) == 1
    fresh: dict[str, Probe[object]] = {"disk": Probe(fail, fresh_seconds=0)}
    read_state(fresh, 30)
    read_state(fresh, 30)
    assert len(read) == 3
