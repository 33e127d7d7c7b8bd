"""Pauses, deletions and stops: what is stored, what is in force at a given time, and how pauses end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, ScheduleInstigatorData

from market_assets.definitions import build_defs
from market_assets.defs.housekeeping import housekeeping_sensor
from market_assets.defs.schedules import default_schedules
from market_assets.operations.names import CLEANUP, INGESTION, REBUILD, REFRESH
from market_assets.operations.scheduling import active_run, end_pauses, reason_off_schedule, schedule_states
from market_assets.settings import Settings
from market_assets.sources.sample.source import SampleSource
from market_assets.store import schedule_overrides, schema
from market_assets.store.database import Database
from market_assets.store.schedule_overrides import Change, JobOverrides, Pause
from market_assets.store.tables.administration import scheduled_jobs, scheduler_stops

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CRON = "30 2,14 * * *"
SCHEDULE = f"{REFRESH}_schedule"
SCHEDULES = {job: [f"{job}_schedule"] for job in (INGESTION, REFRESH, CLEANUP, REBUILD)}
#: Begun three hours ago, over for one.
OVER = Pause(NOW - 3 * HOUR, "alice", "holidays", NOW - HOUR)
#: Begun three hours ago, for two more.
ON = Pause(NOW - 3 * HOUR, "alice", "holidays", NOW + 2 * HOUR)


@pytest.fixture(scope="module")
def shared_instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as instance:
        yield instance


@pytest.fixture
def instance(shared_instance: dg.DagsterInstance) -> dg.DagsterInstance:
    shared_instance.wipe()
    shared_instance.wipe_all_schedules()
    return shared_instance


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Database:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('store') / 'market.db'}")
    schema.upgrade(database)
    return database


@pytest.fixture
def store(shared_store: Database) -> Database:
    """A store without overrides. The two kinds of database are compared further down."""
    with shared_store.engine().begin() as connection:
        for table in (scheduled_jobs, scheduler_stops):
            connection.execute(sa.delete(table))
    return shared_store


@pytest.fixture
def store_settings(store: Database) -> Settings:
    return Settings(DATABASE_URL=f"sqlite:///{store.path}", _env_file=None)


def set_schedule(
    instance: dg.DagsterInstance, status: str, started_at: datetime | None = None, job: str = REFRESH
) -> None:
    """Have Dagster remember a schedule as its UI or its daemon would leave it."""
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("market_assets"), "__repository__")
    data = ScheduleInstigatorData(CRON, started_at.timestamp() if started_at else None)
    origin = RemoteInstigatorOrigin(repository, f"{job}_schedule")
    state = InstigatorState(origin, InstigatorType.SCHEDULE, InstigatorStatus[status], data)
    if instance.get_instigator_state(state.instigator_origin_id, state.selector_id):
        instance.update_instigator_state(state)
    else:
        instance.add_instigator_state(state)


def schedule(instance: dg.DagsterInstance, job: str = REFRESH) -> tuple[str, datetime | None]:
    """A schedule's status, and since when it is started."""
    state = schedule_states(instance)[f"{job}_schedule"]
    data = state.instigator_data
    assert isinstance(data, ScheduleInstigatorData)
    assert data.cron_schedule == CRON
    started = data.start_timestamp
    return state.status.value, datetime.fromtimestamp(started, UTC) if started else None


def skipped(instance: dg.DagsterInstance, database: Database, job: str = REFRESH) -> str | None:
    return reason_off_schedule(instance, database, job, f"{job}_schedule", NOW)


# --- what is stored --------------------------------------------------------------------------


