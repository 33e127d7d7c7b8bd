"""Changes of runs, each as a line: for `market-assets watch`, and for the terminal of `serve`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from market_assets.operations.executions import ExecutionReader
from market_assets.store.executions import UNENDED

if TYPE_CHECKING:
    from market_assets.store.executions import Execution

#: How often `print_runs` looks, and how long after a history that did not answer.
_EVERY_SECONDS, _HISTORY_PAUSE_SECONDS = 2.0, 30.0
#: As many runs as are read again each time.
_NEWEST = 20


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
