"""What a failed run says last: the cause, in one line."""

from __future__ import annotations

import atexit
import re
import sys
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from market_assets.dagster_ext.run_events import JobFailureData, StepFailureData

_causes: list[str] = []
_MARKED_FROM_OUTSIDE = "This run has been marked as failed from outside"


@dg.failure_hook(name="say_why_it_failed")
def say_why_it_failed(context: dg.HookContext) -> None:
    """Name the cause of the first failed step in the last line of the process that ran it.

    `dagster job execute` ends with the run's id alone, above which the cause is hidden in the log.
    """
    atexit.unregister(_say)
    atexit.register(_say)
    _causes.append(f"{context.job_name}: {context.op.name} failed: {cause_of(context.op_exception)}")


def cause_of(error: BaseException | None) -> str:
    """One line that tells a person what went wrong."""
    if error is None:
        return "unknown cause"
    while isinstance(error, dg.DagsterError) and error.__cause__ is not None:
        error = error.__cause__
    stated = error.description or "" if isinstance(error, dg.Failure) else str(error)
    return " ".join(stated.split()) or type(error).__name__


def recorded_cause(failure: StepFailureData) -> str:
    """As `cause_of`, for a failed step that Dagster has recorded."""
    if failure.user_failure_data and failure.user_failure_data.description:
        return " ".join(failure.user_failure_data.description.split())
    error = failure.error
    if error is None:
        return "unknown cause"
    while error.cause is not None and str(error.cls_name).startswith("Dagster"):
        error = error.cause
    message = re.sub(rf"^([\w.]+\.)?{error.cls_name}: ?", "", error.message)
    return " ".join(message.split()) or str(error.cls_name)


def recorded_failure(instance: dg.DagsterInstance, run_id: str) -> str:
    """Why a run failed, in one line: its first failed step, or what ended the run."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    for entry in instance.all_logs(run_id, of_type=kinds):
        return told_by(instance, run_id, entry.get_dagster_event())
    return "unknown cause"


def told_by(instance: dg.DagsterInstance, run_id: str, failure: dg.DagsterEvent) -> str:
    """What the failure of a step or of its run says, in one line."""
    if failure.is_step_failure:
        step = str(failure.step_key).replace("__", "/")
        return f"{step} failed: {recorded_cause(failure.step_failure_data)}"
    return _recorded_end(instance, run_id, failure)


def _recorded_end(instance: dg.DagsterInstance, run_id: str, failure: dg.DagsterEvent) -> str:
    """What the failure of a run says where none of its steps failed.

    A code server that sees a process die says so in an event of its own, and lets the failure say nothing.
    """
    data: JobFailureData | None = failure.job_failure_data
    told = data.error.message if data and data.error else failure.message or ""
    if told.startswith(_MARKED_FROM_OUTSIDE):
        told = _last_said_before_the_end(instance, run_id) or told
    lines = told.strip().splitlines()
    return " ".join(lines[0].split()) if lines else "unknown cause"


def _last_said_before_the_end(instance: dg.DagsterInstance, run_id: str) -> str | None:
    """After the end Dagster still says that it retries the run."""
    kinds = {dg.DagsterEventType.ENGINE_EVENT, dg.DagsterEventType.RUN_FAILURE}
    told = None
    for entry in instance.all_logs(run_id, of_type=kinds):
        event = entry.get_dagster_event()
        if event.event_type is dg.DagsterEventType.RUN_FAILURE:
            break
        told = event.message or told
    return told


def forget_causes() -> None:
    """Say nothing at the end of the process: whoever started the runs in it has told a person already."""
    _causes.clear()


def _say() -> None:
    if _causes:
        sys.stdout.flush()
        print(_causes[0], file=sys.stderr, flush=True)
