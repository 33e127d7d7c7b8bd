"""Reading the facts that `operations.health` judges by: of Dagster's storage, the market database, the disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from market_assets.dagster_ext.daemons import get_daemon_statuses
from market_assets.dagster_ext.schedules import (
    InstigatorState,
    ScheduleInstigatorData,
    schedule_execution_time_iterator,
)
from market_assets.operations.alerts.cycle import DAEMON_BOOK, WEB_BOOK
from market_assets.operations.alerts.incidents import Book, Recipient, load_book
from market_assets.operations.alerts.monitored import Watched, WatchedSchedule
from market_assets.operations.alerts.observing import made_at
from market_assets.operations.alerts.ticks import moments_from
from market_assets.operations.health import (
    DaemonFacts,
    DatabaseFacts,
    DiskFacts,
    HistoryFacts,
    JobFacts,
    TableFacts,
)
from market_assets.operations.overlap_guard import ACTIVE
from market_assets.operations.pauses import reason_to_stay_off, schedule_states
from market_assets.settings import Settings

if TYPE_CHECKING:
    from market_assets.store.database import Database
    from market_assets.store.schedule_overrides import ScheduleOverrides

#: Daemons send a heartbeat every 30 s. Dagster itself would wait for half an hour before it worries.
_SILENCE_SECONDS = 120.0
#: How long after it was due a job should have succeeded: half its period, within these.
_LEAST_PATIENCE, _MOST_PATIENCE = timedelta(minutes=10), timedelta(hours=2)
_STATUS = {"SUCCESS": "success", "FAILURE": "failed", "CANCELED": "canceled"}
_WAITING = {dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED}


def read_history(
    instance: dg.DagsterInstance, watched: Watched, now: datetime, overrides: ScheduleOverrides | None = None
) -> HistoryFacts:
    """What Dagster's storage tells of the watched jobs and tables, the daemons, the queue and the incidents.

    Args:
        instance: Dagster's.
        watched: the code location's jobs, schedules and tables.
        now: the moment.
        overrides: why schedules are off, where that is known.
    """
    active = instance.get_run_records(dg.RunsFilter(statuses=ACTIVE))
    busy = {record.dagster_run.job_name for record in active}
    queued = sum(1 for record in active if record.dagster_run.status in _WAITING)
    states = schedule_states(instance)
    made = made_at(instance, [table.key for table in watched.tables])
    books = [load_book(instance, name) for name in (DAEMON_BOOK, WEB_BOOK)]
    return HistoryFacts(
        jobs=tuple(
            _job(instance, schedule, states.get(schedule.name), overrides, now, is_active=schedule.job in busy)
            for schedule in sorted(watched.schedules, key=lambda one: (one.job, one.name))
        ),
        daemons=tuple(_daemons(instance)),
        tables=tuple(
            TableFacts(name, made.get(name), table.fail_window)
            for table in watched.tables
            for name in (table.key.to_user_string(),)
        ),
        queued=queued,
        running=len(active) - queued,
        incidents=tuple(one for book in books for one in book.open),
        recipients=tuple(known_recipients(books)),
        looked_at=books[0].cursor.looked_at,
    )


def known_recipients(books: Sequence[Book]) -> list[Recipient]:
    """Everybody who is told, once each; of one who could not be told by either book, that is what is said."""
    known: dict[str, Recipient] = {}
    for book in books:
        for name, recipient in book.recipients.items():
            if name not in known or recipient.error is not None:
                known[name] = recipient
    return list(known.values())


def read_database(database: Database) -> DatabaseFacts:
    """The version of the market database.

    Raises:
        StoreError: it can't be read.
    """
    from market_assets.store import schema

    return DatabaseFacts(database.name, schema.current_version(database), schema.newest_version())


def read_disk(settings: Settings) -> DiskFacts:
    """The space of the data folder, or of the folder that it will be made in.

    Raises:
        OSError: it can't be looked at.
    """
    folder = settings.data_dir.resolve()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    return DiskFacts(str(settings.data_dir), usage.free, usage.total)


def _daemons(instance: dg.DagsterInstance) -> Iterator[DaemonFacts]:
    statuses = get_daemon_statuses(
        instance,
        instance.get_required_daemon_types(),
        # An error in a tick is no silence: it is an incident.
        ignore_errors=True,
        heartbeat_tolerance_seconds=_SILENCE_SECONDS,
    )
    for name, status in sorted(statuses.items()):
        if status.required:
            beat = status.last_heartbeat
            yield DaemonFacts(
                name, bool(status.healthy), datetime.fromtimestamp(beat.timestamp, UTC) if beat else None
            )


def _job(
    instance: dg.DagsterInstance,
    schedule: WatchedSchedule,
    state: InstigatorState | None,
    overrides: ScheduleOverrides | None,
    now: datetime,
    *,
    is_active: bool,
) -> JobFacts:
    held = reason_to_stay_off(overrides, schedule.job, state, now) if overrides else None
    is_on = held is None and (state.is_running if state else schedule.runs_by_default)
    last = _newest(instance, schedule.job)
    success = _newest(instance, schedule.job, dg.DagsterRunStatus.SUCCESS)
    return JobFacts(
        job=schedule.job,
        schedule=schedule.name,
        cron=schedule.cron,
        is_on=is_on,
        off_because=None if is_on else held or f"the schedule {schedule.name} is stopped",
        last_status=_status(last.dagster_run.status) if last else None,
        last_run=_begun(last) if last else None,
        last_success=_ended(success) if success else None,
        next_run=_next_due(schedule, now) if is_on else None,
        due=_due(schedule, state, now),
        is_active=is_active,
    )


def _newest(
    instance: dg.DagsterInstance, job: str, status: dg.DagsterRunStatus | None = None
) -> dg.RunRecord | None:
    found = instance.get_run_records(dg.RunsFilter(job_name=job, statuses=[status] if status else []), limit=1)
    return found[0] if found else None


def _status(status: dg.DagsterRunStatus) -> str:
    return _STATUS.get(status.value, "queued" if status in _WAITING else "running")


def _begun(record: dg.RunRecord) -> datetime:
    return datetime.fromtimestamp(record.start_time, UTC) if record.start_time else record.create_timestamp


def _ended(record: dg.RunRecord) -> datetime:
    return datetime.fromtimestamp(record.end_time, UTC) if record.end_time else record.update_timestamp


def _due(schedule: WatchedSchedule, state: InstigatorState | None, now: datetime) -> datetime | None:
    """The newest moment by which a run should have ended; None before the first since the schedule was started."""
    data = state.instigator_data if state else None
    started = data.start_timestamp if isinstance(data, ScheduleInstigatorData) else None
    if started is None:
        return None
    backwards = _due_before(schedule, now)
    latest, before = next(backwards), next(backwards)
    patience = min(max((latest - before) / 2, _LEAST_PATIENCE), _MOST_PATIENCE)
    due = next(_due_before(schedule, now - patience))
    return due if due.timestamp() > started else None


def _due_before(schedule: WatchedSchedule, moment: datetime) -> Iterator[datetime]:
    """When a run was due up to a moment, the newest first."""
    if schedule.interval is not None:
        due = schedule.interval.latest(moment)
        while True:
            yield due
            due -= timedelta(minutes=schedule.interval.minutes)
    crons = schedule.crons[0] if len(schedule.crons) == 1 else list(schedule.crons)
    for due in schedule_execution_time_iterator(moment.timestamp(), crons, schedule.timezone, ascending=False):
        yield due.astimezone(UTC)


def _next_due(schedule: WatchedSchedule, now: datetime) -> datetime:
    if schedule.interval is not None:
        return schedule.interval.next(now)
    return next(moment for moment in moments_from(schedule, now) if moment > now)
