"""What is wrong, by facts; and the facts themselves, read from a real instance, database and disk."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from market_assets.operations.alerts.cycle import DAEMON_BOOK, WEB_BOOK
from market_assets.operations.alerts.incidents import Book, Cursor, Recipient, incident, save_book
from market_assets.operations.alerts.monitored import Watched
from market_assets.operations.health import (
    DaemonFacts,
    DatabaseFacts,
    DiskFacts,
    Facts,
    HistoryFacts,
    JobFacts,
    TableFacts,
    judge,
)
from market_assets.operations.health_readings import read_database, read_disk, read_history
from market_assets.operations.probes import Probe, ask_all
from market_assets.settings import Settings
from market_assets.store import schema
from market_assets.store.database import Database
from market_assets.store.schedule_overrides import JobOverrides, Pause, ScheduleOverrides
from market_assets.tasks import Interval
from market_assets_tests.operations.alerts.watching import FAULTS, Watching, watching

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
JOB = JobFacts(
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
WELL = Facts(
    now=NOW,
    history=HistoryFacts(
        jobs=(JOB,),
        daemons=(DaemonFacts("SCHEDULER", True, NOW), DaemonFacts("SENSOR", True, NOW)),
        tables=(TableFacts("skill_demand", NOW - HOUR, 26 * HOUR), TableFacts("never", None, HOUR)),
        looked_at=NOW,
        recipients=(Recipient("json://host"),),
    ),
    database=DatabaseFacts("market.db", "0005", "0005"),
    disk=DiskFacts("data", 50 << 30, 100 << 30),
)


def with_history(**changes: object) -> Facts:
    assert WELL.history is not None
    return replace(WELL, history=replace(WELL.history, **changes))  # type: ignore[arg-type]


DEAD = DaemonFacts("SCHEDULER", False, NOW - HOUR)
#: facts | the names of what is wrong | words of the first line
WRONG: list[tuple[Facts, list[str], str]] = [
    (replace(WELL, errors={"code": "SyntaxError: line 3"}), ["code"], "does not load: SyntaxError: line 3"),
    (replace(WELL, history=None, errors={"history": "refused"}), ["history"], "storage does not answer: refused"),
    (replace(WELL, database=None, errors={"database": "no answer for 9 s"}), ["database"], "no answer for 9 s"),
    (replace(WELL, database=DatabaseFacts("m.db", "0004", "0005")), ["database"], "market-assets db upgrade"),
    (replace(WELL, database=DatabaseFacts("m.db", "0009", "0005")), ["database"], "newer"),
    (replace(WELL, database=DatabaseFacts("m.db", None, "0005")), ["database"], "no tables yet"),
    (replace(WELL, disk=DiskFacts("data", 100 << 20, 100 << 30)), ["disk"], "0.10 GiB of 100 GiB"),
    (with_history(daemons=(DEAD,)), ["daemon"], "not been heard from since 2026-03-04 11:00 UTC"),
    (with_history(daemons=(DaemonFacts("SENSOR", False, None),)), ["daemon"], "not been heard from yet"),
    (with_history(daemons=(DEAD, DaemonFacts("SENSOR", True, NOW))), ["daemon"], "11:00 UTC: SCHEDULER"),
    (with_history(jobs=(LATE,)), ["job"], "refresh was due at 2026-03-04 10:00 UTC and has not succeeded since"),
    (
        with_history(jobs=(replace(LATE, last_success=None),)),
        ["job"],
        "has not succeeded yet; its last run is failed",
    ),
    (
        with_history(recipients=(Recipient("json://host", error="HTTP 500"),)),
        ["alerts"],
        "json://host can't be told",
    ),
    (with_history(looked_at=NOW - HOUR), ["alerts"], "nobody has looked for incidents since 2026-03-04 11:00 UTC"),
]


def test_nothing_is_wrong() -> None:
    assert judge(WELL).is_ok and judge(WELL).warnings == ()


@pytest.mark.parametrize(("facts", "names", "words"), WRONG)
def test_what_is_wrong_is_said(facts: Facts, names: list[str], words: str) -> None:
    health = judge(facts)
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
def test_jobs_that_are_not_late(job: JobFacts) -> None:
    assert judge(with_history(jobs=(job,))).is_ok


def test_incidents_and_old_tables_are_warnings_each_once() -> None:
    open_now = (
        incident("run:x", "run", "x failed", "step failed: cause\nRun 7", NOW - HOUR),
        incident("stale:old", "stale", "old is stale", "Last made …", NOW - HOUR),
    )
    old = (TableFacts("old", NOW - 40 * HOUR, 26 * HOUR), TableFacts("older", NOW - 50 * HOUR, 26 * HOUR))
    health = judge(with_history(incidents=open_now, tables=old))
    assert health.is_ok
    assert [str(warning) for warning in health.warnings] == [
        "run: x failed, since 2026-03-04 11:00 UTC: step failed: cause",
        "stale: old is stale, since 2026-03-04 11:00 UTC: Last made …",
        "stale: older is stale: last made at 2026-03-02 10:00 UTC",
    ]
    silent = incident("system:daemon", "system", "the daemon is silent", "", NOW - HOUR)
    assert judge(with_history(incidents=(silent,), daemons=(DEAD,))).warnings == (), "it is a reason already"
    assert len(judge(with_history(incidents=(silent,))).warnings) == 1
    little = judge(replace(WELL, disk=DiskFacts("data", 1 << 30, 100 << 30)))
    assert little.is_ok and [warning.name for warning in little.warnings] == ["disk"]


# --- the facts ---------------------------------------------------------------------------------


@pytest.fixture
def seen(tmp_path: Path) -> Iterator[Watching]:
    with watching(tmp_path / "dagster") as watched:
        yield watched


def job_facts(seen: Watching, name: str, now: datetime | None = None, **more: object) -> JobFacts:
    history = read_history(seen.instance, seen.watched, now or seen.now, **more)  # type: ignore[arg-type]
    return next(job for job in history.jobs if job.job == name)


def test_a_job_over_time(seen: Watching) -> None:
    """The job `nightly` runs at 02:00; the schedule was started at noon, a day ago."""
    today = seen.now.replace(hour=0, minute=0, second=0, microsecond=0)
    never = job_facts(seen, "nightly")
    assert (never.is_on, never.last_status, never.due, never.is_late) == (True, None, None, False)
    assert never.next_run is not None and (never.next_run.hour, never.next_run.minute) == (2, 0)
    seen.set_schedule("nightly_schedule", today - 12 * HOUR)
    # It may take its time, up to two hours.
    assert job_facts(seen, "nightly", today + 3 * HOUR).is_late is False
    late = job_facts(seen, "nightly", today + 4 * HOUR + MINUTE)
    assert (late.due, late.is_late) == (today + 2 * HOUR, True)
    FAULTS["nightly"] = "dry"
    seen.run("nightly")
    failed = job_facts(seen, "nightly", seen.now + timedelta(days=1))
    assert (failed.last_status, failed.last_success, failed.is_late) == ("failed", None, True)
    FAULTS.clear()
    seen.run("nightly")
    done = job_facts(seen, "nightly")
    assert (done.last_status, done.is_late) == ("success", False)
    assert done.last_success is not None and abs(done.last_success - seen.now) < 5 * MINUTE
    assert job_facts(seen, "nightly", seen.now + timedelta(days=3)).is_late


def test_a_job_is_late_by_its_interval_and_not_by_the_ticks_between(seen: Watching) -> None:
    """Every 50 hours: cron can only say every 10 minutes or so, and most ticks start nothing."""
    interval = Interval(3_000)
    (nightly,) = (one for one in seen.watched.schedules if one.job == "nightly")
    watched = Watched(schedules=(replace(nightly, crons=tuple(interval.crons), interval=interval),))
    due = interval.next(seen.now)
    seen.set_schedule("nightly_schedule", due - HOUR)

    def facts(now: datetime) -> JobFacts:
        (job,) = read_history(seen.instance, watched, now).jobs
        return job

    assert (facts(due - MINUTE).next_run, facts(due + MINUTE).next_run) == (due, due + 50 * HOUR)
    assert facts(due + HOUR).is_late is False
    late = facts(due + 49 * HOUR)
    assert (late.due, late.is_late) == (due, True)


def test_a_job_that_is_running_or_off_is_not_late(seen: Watching) -> None:
    later = seen.now + timedelta(days=3)
    seen.set_schedule("nightly_schedule", seen.now)
    assert job_facts(seen, "nightly", later).is_late
    run = seen.add_run("nightly", "STARTED")
    active = job_facts(seen, "nightly", later)
    assert (active.is_active, active.last_status, active.is_late) == (True, "running", False)
    seen.instance.report_run_canceled(run)
    assert job_facts(seen, "nightly", later).is_late
    pause = Pause(seen.now + HOUR, "ada", "the source is moving")
    overrides = ScheduleOverrides({"nightly": JobOverrides(seen.now, pause=pause)})
    paused = job_facts(seen, "nightly", later, overrides=overrides)
    assert (paused.is_on, paused.is_late, paused.next_run) == (False, False, None)
    assert paused.off_because and "ada" in paused.off_because and "the source is moving" in paused.off_because
    seen.set_schedule("nightly_schedule", seen.now, "STOPPED")
    assert job_facts(seen, "nightly", later).off_because == "the schedule nightly_schedule is stopped"


def test_tables_queue_incidents_and_who_is_told(seen: Watching) -> None:
    seen.run("shop", partition_key="2026-03-04")
    seen.add_run("hourly", "STARTED")
    one = incident("run:x", "run", "x failed", "", seen.now)
    two = incident("system:daemon", "system", "the daemon is silent", "", seen.now)
    broken = Recipient("json://host", failures=1, error="HTTP 500")
    save_book(
        seen.instance, DAEMON_BOOK, Book((one,), {"a": Recipient("json://host")}, Cursor(looked_at=seen.now))
    )
    save_book(seen.instance, WEB_BOOK, Book((two,), {"a": broken, "b": Recipient("mailto://b")}))
    history = read_history(seen.instance, seen.watched, seen.now)
    (table,) = history.tables
    assert table.table == "stock" and table.made_at is not None and not table.is_stale(seen.now)
    assert table.is_stale(seen.now + 27 * HOUR)
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
    assert read_database(database) == DatabaseFacts(database.name, None, newest)
    schema.upgrade(database)
    assert read_database(database) == DatabaseFacts(database.name, newest, newest)


def test_the_disk(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, MARKET_ASSETS_DATA_DIR=tmp_path / "not" / "there" / "yet")
    disk = read_disk(settings)
    assert 0 < disk.free <= disk.total


# --- probes ------------------------------------------------------------------------------------


def test_a_part_that_hangs_holds_up_nobody_and_is_asked_once() -> None:
    let_go, asked = threading.Event(), []

    def hang() -> None:
        asked.append(1)
        let_go.wait(60)

    probes: dict[str, Probe[object]] = {"database": Probe(hang), "disk": Probe(lambda: DiskFacts("data", 1, 2))}
    try:
        for _ in range(3):
            facts = ask_all(probes, 0.2)
            assert facts.disk == DiskFacts("data", 1, 2)
            assert facts.errors["database"].startswith("no answer for")
        assert len(asked) == 1
    finally:
        let_go.set()


def test_what_was_read_is_kept_for_a_moment_and_an_error_too() -> None:
    read: list[int] = []

    def fail() -> None:
        read.append(1)
        raise OSError("gone\nwith a second line")

    kept: dict[str, Probe[object]] = {"disk": Probe(fail, fresh_seconds=3600)}
    assert ask_all(kept, 30).errors == ask_all(kept, 30).errors == {"disk": "gone with a second line"}
    assert len(read) == 1
    fresh: dict[str, Probe[object]] = {"disk": Probe(fail, fresh_seconds=0)}
    ask_all(fresh, 30)
    ask_all(fresh, 30)
    assert len(read) == 3
