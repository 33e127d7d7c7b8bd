"""`market-assets watch`: a line for each change of a run."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import click
import dagster as dg

from market_assets.cli.command import history_errors, json_option, open_instance, pass_settings
from market_assets.operations.executions import ExecutionReader
from market_assets.settings import Settings
from market_assets.store.executions import UNENDED, Execution

#: How often `serve` looks, and how long after a history that did not answer.
_EVERY_SECONDS, _HISTORY_PAUSE_SECONDS = 2.0, 30.0
#: As many runs as are read again each time.
_NEWEST = 20


@click.command()
@json_option("Print a JSON object for each change instead.")
@click.option("--job", help="Only runs of this job.")
@click.option(
    "--every",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.1, 60),
    metavar="SECONDS",
    help="How often to look.",
)
@pass_settings
def watch(settings: Settings, as_json: bool, job: str | None, every: float) -> None:
    """Print a line for each change of a run, until Ctrl-C.

    Reads the history's database alone: no other process needs to run.
    """
    # A shell that starts this in the background makes it ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with open_instance(settings) as instance, history_errors():
            for changed in changes(newest_executions(instance, job), lambda: time.sleep(every)):
                click.echo(_as_json(changed) if as_json else as_line(changed))
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        # So that the interpreter's last flush of it does not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def newest_executions(instance: dg.DagsterInstance, job: str | None = None) -> Callable[[], list[Execution]]:
    """A function that reads the newest runs (of a job), newest first."""
    reader = ExecutionReader(instance)
    return lambda: [
        reader.execution(record) for record in instance.get_run_records(dg.RunsFilter(job_name=job), limit=_NEWEST)
    ]


def print_runs(settings: Settings, stop: threading.Event) -> None:
    """Print a line when a run starts and when it ends, until the stop; a history that is away is asked again."""
    failed = False
    while not stop.is_set():
        try:
            with open_instance(settings) as instance, history_errors():
                for run in changes(newest_executions(instance), lambda: stop.wait(_EVERY_SECONDS)):
                    if run.status != "queued":
                        click.echo(as_line(run))
        except Exception as error:
            if not failed:
                click.echo(f"market-assets: {' '.join(str(error).split())}", err=True)
            failed = True
            stop.wait(_HISTORY_PAUSE_SECONDS)


def changes(read: Callable[[], list[Execution]], wait: Callable[[], bool | None]) -> Iterator[Execution]:
    """Read again and again: first, the runs that have not ended; then every run that has changed, oldest first.

    Ends when `wait` returns true.
    """
    known: dict[str, Execution] | None = None
    while True:
        seen = {run.run_id: run for run in reversed(read())}
        for run_id, run in seen.items():
            before = (known or {}).get(run_id)
            if run != before and (known is not None or run.status in UNENDED):
                yield run
        known = seen
        if wait():
            return


def _as_json(run: Execution) -> str:
    content = asdict(run)
    times = {name: value.isoformat() for name, value in content.items() if isinstance(value, datetime)}
    return json.dumps({"type": "run", **content, **times})


def as_line(run: Execution) -> str:
    """The time, and what a run does now, in a line."""
    details = filter(None, (_seconds(run), run.error))
    return (
        f"{datetime.now(UTC):%H:%M:%S} {run.run_id[:8]} {run.job_id} {run.status}  {'  '.join(details)}".rstrip()
    )


def _seconds(one: Execution) -> str:
    if one.started_at is None:
        return ""
    seconds = one.duration if one.duration is not None else (datetime.now(UTC) - one.started_at).total_seconds()
    return str(timedelta(seconds=round(seconds))) if seconds >= 60 else f"{seconds:.1f} s"
