"""Executions: Dagster's records of runs as in the table `job_executions`, why they failed, and how they change."""

from __future__ import annotations

import atexit
import re
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import dagster as dg

from market_assets.operations.names import ASSET_JOB, RUNS_TAG, TRIGGERED_BY_TAG

if TYPE_CHECKING:
    from dagster import RunRecord

    from market_assets.dagster_ext.records import StepFailureData
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
#: How often `print_runs` looks, and how long after a history that did not answer.
_EVERY_SECONDS, _HISTORY_PAUSE_SECONDS = 2.0, 30.0
#: As many runs are looked at for changes.
_NEWEST = 20

UNKNOWN = "unknown cause"
_MARKED_FROM_OUTSIDE = "This run has been marked as failed from outside"
_causes: list[str] = []


def shown_step(step_key: str) -> str:
    """A step by the name of its asset, also where it is one of several ops of the asset."""
    return step_key.partition(".")[0].replace("__", "/")


class ExecutionReader:
    """Turns records of runs into executions; the events of ended runs are read once."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._results = lru_cache(_CACHED)(partial(_results, instance))

    def execution(self, record: RunRecord) -> Execution:
        """The execution of a record."""
        from market_assets.store.executions import Execution

        run = record.dagster_run
        error, rows = self._results(run.run_id, run.is_failure) if run.is_finished else (None, None)
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


def _results(instance: dg.DagsterInstance, run_id: str, is_failure: bool) -> tuple[str | None, int | None]:
    """Why an ended run failed, and its number of rows; None where it did not, and where it has none."""
    # A step that materializes many partitions reports the same number for each.
    counts: dict[str | None, int] = {}
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
        counts.update(_row_count(entry.get_dagster_event()))
    error = recorded_failure(instance, run_id) if is_failure else None
    return error, sum(counts.values()) if counts else None


def _row_count(event: dg.DagsterEvent) -> dict[str | None, int]:
    """The number of rows of a materialization by its step; empty where it has none."""
    metadata = event.step_materialization_data.materialization.metadata
    values = (metadata[name].value for name in _ROW_COUNTS if name in metadata)
    counts = [count for count in values if isinstance(count, int)]
    return {event.step_key: counts[0]} if counts else {}


def print_cause_at_exit(instance: dg.DagsterInstance, run: dg.DagsterRun, failure: dg.DagsterEvent) -> None:
    """Print the cause of the first failed step as the last line of this process.

    Dagster's commands end with the run's id alone, above which the cause is hidden in the log.
    """
    atexit.unregister(_print)
    atexit.register(_print)
    job = "" if run.job_name == ASSET_JOB else f"{run.job_name}: "
    _causes.append(f"{job}{cause_of_event(instance, run.run_id, failure)}")


def recorded_failure(instance: dg.DagsterInstance, run_id: str) -> str:
    """Why a run failed, in one line: its first failed step, or what ended the run."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    for entry in instance.all_logs(run_id, of_type=kinds):
        return cause_of_event(instance, run_id, entry.get_dagster_event())
    return UNKNOWN


def cause_of_event(instance: dg.DagsterInstance, run_id: str, failure: dg.DagsterEvent) -> str:
    """The cause that the failure event of a step or of a run names, in one line."""
    if failure.is_step_failure:
        step = shown_step(str(failure.step_key))
        return f"{step} failed: {_recorded_cause(failure.step_failure_data)}"
    return _recorded_end(instance, run_id, failure)


def _recorded_cause(failure: StepFailureData) -> str:
    """The message of an error in one line, without the errors that Dagster wraps around it."""
    if failure.user_failure_data:
        return _one_line(failure.user_failure_data.description or "") or dg.Failure.__name__
    error = failure.error
    if error is None:
        return UNKNOWN
    while error.cause is not None and str(error.cls_name).startswith("Dagster"):
        error = error.cause
    return _one_line(re.sub(rf"^([\w.]+\.)?{error.cls_name}: ?", "", error.message)) or str(error.cls_name)


def _recorded_end(instance: dg.DagsterInstance, run_id: str, failure: dg.DagsterEvent) -> str:
    """Why a run failed where none of its steps did.

    A code server whose run process dies records that in an event before the failure, which has no message then.
    """
    data = failure.job_failure_data
    message = data.error.message if data and data.error else failure.message or ""
    if message.startswith(_MARKED_FROM_OUTSIDE):
        message = _last_message_before_end(instance, run_id) or message
    lines = message.strip().splitlines()
    return _one_line(lines[0]) if lines else UNKNOWN


def _last_message_before_end(instance: dg.DagsterInstance, run_id: str) -> str | None:
    """The last engine event before the failure; after it Dagster may record that it retries the run."""
    kinds = {dg.DagsterEventType.ENGINE_EVENT, dg.DagsterEventType.RUN_FAILURE}
    message = None
    for entry in instance.all_logs(run_id, of_type=kinds):
        event = entry.get_dagster_event()
        if event.event_type is dg.DagsterEventType.RUN_FAILURE:
            break
        message = event.message or message
    return message


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _print() -> None:
    if _causes:
        sys.stdout.flush()
        print(_causes[0], file=sys.stderr, flush=True)


def newest_executions(instance: dg.DagsterInstance, job: str | None = None) -> Callable[[], list[Execution]]:
    """A function that reads the newest runs (of a job), newest first."""
    reader = ExecutionReader(instance)
    return lambda: [
        reader.execution(record) for record in instance.get_run_records(dg.RunsFilter(job_name=job), limit=_NEWEST)
    ]


def print_runs(instance: dg.DagsterInstance) -> None:
    """Print a line when a run starts and when it ends, for ever; a history that is away is asked again."""
    while True:
        try:
            for run in changes(newest_executions(instance), lambda: time.sleep(_EVERY_SECONDS)):
                if run.status != "queued":
                    print(as_line(run), flush=True)
        # The history's database may fail in many ways, and others report it.
        except Exception:
            time.sleep(_HISTORY_PAUSE_SECONDS)


def changes(read: Callable[[], list[Execution]], wait: Callable[[], object]) -> Iterator[Execution]:
    """Read again and again: first, the runs that have not ended; then every run that has changed, oldest first."""
    from market_assets.store.executions import UNENDED

    known: dict[str, Execution] | None = None
    while True:
        seen = {run.run_id: run for run in reversed(read())}
        for run_id, run in seen.items():
            before = (known or {}).get(run_id)
            if run != before and (known is not None or run.status in UNENDED):
                yield run
        known = seen
        wait()


def as_line(run: Execution) -> str:
    """The time, and what a run does now, in a line."""
    details = filter(None, (_seconds(run), run.error))
    return (
        f"{datetime.now(UTC):%H:%M:%S} {run.run_id[:8]} {run.job_id} {run.status}  {'  '.join(details)}".rstrip()
    )


def _seconds(run: Execution) -> str:
    if run.started_at is None:
        return ""
    seconds = run.duration if run.duration is not None else (datetime.now(UTC) - run.started_at).total_seconds()
    return str(timedelta(seconds=round(seconds))) if seconds >= 60 else f"{seconds:.1f} s"
