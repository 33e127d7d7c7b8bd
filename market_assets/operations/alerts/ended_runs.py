"""The runs that ended since the last look: those that succeeded, and those that failed for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import dagster as dg
from dagster import DagsterEventType

from market_assets.dagster_ext.run_events import ROOT_RUN_ID_TAG, WILL_RETRY_TAG
from market_assets.defs.partitions import PARTITION_TAG
from market_assets.operations.alerts.detection import ASSET_JOB
from market_assets.operations.alerts.incidents import Cursor
from market_assets.operations.alerts.observation import EndedRun
from market_assets.operations.failure_cause import recorded_failure

_End = Literal[DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_SUCCESS]
_ENDS: tuple[_End, ...] = (DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_SUCCESS)
_AT_ONCE = 500
#: The first look tells of what failed shortly before it, not of all history.
_FIRST_LOOK_BACK = timedelta(days=1)
#: Dagster says of a failed run a moment later whether it retries it, and launches the retry soon.
_RETRY_PATIENCE = timedelta(minutes=15)


def ended_runs(
    instance: dg.DagsterInstance, cursor: Cursor, now: datetime
) -> tuple[list[EndedRun], dict[str, int], tuple[str, ...]]:
    """The runs, how far each kind of end has been read, and the failed runs that may yet be retried."""
    read_up_to: dict[str, int] = {}
    new: dict[_End, list[Any]] = {}
    for kind in _ENDS:
        new[kind], read_up_to[kind.value] = _new_ends(instance, kind, cursor.ends.get(kind.value), now)
    ended = [
        EndedRun(run.run_id, run.job_name, succeeded=True, at=_end_of(record), partition=_partition(run))
        for record in _records(instance, new[DagsterEventType.RUN_SUCCESS])
        for run in (record.dagster_run,)
    ]
    failed = [entry.run_id for entry in (record.event_log_entry for record in new[DagsterEventType.RUN_FAILURE])]
    waiting = []
    for run_id in dict.fromkeys((*cursor.waiting, *failed)):
        record = instance.get_run_record_by_id(run_id)
        if record is None or not record.dagster_run.is_failure or _was_retried(record.dagster_run):
            continue
        if _may_be_retried(instance, record, now):
            waiting.append(run_id)
        elif run_id not in cursor.waiting or not _succeeded_since(instance, record):
            ended.append(_failed(instance, record))
    return ended, read_up_to, tuple(waiting)


def _new_ends(instance: dg.DagsterInstance, kind: _End, after: int | None, now: datetime) -> tuple[list[Any], int]:
    """The events of one kind of end that were not read yet, oldest first, and up to which they have been read."""
    newest = instance.fetch_run_status_changes(kind, limit=1).records
    newest_id = newest[0].storage_id if newest else 0
    if newest_id == after or not newest:
        return [], newest_id
    if after is None or after > newest_id:
        # The first look, or the history was removed and numbered from the start.
        since = (now - _FIRST_LOOK_BACK).timestamp()
        recent = dg.RunStatusChangeRecordsFilter(kind, after_timestamp=since)
        return list(reversed(instance.fetch_run_status_changes(recent, limit=_AT_ONCE).records)), newest_id
    unread = dg.RunStatusChangeRecordsFilter(kind, after_storage_id=after)
    found = list(instance.fetch_run_status_changes(unread, limit=_AT_ONCE, ascending=True).records)
    return found, found[-1].storage_id if found else newest_id


def _records(instance: dg.DagsterInstance, ends: list[Any]) -> list[dg.RunRecord]:
    run_ids = [end.event_log_entry.run_id for end in ends]
    return list(instance.get_run_records(dg.RunsFilter(run_ids=run_ids))) if run_ids else []


def _was_retried(run: dg.DagsterRun) -> bool:
    return _is_to_be_retried(run) and not run.is_complete_and_waiting_to_retry


def _is_to_be_retried(run: dg.DagsterRun) -> bool:
    return run.tags.get(WILL_RETRY_TAG, "").lower() == "true"


def _may_be_retried(instance: dg.DagsterInstance, record: dg.RunRecord, now: datetime) -> bool:
    """Whether it is not known yet if a failed run is the last of its tries."""
    if now - _end_of(record) >= _RETRY_PATIENCE:
        return False
    run = record.dagster_run
    unsaid = instance.run_retries_enabled and WILL_RETRY_TAG not in run.tags
    return unsaid or _is_to_be_retried(run)


def _succeeded_since(instance: dg.DagsterInstance, record: dg.RunRecord) -> bool:
    filters = dg.RunsFilter(job_name=record.dagster_run.job_name, statuses=[dg.DagsterRunStatus.SUCCESS])
    newest = instance.get_run_records(filters, limit=1)
    return bool(newest) and _end_of(newest[0]) > _end_of(record)


def _failed(instance: dg.DagsterInstance, record: dg.RunRecord) -> EndedRun:
    run = record.dagster_run
    attempts = 1
    if run.root_run_id:
        attempts += len(instance.get_run_ids(dg.RunsFilter(tags={ROOT_RUN_ID_TAG: run.root_run_id})))
    assets = run.asset_selection if run.job_name == ASSET_JOB else None
    return EndedRun(
        run.run_id,
        run.job_name,
        succeeded=False,
        at=_end_of(record),
        cause=recorded_failure(instance, run.run_id),
        attempts=attempts,
        partition=_partition(run),
        assets=tuple(sorted(key.to_user_string() for key in assets or ())),
    )


def _partition(run: dg.DagsterRun) -> str | None:
    return run.tags.get(PARTITION_TAG)


def _end_of(record: dg.RunRecord) -> datetime:
    return datetime.fromtimestamp(record.end_time, UTC) if record.end_time else record.update_timestamp
