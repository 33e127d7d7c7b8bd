"""Executions: Dagster's records of runs in the form of the table `job_executions`, and the progress of runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from market_assets.operations.failure_cause import UNKNOWN, cause_of_event
from market_assets.operations.names import TRIGGERED_BY_TAG

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

    def __init__(self, instance: dg.DagsterInstance, what_it_runs: Callable[[str], str]) -> None:
        """Make a reader.

        Args:
            instance: whose runs are read.
            what_it_runs: the assets or functions of a job, by its name.
        """
        self._instance = instance
        self._what_it_runs = what_it_runs
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
            func_name=self._func_name(run),
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

    def _func_name(self, run: dg.DagsterRun) -> str:
        chosen = run.asset_selection
        if chosen:
            return keys_selection([key.to_user_string() for key in chosen])
        return self._what_it_runs(run.job_name)

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


def keys_selection(keys: list[str]) -> str:
    """Some assets, in Dagster's syntax for selecting them."""
    return " or ".join(f'key:"{key}"' for key in sorted(keys))


def job_selection(keys: set[str], groups: Mapping[str, str | None]) -> str:
    """The assets of a job in Dagster's syntax for selecting them: as groups, where they are whole groups.

    Args:
        keys: the job's assets.
        groups: the group of every asset.
    """
    touched = {groups.get(key) for key in keys}
    if keys != {key for key, group in groups.items() if group in touched}:
        return keys_selection(list(keys))
    return " or ".join(f'group:"{group}"' for group in sorted(filter(None, touched)))


def what_jobs_run(repository: dg.RepositoryDefinition) -> Callable[[str], str]:
    """The assets or functions of a job of a repository, by its name; empty for a job that no longer exists."""
    graph = repository.asset_graph
    groups = {key.to_user_string(): graph.get(key).group_name for key in graph.executable_asset_keys}

    def what_it_runs(job_id: str) -> str:
        if not repository.has_job(job_id):
            return ""
        job = repository.get_job(job_id)
        keys = {key.to_user_string() for key in job.asset_layer.executable_asset_keys}
        return job_selection(keys, groups) or ", ".join(node.name for node in job.nodes_in_topological_order)

    return what_it_runs


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
