"""What `market-assets watch` does: looks at the instance again and again, and shows what changed."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
import dagster as dg

from market_assets.cli.instance import history_that_answers, open_instance
from market_assets.operations.executions import ExecutionReader, Progress, progress_of, what_jobs_run
from market_assets.settings import Settings
from market_assets.store.executions import UNENDED, Execution

if TYPE_CHECKING:
    from rich.table import Table

#: As many runs as are shown, and looked at again each time.
SHOWN = 20
_COLORS = {"queued": "yellow", "running": "cyan", "success": "green", "failed": "red", "canceled": "magenta"}


@dataclass(frozen=True)
class Watched:
    """A run as it is seen now; the progress only while it runs."""

    execution: Execution
    progress: Progress | None


def watch_runs(settings: Settings, *, as_json: bool, job: str | None, every: float) -> None:
    """Show runs as they change, until Ctrl-C or until nobody reads any more."""
    # Whoever starts this in the background of a shell may have told it to ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with open_instance(settings) as instance, history_that_answers():
            _watch(_looking(settings, instance, job), as_json=as_json, every=every)
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        # Lest the interpreter flushes it once more at its end, and complains.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _watch(look: Callable[[], list[Watched]], *, as_json: bool, every: float) -> None:
    if not as_json and sys.stdout.isatty():
        _show_live(look, every)
        return
    for changed in changes(look, lambda: time.sleep(every)):
        click.echo(_as_json(changed) if as_json else _as_line(changed))


def _looking(settings: Settings, instance: dg.DagsterInstance, job: str | None) -> Callable[[], list[Watched]]:
    from market_assets.definitions import build_defs

    reader = ExecutionReader(instance, what_jobs_run(build_defs(settings).get_repository_def()))

    def look() -> list[Watched]:
        records = instance.get_run_records(dg.RunsFilter(job_name=job), limit=SHOWN)
        return [_watched(instance, reader, record) for record in records]

    return look


def changes(look: Callable[[], list[Watched]], wait: Callable[[], None]) -> Iterator[Watched]:
    """Every run that is or becomes different, oldest first; at first, those that have not ended."""
    known: dict[str, Watched] | None = None
    while True:
        seen = {watched.execution.run_id: watched for watched in reversed(look())}
        for run_id, watched in seen.items():
            before = (known or {}).get(run_id)
            if watched != before and (known is not None or watched.execution.status in UNENDED):
                yield watched
        known = seen
        wait()


def _watched(instance: dg.DagsterInstance, reader: ExecutionReader, record: Any) -> Watched:
    execution = reader.execution(record)
    return Watched(execution, progress_of(instance, record) if execution.status == "running" else None)


def _as_json(watched: Watched) -> str:
    execution = asdict(watched.execution)
    moments = {name: value.isoformat() for name, value in execution.items() if isinstance(value, datetime)}
    progress = asdict(watched.progress) if watched.progress else None
    return json.dumps({"type": "run", **execution, **moments, "progress": progress})


def _as_line(watched: Watched) -> str:
    one = watched.execution
    told = filter(None, (_seconds(one), _progress(watched), one.error))
    return f"{datetime.now(UTC):%H:%M:%S} {one.run_id[:8]} {one.job_id} {one.status}  {'  '.join(told)}".rstrip()


def _progress(watched: Watched) -> str:
    progress = watched.progress
    if progress is None:
        return ""
    of_all = f"/{progress.steps}" if progress.steps else ""
    return f"{progress.ended}{of_all} steps" + (f", now {', '.join(progress.running)}" if progress.running else "")


def _seconds(one: Execution) -> str:
    if one.started_at is None:
        return ""
    seconds = one.duration if one.duration is not None else (datetime.now(UTC) - one.started_at).total_seconds()
    return str(timedelta(seconds=round(seconds))) if seconds >= 60 else f"{seconds:.1f} s"


def _show_live(look: Callable[[], list[Watched]], every: float) -> None:
    from rich.live import Live

    with Live(_table(look()), auto_refresh=False, screen=False) as live:
        while True:
            time.sleep(every)
            live.update(_table(look()), refresh=True)


def _table(runs: list[Watched]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"Runs at {datetime.now(UTC):%H:%M:%S} UTC; Ctrl-C ends", expand=True)
    for name in ("run", "job", "status", "time", "rows", "by", "progress or error"):
        table.add_column(name, justify="right" if name in ("time", "rows") else "left", no_wrap=name != "job")
    for watched in runs:
        one = watched.execution
        cells = (
            one.run_id[:8],
            one.job_id,
            Text(one.status, style=_COLORS[one.status]),
            _seconds(one),
            "" if one.rows is None else f"{one.rows:,}",
            one.triggered_by,
            _progress(watched) or one.error or "",
        )
        # Text, not markup: an error may hold brackets.
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in cells))
    return table
