"""The state of the system: what is in Dagster's storage, the market database's version, the space on the disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from market_assets.dagster_ext.records import InstigatorState, ScheduleInstigatorData, daemon_statuses
from market_assets.operations.alerts.incidents import (
    DAEMON_LOG,
    WEB_LOG,
    Incident,
    IncidentLog,
    Recipient,
    load_log,
)
from market_assets.operations.background import Probe
from market_assets.operations.executions import begun_at, ended_at, status_of
from market_assets.operations.monitored import Monitored, MonitoredSchedule, materialized_at
from market_assets.operations.scheduling import ACTIVE, reason_to_stay_off, schedule_states
from market_assets.settings import Settings

if TYPE_CHECKING:
    from market_assets.store.database import Database
    from market_assets.store.schedule_overrides import ScheduleOverrides

#: Daemons send a heartbeat every 30 s; Dagster itself would tolerate half an hour without one.
_HEARTBEAT_TOLERANCE_SECONDS = 120.0
#: How long after it was due a job should have succeeded: half its period, within these.
_LEAST_PATIENCE, _MOST_PATIENCE = timedelta(minutes=10), timedelta(hours=2)


@dataclass(frozen=True)
class JobState:
    """A job that has a schedule."""

    job: str
    schedule: str
    cron: str
    #: Whether the schedule starts runs, and where it does not, why.
    is_on: bool
    off_because: str | None = None
    #: queued, running, success, failed or canceled; None where the job never ran.
    last_status: str | None = None
    last_run: datetime | None = None
    last_success: datetime | None = None
    next_run: datetime | None = None
    #: The last time that it was due, long enough ago for the run to have ended.
    due: datetime | None = None
    is_active: bool = False

    @property
    def is_late(self) -> bool:
        """Whether it has not succeeded since it was due, and no run is active."""
        if not self.is_on or self.is_active or self.due is None:
            return False
        return self.last_success is None or self.last_success < self.due


@dataclass(frozen=True)
class TableState:
    """A table with a freshness policy."""

    table: str
    materialized_at: datetime | None
    fail_window: timedelta

    def is_stale(self, now: datetime) -> bool:
        return self.materialized_at is not None and self.materialized_at + self.fail_window < now


@dataclass(frozen=True)
class DaemonState:
    """One of Dagster's daemons."""

    name: str
    is_alive: bool
    last_heartbeat: datetime | None


@dataclass(frozen=True)
class HistoryState:
    """What is in Dagster's storage."""

    jobs: tuple[JobState, ...] = ()
    daemons: tuple[DaemonState, ...] = ()
    tables: tuple[TableState, ...] = ()
    queued: int = 0
    running: int = 0
    incidents: tuple[Incident, ...] = ()
    recipients: tuple[Recipient, ...] = ()
    #: When the sensor `alerts` detected incidents last.
    evaluated_at: datetime | None = None


@dataclass(frozen=True)
class DatabaseState:
    """The market database: its schema's version, None where it is empty, and the version that the code needs."""

    name: str
    version: str | None
    needed: str


@dataclass(frozen=True)
class DiskState:
    """The file system of the data folder, in bytes."""

    folder: str
    free: int
    total: int


@dataclass(frozen=True)
class SystemState:
    """All parts; one that could not be read is None, and `errors` has the cause."""

    now: datetime
    history: HistoryState | None = None
    database: DatabaseState | None = None
    disk: DiskState | None = None
    #: By `code`, `history`, `database`, `disk`.
    errors: dict[str, str] = field(default_factory=dict)


def read_state(probes: Mapping[str, Probe[Any]], seconds: float) -> SystemState:
    """The state, as far as the probes of its parts can read it within some seconds.

    A probe that others have waited for that long already is not waited for again. One that is still reading is an
    error.
    """
    results = {name: probe.result() for name, probe in probes.items()}
    wait([result for name, result in results.items() if probes[name].seconds_reading < seconds], timeout=seconds)
    parts: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, result in results.items():
        if not result.done():
            errors[name] = f"no answer for {probes[name].seconds_reading:.0f} s"
        elif error := result.exception():
            errors[name] = " ".join(str(error).split())[:500] or type(error).__name__
        else:
            parts[name] = result.result()
    return SystemState(datetime.now(UTC), parts.get("history"), parts.get("database"), parts.get("disk"), errors)