def test_a_store_without_tables_has_no_overrides(
    empty_database_url: str, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    database = Database(empty_database_url)
    assert schedule_overrides.read_overrides_if_any(database).jobs == {}
    assert skipped(instance, database) is None
    assert not (tmp_path / "market.db").exists()


def test_jobs_are_remembered_from_when_they_were_first_seen(database: Database) -> None:
    engine = database.engine()
    schedule_overrides.register(engine, [REFRESH], NOW)
    schedule_overrides.register(engine, [REFRESH, CLEANUP], NOW + HOUR)
    jobs = schedule_overrides.read_overrides(engine).jobs
    assert jobs == {REFRESH: JobOverrides(NOW), CLEANUP: JobOverrides(NOW + HOUR)}


@pytest.mark.both_databases
def test_pauses_deletions_and_stops_are_remembered_and_forgotten(database: Database) -> None:
    engine = database.engine()
    schedule_overrides.register(engine, [REFRESH, CLEANUP], NOW)
    schedule_overrides.pause(engine, REFRESH, ON)
    schedule_overrides.delete(engine, REFRESH, Change(NOW, "anna"), resumes=True)
    schedule_overrides.stop(engine, Change(NOW, "alice"), [])
    schedule_overrides.stop(engine, Change(NOW + HOUR, "anna"), [CLEANUP])
    overrides = schedule_overrides.read_overrides(engine)
    assert overrides.jobs[REFRESH] == JobOverrides(NOW, Change(NOW, "anna"), ON, resumes=True)
    assert overrides.jobs[CLEANUP] == JobOverrides(NOW, resumes=True)
    assert overrides.stop == Change(NOW + HOUR, "anna")
    schedule_overrides.restore(engine, REFRESH)
    assert schedule_overrides.end_pause(engine, REFRESH)
    assert not schedule_overrides.end_pause(engine, REFRESH)
    schedule_overrides.start(engine)
    overrides = schedule_overrides.read_overrides(engine)
    assert overrides.jobs[REFRESH] == JobOverrides(NOW, resumes=True)
    assert overrides.stop is None


def test_a_pause_made_meanwhile_is_not_ended(database: Database) -> None:
    engine = database.engine()
    schedule_overrides.pause(engine, REFRESH, OVER)
    schedule_overrides.pause(engine, REFRESH, later := Pause(NOW, "anna"))
    assert not schedule_overrides.end_pause(engine, REFRESH, begun_at=OVER.at)
    assert schedule_overrides.read_overrides(engine).pause_of(REFRESH) == later
    assert schedule_overrides.end_pause(engine, REFRESH, begun_at=NOW)


# --- whether a scheduled start is skipped ----------------------------------------------------


def test_nothing_remembered_is_no_reason_to_skip(instance: dg.DagsterInstance, store: Database) -> None:
    schedule_overrides.register(store.engine(), [REFRESH], NOW)
    assert skipped(instance, store) is None


@pytest.mark.parametrize("status", [None, "STOPPED", "DECLARED_IN_CODE"])
def test_a_paused_job_is_skipped(instance: dg.DagsterInstance, store: Database, status: str | None) -> None:
    if status:
        set_schedule(instance, status, NOW if status == "DECLARED_IN_CODE" else None)
    schedule_overrides.pause(store.engine(), REFRESH, ON)
    reason = skipped(instance, store)
    assert reason is not None
    assert all(word in reason for word in (REFRESH, "alice", "holidays", "2026-03-04 14:00"))
    assert skipped(instance, store, CLEANUP) is None


def test_a_pause_without_end_or_reason(instance: dg.DagsterInstance, store: Database) -> None:
    schedule_overrides.pause(store.engine(), REFRESH, Pause(NOW - HOUR, "alice"))
    assert skipped(instance, store) == f"{REFRESH} was paused by alice until someone resumes it"


@pytest.mark.parametrize(("left", "is_skipped"), [(timedelta(microseconds=1), True), (timedelta(0), False)])
def test_a_pause_is_over_at_the_moment_named(
    instance: dg.DagsterInstance, store: Database, left: timedelta, is_skipped: bool
) -> None:
    schedule_overrides.pause(store.engine(), REFRESH, Pause(NOW - HOUR, "alice", None, NOW + left))
    assert (skipped(instance, store) is not None) == is_skipped


@pytest.mark.parametrize(("started", "is_skipped"), [(ON.at - HOUR, True), (ON.at + HOUR, False)])
def test_whoever_starts_the_schedule_overrules_the_pause(
    instance: dg.DagsterInstance, store: Database, started: datetime, is_skipped: bool
) -> None:
    set_schedule(instance, "RUNNING", started)
    schedule_overrides.pause(store.engine(), REFRESH, ON)
    assert (skipped(instance, store) is not None) == is_skipped


def test_a_deleted_job_is_skipped_whoever_starts_its_schedule(
    instance: dg.DagsterInstance, store: Database
) -> None:
    schedule_overrides.delete(store.engine(), REFRESH, Change(NOW - HOUR, "anna"), resumes=False)
    set_schedule(instance, "RUNNING", NOW)
    reason = skipped(instance, store)
    assert reason is not None
    assert all(word in reason for word in (REFRESH, "deleted", "anna", "restores"))
    schedule_overrides.restore(store.engine(), REFRESH)
    assert skipped(instance, store) is None


def test_a_stop_holds_for_what_nobody_started_since(instance: dg.DagsterInstance, store: Database) -> None:
    schedule_overrides.stop(store.engine(), Change(NOW - HOUR, "anna"), [REFRESH])
    set_schedule(instance, "RUNNING", NOW)
    assert skipped(instance, store) is None
    assert skipped(instance, store, CLEANUP) == "the scheduler was stopped by anna on 2026-03-04 11:00 UTC"
    schedule_overrides.start(store.engine())
    assert skipped(instance, store, CLEANUP) is None


def test_a_tick_of_a_paused_job_starts_nothing(
    instance: dg.DagsterInstance, store: Database, store_settings: Settings
) -> None:
    (refresh,) = [it for it in default_schedules(store_settings, fills_from=None) if it.job_name == REFRESH]
    repository = build_defs(store_settings, [SampleSource()]).get_repository_def()
    context = dg.build_schedule_context(
        instance, scheduled_execution_time=datetime.now(UTC), repository_def=repository
    )
    assert refresh.evaluate_tick(context).run_requests
    schedule_overrides.pause(store.engine(), REFRESH, Pause(datetime.now(UTC), "alice", "holidays"))
    tick = refresh.evaluate_tick(context)
    assert not tick.run_requests
    assert tick.skip_message is not None
    assert "paused by alice" in tick.skip_message


def test_a_run_without_a_partition_is_about_the_day_it_was_made_on(instance: dg.DagsterInstance) -> None:
    run = instance.add_run(dg.DagsterRun(job_name=INGESTION, status=dg.DagsterRunStatus.STARTED))
    record = instance.get_run_record_by_id(run.run_id)
    assert record is not None
    made = record.create_timestamp.astimezone(UTC).date()
    assert active_run(instance, INGESTION, made.isoformat()) is not None
    assert active_run(instance, INGESTION, (made - timedelta(days=1)).isoformat()) is None


# --- how pauses end ------------------------------------------------------------------------------


def test_a_pause_ends_in_time(instance: dg.DagsterInstance, store: Database) -> None:
    set_schedule(instance, "STOPPED")
    set_schedule(instance, "STOPPED", job=CLEANUP)
    schedule_overrides.pause(store.engine(), REFRESH, ON)
    assert ON.until is not None
    early = ON.until - timedelta(microseconds=1)
    assert end_pauses(store.engine(), instance, SCHEDULES, early) == []
    assert schedule(instance) == ("STOPPED", None)
    (done,) = end_pauses(store.engine(), instance, SCHEDULES, ON.until)
    assert REFRESH in done
    # Started as of the end of the pause: what was due since is made up for.
    assert schedule(instance) == ("RUNNING", ON.until)
    assert schedule(instance, CLEANUP) == ("STOPPED", None)
    assert schedule_overrides.read_overrides(store.engine()).pause_of(REFRESH) is None
    assert end_pauses(store.engine(), instance, SCHEDULES, ON.until) == []


def test_a_pause_that_was_overruled_is_forgotten(instance: dg.DagsterInstance, store: Database) -> None:
    set_schedule(instance, "RUNNING", NOW)
    schedule_overrides.pause(store.engine(), REFRESH, ON)
    (done,) = end_pauses(store.engine(), instance, SCHEDULES, NOW)
    assert "started again" in done
    assert schedule(instance) == ("RUNNING", NOW)
    # Stopped in the UI now, it does not start by itself.
    set_schedule(instance, "STOPPED")
    assert end_pauses(store.engine(), instance, SCHEDULES, NOW + 9 * HOUR) == []
    assert schedule(instance) == ("STOPPED", None)


def test_a_pause_that_was_cut_short_is_completed(instance: dg.DagsterInstance, store: Database) -> None:
    set_schedule(instance, "RUNNING", ON.at - HOUR)
    schedule_overrides.pause(store.engine(), REFRESH, ON)
    end_pauses(store.engine(), instance, SCHEDULES, NOW)
    assert schedule(instance) == ("STOPPED", None)
    assert schedule_overrides.read_overrides(store.engine()).pause_of(REFRESH) == ON


@pytest.mark.parametrize("held_by", ["stop", "deletion"])
def test_a_pause_that_ends_while_something_else_holds_the_job(
    instance: dg.DagsterInstance, store: Database, held_by: str
) -> None:
    engine = store.engine()
    set_schedule(instance, "STOPPED")
    schedule_overrides.pause(engine, REFRESH, OVER)
    if held_by == "stop":
        schedule_overrides.stop(engine, Change(NOW, "anna"), [])
    else:
        schedule_overrides.delete(engine, REFRESH, Change(NOW, "anna"), resumes=False)
    end_pauses(engine, instance, SCHEDULES, NOW)
    assert schedule(instance) == ("STOPPED", None)
    overrides = schedule_overrides.read_overrides(engine)
    assert overrides.pause_of(REFRESH) is None
    assert overrides.jobs[REFRESH].resumes


def test_a_job_that_is_no_more_is_left_alone(instance: dg.DagsterInstance, store: Database) -> None:
    schedule_overrides.pause(store.engine(), "gone", OVER)
    assert end_pauses(store.engine(), instance, SCHEDULES, NOW) == []


def test_the_sensor_ends_pauses(instance: dg.DagsterInstance, store: Database, store_settings: Settings) -> None:
    sensor = housekeeping_sensor(store_settings)
    repository = build_defs(store_settings, [SampleSource()]).get_repository_def()
    context = dg.build_sensor_context(instance, repository_def=repository)
    assert sensor.evaluate_tick(context).skip_message == "nothing was to be done"
    now = datetime.now(UTC)
    schedule_overrides.pause(store.engine(), REFRESH, Pause(now - HOUR, "alice", None, now + HOUR))
    set_schedule(instance, "STOPPED")
    assert sensor.evaluate_tick(context).skip_message == "nothing was to be done"
    assert schedule(instance)[0] == "STOPPED"
    schedule_overrides.pause(store.engine(), REFRESH, Pause(now - HOUR, "alice", None, now))
    message = sensor.evaluate_tick(context).skip_message
    assert message is not None
    assert REFRESH in message
    assert schedule(instance) == ("RUNNING", now)


def test_the_code_location_has_the_sensor_running() -> None:
    repository = build_defs(Settings(_env_file=None), [SampleSource()]).get_repository_def()
    assert repository.get_sensor_def("housekeeping").default_status is dg.DefaultSensorStatus.RUNNING
