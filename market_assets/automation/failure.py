"""What a failed run says last: the cause, in one line."""

from __future__ import annotations

import atexit
import sys

import dagster as dg

_causes: list[str] = []


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
    if isinstance(error, dg.Failure) and error.description:
        return " ".join(error.description.split())
    while isinstance(error, dg.DagsterError) and error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split()) or type(error).__name__


def forget_causes() -> None:
    """Say nothing at the end of the process: whoever started the runs in it has told a person already."""
    _causes.clear()


def _say() -> None:
    if _causes:
        sys.stdout.flush()
        print(_causes[0], file=sys.stderr, flush=True)
