"""`market-assets status` and `watch`: health, and changes of runs, from the stores alone; `alerts`: messages."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from time import sleep
from typing import Any

import click
from rich.columns import Columns
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from market_assets.cli.command import (
    CommandFailedError,
    history_errors,
    json_option,
    open_instance,
    pass_settings,
    use_dagster_home,
)
from market_assets.operations.alerts.delivery import Message, host_of, recipient_of, send_all
from market_assets.operations.background import Probe
from market_assets.operations.executions import as_line, changes, newest_executions
from market_assets.operations.health import Health, health_report, judge
from market_assets.operations.monitored import Monitored, monitored_in
from market_assets.operations.system_state import (
    HistoryState,
    SystemState,
    read_database,
    read_disk,
    read_history,
    read_state,
)
from market_assets.settings import Settings
from market_assets.store.database import Database, StoreError
from market_assets.store.executions import Execution
from market_assets.store.schedule_overrides import ScheduleOverrides, read_overrides_if_any

#: A part that has not answered by then is reported.
_TIMEOUT_SECONDS = 15.0


@click.command()
@json_option("Print a JSON object, as /health answers it.")
@pass_settings
def status(settings: Settings, as_json: bool) -> None:
    """Print jobs, incidents, tables and stores; exit 1 when something is wrong."""
    use_dagster_home(settings)
    state = read_system(settings)
    health = judge(state)
    if as_json:
        click.echo(json.dumps(health_report(state, health), ensure_ascii=False, indent=1))
    else:
        _show(Console(highlight=False, soft_wrap=False), state, health)
    if health.reasons or health.warnings:
        sys.exit(1)


def read_system(settings: Settings) -> SystemState:
    """The whole state, each part read at the same time as the others."""
    try:
        from market_assets.definitions import build_defs

        monitored: Monitored | None = monitored_in(build_defs(settings).get_repository_def())
        code_error = None
    except Exception as error:
        monitored, code_error = None, error

    def code() -> None:
        if code_error is not None:
            raise code_error

    def history() -> HistoryState:
        with open_instance(settings) as instance:
            return read_history(instance, monitored or Monitored(), datetime.now(UTC), _overrides(database))

    database = Database(settings.market_url)
    probes: dict[str, Probe[Any]] = {
        "code": Probe(code),
        "history": Probe(history),
        "database": Probe(lambda: read_database(database)),
        "disk": Probe(lambda: read_disk(settings)),
    }
    return read_state(probes, _TIMEOUT_SECONDS)


def _overrides(database: Database) -> ScheduleOverrides | None:
    try:
        return read_overrides_if_any(database)
    except StoreError:
        # The probe of the database reports it.
        return None


def _show(console: Console, state: SystemState, health: Health) -> None:
    wrong = len(health.reasons) + len(health.warnings)
    console.print(
        f"[red]{wrong} thing{'s' if wrong > 1 else ''} wrong[/]" if wrong else "[green]Nothing is wrong[/]"
    )
    for colour, problems in (("red", health.reasons), ("yellow", health.warnings)):
        for problem in problems:
            line = Text.assemble((f"{problem.name}: ", colour), problem.text)
            console.print(Padding(line, (0, 0, 0, 2)))
    console.print()
    if state.history is None:
        return
    console.print(_jobs(state.history, state.now))
    for job in state.history.jobs:
        if job.off_because:
            console.print(Padding(Text.assemble(("off: ", "yellow"), job.off_because), (0, 0, 0, 2)))
    console.print("\ntables, last materialized")
    ages = [Text(f"  {one.table} {_ago(one.materialized_at, state.now)}") for one in state.history.tables]
    console.print(Columns(ages, equal=True))
    console.print()
    _show_stores(console, state, state.history)


def _jobs(history: HistoryState, now: datetime) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for column in ("job", "cron, UTC", "last run", "last success", "next run"):
        table.add_column(column, no_wrap=True)
    for job in history.jobs:
        last = f"{job.last_status} {_ago(job.last_run, now)}" if job.last_status else "never"
        table.add_row(
            job.job,
            job.cron,
            Text(last, "red" if job.last_status == "failed" else ""),
            Text(_ago(job.last_success, now), "red" if job.is_late else ""),
            f"in {_span(job.next_run - now)}" if job.next_run else Text("off", "yellow"),
        )
    return table


def _show_stores(console: Console, state: SystemState, history: HistoryState) -> None:
    console.print(f"runs      {history.queued} queued, {history.running} running")
    if state.database is not None:
        version = state.database.version or "none"
        console.print(f"database  {state.database.name}, version {version}", soft_wrap=True)
    if state.disk is not None:
        free, total = state.disk.free / 2**30, state.disk.total / 2**30
        console.print(f"disk      {free:,.1f} of {total:,.0f} GiB free", soft_wrap=True)
    hosts = ", ".join(sorted({one.host for one in history.recipients})) or "no one: set MARKET_ASSETS_ALERT_URLS"
    console.print(f"alerts    {hosts}", soft_wrap=True)


def _ago(time: datetime | None, now: datetime) -> str:
    return f"{_span(now - time)} ago" if time else "never"


def _span(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= 2 * size or (name == "m" and seconds >= size):
            return f"{seconds // size} {name}"
    return f"{seconds} s"


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
            for changed in changes(newest_executions(instance, job), lambda: sleep(every)):
                click.echo(_as_json(changed) if as_json else as_line(changed))
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        # So that the interpreter's last flush of it does not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _as_json(run: Execution) -> str:
    content = asdict(run)
    times = {name: value.isoformat() for name, value in content.items() if isinstance(value, datetime)}
    return json.dumps({"type": "run", **content, **times})


@click.group()
def alerts() -> None:
    """Alerts: messages about failures."""


@alerts.command("test")
@pass_settings
def send_test(settings: Settings) -> None:
    """Send a test message to each of MARKET_ASSETS_ALERT_URLS and print which worked."""
    urls = settings.alert_urls
    if not urls:
        raise CommandFailedError("no one receives alerts: set MARKET_ASSETS_ALERT_URLS, see .env.example")
    body = f"Sent by `market-assets alerts test` at {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC. Nothing is wrong."
    message = Message("market_assets: a test", body)
    errors = send_all({recipient_of(url): message for url in urls}, urls)
    for url in urls:
        error = errors[recipient_of(url)]
        click.echo(f"{'failed' if error else 'sent  '}  {host_of(url)}" + (f": {error}" if error else ""))
    if failed := sum(error is not None for error in errors.values()):
        raise CommandFailedError(f"{failed} of {len(urls)} test messages failed")
