"""`market-assets status`: how things are, read from the stores alone, without a web process."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from market_assets.cli.instance import open_instance, use_dagster_home
from market_assets.operations.health import Facts, Health, HistoryFacts, JobFacts, TableFacts, judge
from market_assets.operations.health_json import detailed
from market_assets.operations.health_readings import read_database, read_disk, read_history
from market_assets.operations.probes import Probe, ask_all
from market_assets.settings import Settings
from market_assets.store.database import Database
from market_assets.store.schedule_overrides import ScheduleOverrides, read_overrides_if_any

if TYPE_CHECKING:
    from rich.console import Console

    from market_assets.operations.alerts.monitored import Watched

#: A part that does not answer for so long is said to be silent.
_PATIENCE_SECONDS = 15.0
_SHOWN_INCIDENTS = 30
_GOOD, _BAD, _DIM = "green", "bold red", "dim"


def print_status(settings: Settings, *, as_json: bool) -> bool:
    """Print what is known and what is wrong; returns whether nothing is.

    Raises:
        SettingsError: there is no dagster.yaml.
    """
    use_dagster_home(settings)
    facts = _facts(settings)
    health = judge(facts)
    if as_json:
        click.echo(json.dumps(detailed(facts, health), ensure_ascii=False, indent=1))
    else:
        from rich.console import Console

        _show(Console(highlight=False, soft_wrap=False), facts, health)
    return not (health.reasons or health.warnings)


def _facts(settings: Settings) -> Facts:
    try:
        watched: Watched | None = _watched(settings)
        code_error = None
    except Exception as error:
        watched, code_error = None, error

    def code() -> None:
        if code_error is not None:
            raise code_error

    def history() -> HistoryFacts:
        from market_assets.operations.alerts.monitored import Watched

        with open_instance(settings) as instance:
            return read_history(instance, watched or Watched(), datetime.now(UTC), _overrides(database))

    database = Database(settings.market_url)
    probes: dict[str, Probe[Any]] = {
        "code": Probe(code),
        "history": Probe(history),
        "database": Probe(lambda: read_database(database)),
        "disk": Probe(lambda: read_disk(settings)),
    }
    return ask_all(probes, _PATIENCE_SECONDS)


def _watched(settings: Settings) -> Watched:
    from market_assets.definitions import build_defs
    from market_assets.operations.alerts.monitored import watched_in

    return watched_in(build_defs(settings).get_repository_def())


def _overrides(database: Database) -> ScheduleOverrides | None:
    from market_assets.store.database import StoreError

    try:
        return read_overrides_if_any(database)
    except StoreError:
        # The database's own probe says so.
        return None


def _show(console: Console, facts: Facts, health: Health) -> None:
    wrong = len(health.reasons) + len(health.warnings)
    if wrong:
        console.print(f"[{_BAD}]{wrong} thing{'s' if wrong > 1 else ''} wrong[/]")
    else:
        console.print(f"[{_GOOD}]Nothing is wrong[/]")
    for reason in health.reasons:
        _line(console, "red", reason.name, reason.text)
    for warning in health.warnings[:_SHOWN_INCIDENTS]:
        _line(console, "yellow", warning.name, warning.text)
    if len(health.warnings) > _SHOWN_INCIDENTS:
        console.print(f"  … and {len(health.warnings) - _SHOWN_INCIDENTS} more: --json shows all")
    console.print()
    if facts.history is not None:
        _show_jobs(console, facts.history, facts.now)
        _show_tables(console, facts.history, facts.now)
        _show_stores(console, facts, facts.history)


def _line(console: Console, colour: str, name: str, text: str) -> None:
    from rich.padding import Padding
    from rich.text import Text

    console.print(Padding(Text.assemble((f"{name}: ", colour), text), (0, 0, 0, 2)))


def _show_jobs(console: Console, history: HistoryFacts, now: datetime) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for column in ("job", "cron, UTC", "last run", "last success", "next run"):
        table.add_column(column, no_wrap=True)
    for job in history.jobs:
        style = {"success": _GOOD, "failed": _BAD}.get(job.last_status or "", "")
        last = f"{job.last_status} {_ago(job.last_run, now)}" if job.last_status else "never"
        success = f"[{_BAD}]{_ago(job.last_success, now)}[/]" if job.is_late else _ago(job.last_success, now)
        table.add_row(job.job, job.cron, f"[{style}]{last}[/]" if style else last, success, _next(job, now))
    console.print(table)
    for job in history.jobs:
        if job.off_because:
            _line(console, "yellow", "off", job.off_because)
    console.print()


def _next(job: JobFacts, now: datetime) -> str:
    if not job.is_on or job.next_run is None:
        return "[yellow]off[/]"
    return f"in {_span(job.next_run - now)}"


def _show_tables(console: Console, history: HistoryFacts, now: datetime) -> None:
    from rich.columns import Columns
    from rich.text import Text

    def style(table: TableFacts) -> str:
        return _BAD if table.is_stale(now) else _DIM if table.made_at is None else ""

    console.print("tables, made last")
    ages = [Text(f"  {table.table} {_ago(table.made_at, now)}", style(table)) for table in history.tables]
    console.print(Columns(ages, equal=True))
    console.print()


def _show_stores(console: Console, facts: Facts, history: HistoryFacts) -> None:
    console.print(f"runs      {history.queued} queued, {history.running} running")
    if facts.database is not None:
        console.print(
            f"database  {facts.database.name}, version {facts.database.version or 'none'}", soft_wrap=True
        )
    if facts.disk is not None:
        free, total = facts.disk.free / 2**30, facts.disk.total / 2**30
        console.print(f"disk      {free:,.1f} of {total:,.0f} GiB free", soft_wrap=True)
    hosts = ", ".join(sorted({one.host for one in history.recipients})) or "nobody: set MARKET_ASSETS_ALERT_URLS"
    console.print(f"alerts    {hosts}", soft_wrap=True)


def _ago(moment: datetime | None, now: datetime) -> str:
    return f"{_span(now - moment)} ago" if moment else "never"


def _span(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= 2 * size or (name == "m" and seconds >= size):
            return f"{seconds // size} {name}"
    return f"{seconds} s"