def read_history(
    instance: dg.DagsterInstance, monitored: Monitored, now: datetime, overrides: ScheduleOverrides | None = None
) -> HistoryState:
    """Read the part that is in Dagster's storage.

    Args:
        instance: Dagster's.
        monitored: the code location's jobs, schedules and tables.
        now: the current time.
        overrides: pauses, deletions and stops, where they could be read.
    """
    active = instance.get_run_records(dg.RunsFilter(statuses=ACTIVE))
    active_jobs = {record.dagster_run.job_name for record in active}
    queued = sum(status_of(record.dagster_run) == "queued" for record in active)
    states = schedule_states(instance)
    made = materialized_at(instance, (table.key for table in monitored.tables))
    names = {table.key.to_user_string(): table.fail_window for table in monitored.tables}
    logs = [load_log(instance, name) for name in (DAEMON_LOG, WEB_LOG)]
    return HistoryState(
        jobs=tuple(
            _job(instance, schedule, states.get(schedule.name), overrides, now, schedule.job in active_jobs)
            for schedule in sorted(monitored.schedules, key=lambda one: (one.job, one.name))
        ),
        daemons=tuple(read_daemons(instance)),
        tables=tuple(TableState(name, made.get(name), fail_window) for name, fail_window in names.items()),
        queued=queued,
        running=len(active) - queued,
        incidents=tuple(one for log in logs for one in log.open),
        recipients=tuple(recipients_of(logs)),
        evaluated_at=logs[0].evaluated_at,
    )


def recipients_of(logs: Sequence[IncidentLog]) -> list[Recipient]:
    """The recipients of all logs, once each; the one with an error where the logs differ."""
    found: dict[str, Recipient] = {}
    for log in logs:
        for name, recipient in log.recipients.items():
            if name not in found or recipient.error is not None:
                found[name] = recipient
    return list(found.values())


def read_database(database: Database) -> DatabaseState:
    """Read the version of the market database.

    Raises:
        StoreError: it can't be read.
    """
    from market_assets.store import schema

    return DatabaseState(database.name, schema.current_version(database), schema.newest_version())


def read_disk(settings: Settings) -> DiskState:
    """Read the space of the data folder, or of the folder that it will be created in.

    Raises:
        OSError: it can't be read.
    """
    folder = settings.data_dir.resolve()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    return DiskState(str(settings.data_dir), usage.free, usage.total)


def read_daemons(instance: dg.DagsterInstance) -> Iterator[DaemonState]:
    """Those of Dagster's daemons that have to run."""
    statuses = daemon_statuses(instance, tolerance_seconds=_HEARTBEAT_TOLERANCE_SECONDS)
    for name, status in sorted(statuses.items()):
        if status.required:
            beat = status.last_heartbeat
            last = datetime.fromtimestamp(beat.timestamp, UTC) if beat else None
            yield DaemonState(name, bool(status.healthy), last)


def _job(
    instance: dg.DagsterInstance,
    schedule: MonitoredSchedule,
    state: InstigatorState | None,
    overrides: ScheduleOverrides | None,
    now: datetime,
    is_active: bool,
) -> JobState:
    override = reason_to_stay_off(overrides, schedule.job, state, now) if overrides else None
    is_on = override is None and (state.is_running if state else schedule.runs_by_default)
    last = _newest(instance, schedule.job)
    success = _newest(instance, schedule.job, dg.DagsterRunStatus.SUCCESS)
    return JobState(
        job=schedule.job,
        schedule=schedule.name,
        cron=schedule.cron,
        is_on=is_on,
        off_because=None if is_on else override or f"the schedule {schedule.name} is stopped",
        last_status=status_of(last.dagster_run) if last else None,
        last_run=begun_at(last) if last else None,
        last_success=ended_at(success) if success else None,
        next_run=schedule.next_due(now) if is_on else None,
        due=_due(schedule, state, now),
        is_active=is_active,
    )


def _newest(
    instance: dg.DagsterInstance, job: str, status: dg.DagsterRunStatus | None = None
) -> dg.RunRecord | None:
    found = instance.get_run_records(dg.RunsFilter(job_name=job, statuses=[status] if status else []), limit=1)
    return found[0] if found else None


def _due(schedule: MonitoredSchedule, state: InstigatorState | None, now: datetime) -> datetime | None:
    """The last due time by which a run should have ended; None before the first since the schedule was started."""
    data = state.instigator_data if state else None
    started = data.start_timestamp if isinstance(data, ScheduleInstigatorData) else None
    if started is None:
        return None
    backwards = schedule.due_until(now)
    latest, before = next(backwards), next(backwards)
    patience = min(max((latest - before) / 2, _LEAST_PATIENCE), _MOST_PATIENCE)
    due = next(schedule.due_until(now - patience))
    return due if due.timestamp() > started else None
