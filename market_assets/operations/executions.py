"""Executions: Dagster's records of runs in the form of the table `job_executions`, and the progress of runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from market_assets.operations.failure_cause import UNKNOWN, cause_of_event
from market_assets.operations.names import RUNS_TAG, TRIGGERED_BY_TAG

if TYPE_CHECKING:
    from dagster import RunRecord

    from market_assets.store.executions import Execution, ExecutionStatus

STATUSES: dict[ExecutionStatus, list[dg.DagsterRunStatus]] = {
    "queued": [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.MANAGED],
    "running": [
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.SUSPENDED,
        dg.DagsterRunStatus.CANCELING,
    ],
    "success": [dg.DagsterRunStatus.SUCCESS],
    "failed": [dg.DagsterRunStatus.FAILURE],
    "canceled": [dg.DagsterRunStatus.CANCELED],
}
_STATUS_OF = {theirs: ours for ours, several in STATUSES.items() for theirs in several}
#: Metadata with the number of rows of a materialization; the first that there is counts.
_ROW_COUNTS = ("dagster/row_count", "dagster/partition_row_count")
#: A run that has ended does not change: so many of them are cached.
_CACHED = 2_000
_STEP_EVENTS = {
    dg.DagsterEventType.STEP_START,
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.STEP_SKIPPED,
}


class ExecutionReader:
    """Turns records of runs into executions; the events of ended runs are read once."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        #: Run → the cause of its failure and its number of rows.
        self._results: dict[str, tuple[str | None, int | None]] = {}

    def execution(self, record: RunRecord) -> Execution:
        """The execution of a record."""
        from market_assets.store.executions import Execution

        run = record.dagster_run
        error, rows = self._results_of(run) if run.is_finished else (None, None)
        return Execution(
            run_id=run.run_id,
            job_id=run.job_name,
            func_name=_func_name(run),
            status=status_of(run),
            created_at=record.create_timestamp.astimezone(UTC),
            started_at=_time(record.start_time),
            ended_at=_time(record.end_time) if run.is_finished else None,
            duration=duration_of(record) if run.is_finished else None,
            rows=rows,
            error=error,
            triggered_by=triggered_by(run),
        )

    def cause(self, run: dg.DagsterRun) -> str:
        """Why a run failed, in one line."""
        error, _rows = self._results_of(run)
        return error or UNKNOWN

    def _results_of(self, run: dg.DagsterRun) -> tuple[str | None, int | None]:
        if run.run_id not in self._results:
            if len(self._results) >= _CACHED:
                self._results.clear()
            self._results[run.run_id] = _results(self._instance, run)
        return self._results[run.run_id]


def status_of(run: dg.DagsterRun) -> ExecutionStatus:
    return _STATUS_OF[run.status]


def begun_at(record: RunRecord) -> datetime:
    """When a run began, or was created where it has not begun yet."""
    return _time(record.start_time) or record.create_timestamp


def ended_at(record: RunRecord) -> datetime:
    """When a run ended; its last change where no end is recorded."""
    return _time(record.end_time) or record.update_timestamp


def duration_of(record: RunRecord) -> float | None:
    """Seconds since the run began, up to its end; None where it never began."""
    if record.start_time is None:
        return None
    end = record.end_time if record.dagster_run.is_finished else datetime.now(UTC).timestamp()
    return None if end is None else round(max(0.0, end - record.start_time), 3)


def triggered_by(run: dg.DagsterRun) -> str:
    """What started a run: schedule, sensor, api:USER, ui:USER, or cli for a command."""
    if TRIGGERED_BY_TAG in run.tags:
        return run.tags[TRIGGERED_BY_TAG]
    if "dagster/schedule_name" in run.tags:
        return "schedule"
    if "dagster/sensor_name" in run.tags:
        return "sensor"
    return "cli"


def _func_name(run: dg.DagsterRun) -> str:
    """The selected assets of a run, in Dagster's syntax for selecting them, else what its job is tagged with."""
    if run.asset_selection:
        return " or ".join(f'key:"{key}"' for key in sorted(key.to_user_string() for key in run.asset_selection))
    return run.tags.get(RUNS_TAG, run.job_name)


def _time(timestamp: float | None) -> datetime | None:
    return datetime.fromtimestamp(timestamp, UTC) if timestamp else None


def _results(instance: dg.DagsterInstance, run: dg.DagsterRun) -> tuple[str | None, int | None]:
    kinds = {
        dg.DagsterEventType.STEP_FAILURE,
        dg.DagsterEventType.RUN_FAILURE,
        dg.DagsterEventType.ASSET_MATERIALIZATION,
    }
    causes: list[str] = []
    # A step that materializes many partitions reports the same number for each.
    counts: dict[str | None, int] = {}
    for entry in instance.all_logs(run.run_id, of_type=kinds):
        event = entry.get_dagster_event()
        if event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
            counts.update(_row_count(event))
        else:
            causes.append(cause_of_event(instance, run.run_id, event))
    error = (causes or [UNKNOWN])[0] if run.status is dg.DagsterRunStatus.FAILURE else None
    return error, sum(counts.values()) if counts else None


def _row_count(event: dg.DagsterEvent) -> dict[str | None, int]:
    """The number of rows of a materialization by its step; empty where it has none."""
    metadata = event.step_materialization_data.materialization.metadata
    values = (metadata[name].value for name in _ROW_COUNTS if name in metadata)
    counts = [count for count in values if isinstance(count, int)]
    return {event.step_key: counts[0]} if counts else {}


@dataclass(frozen=True)
class Progress:
    """Steps of a run: how many have ended, how many there are (None where that is unknown), which are running."""

    ended: int
    steps: int | None
    running: tuple[str, ...]


def progress_of(instance: dg.DagsterInstance, record: RunRecord) -> Progress:
    """The progress of a run, by its events."""
    run = record.dagster_run
    running: dict[str, None] = {}
    ended = set()
    for entry in instance.all_logs(run.run_id, of_type=_STEP_EVENTS):
        event = entry.get_dagster_event()
        step = str(event.step_key).replace("__", "/")
        if event.event_type is dg.DagsterEventType.STEP_START:
            running[step] = None
        else:
            running.pop(step, None)
            ended.add(step)
    steps = run.step_keys_to_execute
    if steps is None and run.execution_plan_snapshot_id:
        steps = instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id).step_keys_to_execute
    return Progress(len(ended), len(steps) if steps else None, tuple(running))
