"""The cause of a failed run, in one line."""

from __future__ import annotations

import atexit
import re
import sys
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from market_assets.dagster_ext.run_events import StepFailureData

UNKNOWN = "unknown cause"
_MARKED_FROM_OUTSIDE = "This run has been marked as failed from outside"
_causes: list[str] = []


@dg.failure_hook(name="print_failure_cause")
def print_failure_cause(context: dg.HookContext) -> None:
    """Print the cause of the first failed step as the last line of the process that ran it.

    `dagster job execute` ends with the run's id alone, above which the cause is hidden in the log.
    """
    atexit.unregister(_print)
    atexit.register(_print)
    _causes.append(f"{context.job_name}: {context.op.name} failed: {cause_of(context.op_exception)}")


def discard_causes() -> None:
    """Print nothing at the end of the process: its output names the cause already."""
    _causes.clear()


def cause_of(error: BaseException | None) -> str:
    """The message of an error in one line, without the errors that Dagster wraps around it."""
    if error is None:
        return UNKNOWN
    while isinstance(error, dg.DagsterError) and error.__cause__ is not None:
        error = error.__cause__
    message = error.description or "" if isinstance(error, dg.Failure) else str(error)
    return _one_line(message) or type(error).__name__


def recorded_failure(instance: dg.DagsterInstance, run_id: str) -> str:
    """Why a run failed, in one line: its first failed step, or what ended the run."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    for entry in instance.all_logs(run_id, of_type=kinds):
        return cause_of_event(instance, run_id, entry.get_dagster_event())
    return UNKNOWN


def cause_of_event(instance: dg.DagsterInstance, run_id: str, failure: dg.DagsterEvent) -> str:
    """The cause that the failure event of a step or of a run names, in one line."""
    if failure.is_step_failure:
        step = str(failure.step_key).replace("__", "/")
        return f"{step} failed: {_recorded_cause(failure.step_failure_data)}"
    return _recorded_end(instance, run_id, failure)


def _recorded_cause(failure: StepFailureData) -> str:
    """As `cause_of`, for a failed step that Dagster has recorded."""
    if failure.user_failure_data and failure.user_failure_data.description:
        return _one_line(failure.user_failure_data.description)
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
