"""`market-assets run`: the whole pipeline once, as Dagster runs, with progress and a summary."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, dataclass
from datetime import UTC, date, datetime, timedelta
from operator import add
from pathlib import Path
from typing import Any

import click
import dagster as dg
from rich.console import Console

from market_assets.cli.command import CommandFailedError, json_option, open_instance, pass_settings
from market_assets.dagster_ext.command_runs import execute_job
from market_assets.defs.assets.market_reader import MarketReader
from market_assets.defs.assets.market_report import report_tables
from market_assets.defs.assets.raw_postings import refetching
from market_assets.defs.assets.result_asset import KEEP_WEEKLY_TAG
from market_assets.defs.partitions import FIRST_DAYS, first_day
from market_assets.defs.resources import MarketStore
from market_assets.defs.retries import NO_RUN_RETRY_TAGS
from market_assets.operations.executions import cause_of_event
from market_assets.operations.names import (
    AS_OF_TAG,
    INGESTION,
    PARTITION_RANGE_END_TAG,
    PARTITION_RANGE_START_TAG,
    PARTITION_TAG,
    REFRESH,
)
from market_assets.report.numbers import printable
from market_assets.report.terminal import summary_json, summary_renderables
from market_assets.settings import Settings
from market_assets.sources.protocol import Source
from market_assets.store import schema
from market_assets.store.database import Database
from market_assets.store.lock import StoreLock
from market_assets.store.posting_queries import count_stored, newest_stated, read_rejected
from market_assets.store.results import count_rows, read_table
from market_assets.store.tables.results import market_summary

_MOST_REJECTED_SHOWN = 50

_Echo = Callable[[str], None]


@dataclass(frozen=True)
class Intake:
    """How many postings were ingested, how many of them were rejected, and how many are duplicates."""

    postings_in: int = 0
    rejected: int = 0
    duplicates: int = 0

    def __add__(self, other: Intake) -> Intake:
        return Intake(*map(add, astuple(self), astuple(other)))


@click.command()
@json_option("Print the summary as JSON.")
@pass_settings
def summary(settings: Settings, as_json: bool) -> None:
    """Print the market summary of the store."""
    store = MarketStore(settings, "summary")
    with store.reading() as connection:
        latest = read_table(connection, market_summary)
        stored = count_stored(connection)
    if latest.is_empty():
        raise CommandFailedError(f"{store.database.name} holds no statistics yet: market-assets run makes them")
    counts = latest.row(0, named=True)
    intake = Intake(stored + counts["rejected"], counts["rejected"], counts["duplicates"])
    print_market(settings, counts["as_of"], intake, note=None, as_json=as_json)


@dataclass(frozen=True)
class _Plan:
    """What to run: settings, sources, how many past days to fill, and whether the source is a user's own file."""

    settings: Settings
    sources: Sequence[Source]
    past_days: int
    from_file: bool


def _mapping(_ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    for field, equals, _column in pairs:
        if not (field and equals):
            raise click.BadParameter("write it as FIELD=COLUMN, for example title='Job Title'")
    return {field.strip(): column.strip() for field, _equals, column in pairs}


@click.command()
@click.option(
    "--from", "file", type=click.Path(path_type=Path), help="Your own postings: CSV, JSON, JSONL or Parquet."
)
@click.option(
    "--map", "mapping", multiple=True, callback=_mapping, metavar="FIELD=COLUMN", help="Which column is what."
)
@click.option("--days", type=click.IntRange(1, 3650), help="Fill this many daily partitions, up to today.")
@json_option("Print nothing but the summary, as JSON.")
@pass_settings
def run(settings: Settings, file: Path | None, mapping: dict[str, str], days: int | None, as_json: bool) -> None:
    """Run the whole pipeline once and print the market summary.

    The postings of a file are kept in a separate database, unless DATABASE_URL is set.
    """
    if mapping and not file:
        raise click.UsageError("--map goes with --from FILE")
    if file and days:
        raise click.UsageError("--days fills days of the configured sources; a file is one day's")
    # It would log, with a traceback, that Ctrl-C came while a connection was being closed.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    echo = (lambda _message: None) if as_json else click.echo
    if file is not None:
        plan = _plan_for_file(settings, file, mapping, echo)
        with dg.DagsterInstance.ephemeral() as instance:
            _run(instance, plan, echo, as_json=as_json)
    else:
        with open_instance(settings) as instance:
            schema.upgrade(Database(settings.market_url))
            _run(instance, _plan_for_sources(settings, days), echo, as_json=as_json)


def _plan_for_file(settings: Settings, file: Path, mapping: dict[str, str], echo: _Echo) -> _Plan:
    from market_assets.sources.files.source import FileSource

    name = re.sub(r"[^a-z0-9]+", "_", file.stem.lower()).strip("_") or "file"
    name = name if name[0].isalpha() else f"file_{name}"
    source = FileSource(name, file, mapping)
    mapping, unused = source.resolved_columns()
    echo(f"{file}: which column is what (change it with --map FIELD=COLUMN)")
    for field, column in mapping.items():
        echo(f"  {field:<16} {column}")
    if unused:
        echo(f"  {'not used':<16} {', '.join(unused)}")
    if settings.database_url is None:
        settings = settings.of_file(file.stem)
        _start_afresh(settings)
    return _Plan(settings, [source], past_days=0, from_file=True)


def _start_afresh(settings: Settings) -> None:
    """Remove the database of an earlier run on a file of this name, so that only the file's postings count."""
    database = Database(settings.market_url)
    schema.make_folder(database)
    with StoreLock(database, "run --from").exclusive():
        for suffix in ("", "-wal", "-shm"):
            database.path.with_name(database.path.name + suffix).unlink(missing_ok=True)


def _plan_for_sources(settings: Settings, days: int | None) -> _Plan:
    from market_assets.checked_settings import configured_sources

    sources = configured_sources(settings)
    fills_past = any(source.any_day for source in sources)
    first = first_day(settings, fills_past=fills_past)
    most = (datetime.now(UTC).date() - first).days + 1
    if days is None:
        days = min(FIRST_DAYS, most) if _is_first_run(settings, sources) else 1
    elif days > most and fills_past:
        raise click.UsageError(f"--days {days}: the first daily partition is {first}; set MARKET_ASSETS_START")
    return _Plan(settings, sources, past_days=days - 1, from_file=False)


def _is_first_run(settings: Settings, sources: Sequence[Source]) -> bool:
    """Whether the store is empty, or the run that was to fill it ended before it computed statistics."""
    store = MarketStore(settings, "run")
    with store.reading() as connection:
        if count_stored(connection) == 0:
            return True
        if count_rows(connection, market_summary):
            return False
    first_day = datetime.now(UTC).date() - timedelta(days=FIRST_DAYS - 1)
    return any(source.any_day and store.landing.landed(source.name, first_day) for source in sources)


def _run(instance: dg.DagsterInstance, plan: _Plan, echo: _Echo, *, as_json: bool) -> None:
    from market_assets.definitions import build_defs

    intake = Intake()
    today = datetime.now(UTC).date()
    backfillable = [source for source in plan.sources if source.any_day]
    if plan.past_days and backfillable:
        first, last = today - timedelta(days=plan.past_days), today - timedelta(days=1)
        echo(f"Filling {plan.past_days} days, {first} to {last}")
        tags = {PARTITION_RANGE_START_TAG: first.isoformat(), PARTITION_RANGE_END_TAG: last.isoformat()}
        intake += _ingest(instance, plan, backfillable, tags, quiet=as_json)
    echo(f"Ingesting {today}")
    config = refetching(plan.sources) if plan.from_file else {}
    intake += _ingest(
        instance, plan, plan.sources, {PARTITION_TAG: today.isoformat()}, config=config, quiet=as_json
    )

    if plan.from_file:
        _show_rejected(plan, today, echo)
    as_of, note = _as_of(plan)
    echo(f"Statistics, relationships and the report as of {as_of:%Y-%m-%d %H:%M} UTC")
    refresh = build_defs(plan.settings, plan.sources).resolve_job_def(REFRESH)
    tags = {AS_OF_TAG: as_of.isoformat(), KEEP_WEEKLY_TAG: "false"}
    _execute(refresh, instance, tags=tags, quiet=as_json)
    print_market(plan.settings, as_of, intake, note, as_json=as_json)


def _ingest(
    instance: dg.DagsterInstance,
    plan: _Plan,
    sources: Sequence[Source],
    tags: dict[str, str],
    *,
    config: dict[str, Any] | None = None,
    quiet: bool,
) -> Intake:
    from market_assets.definitions import build_defs

    job = build_defs(plan.settings, sources).resolve_job_def(INGESTION)
    result = _execute(job, instance, tags=tags, config=config, quiet=quiet)
    counts: dict[str, Any] = {}
    for event in result.get_asset_materialization_events():
        if event.asset_key == dg.AssetKey("job_postings"):
            counts = {name: value.value for name, value in event.materialization.metadata.items()}
    return Intake(
        postings_in=counts["postings_in"],
        rejected=counts["rejected"],
        duplicates=counts["repeated"] + counts["duplicates"],
    )


def _show_rejected(plan: _Plan, day: date, echo: _Echo) -> None:
    """Print the rejected postings of the file, each with its reason, up to a number of them."""
    with MarketStore(plan.settings, "run").reading() as connection:
        rejected = read_rejected(connection, plan.sources[0].name, day)
    for reason, payload in rejected.head(_MOST_REJECTED_SHOWN).iter_rows():
        echo(f"Rejected: {reason}: {' '.join(payload.split())[:100]}")
    if rejected.height > _MOST_REJECTED_SHOWN:
        echo(f"… and {rejected.height - _MOST_REJECTED_SHOWN} more, all in the table rejected_postings")


def _as_of(plan: _Plan) -> tuple[datetime, str | None]:
    """The end of the windows, and a note about it for the summary."""
    now = datetime.now(UTC)
    if not plan.from_file:
        return now, None
    store = MarketStore(plan.settings, "run")
    with store.reading() as connection:
        newest = newest_stated(connection)
    if newest is None:
        return now, "The file states no dates: its postings count as posted now."
    return newest, f"Windows end at the file's newest posting, {newest:%Y-%m-%d %H:%M} UTC."


def _execute(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    *,
    tags: dict[str, str],
    config: dict[str, Any] | None = None,
    quiet: bool,
) -> dg.JobExecutionResult:
    result = execute_job(
        instance,
        job,
        tags={**tags, **NO_RUN_RETRY_TAGS},
        run_config={"loggers": {"progress": {"config": {"quiet": quiet}}}, **(config or {})},
    )
    if not result.success:
        failures = (event for event in result.all_events if event.is_step_failure)
        causes = (cause_of_event(instance, result.run_id, event) for event in failures)
        raise CommandFailedError(next(causes, "the run failed before its first step"))
    return result


def print_market(settings: Settings, as_of: datetime, intake: Intake, note: str | None, *, as_json: bool) -> None:
    """Print the market summary from the result tables."""
    store = MarketStore(settings, "summary")
    with store.reading() as connection:
        tables = report_tables(MarketReader(store, connection, as_of))
    run: dict[str, Any] = {**asdict(intake), "window_note": note}
    places = {"database": store.database.name, "report": str(settings.report_path)}
    if as_json:
        click.echo(json.dumps(run | summary_json(tables) | places, ensure_ascii=False, indent=1))
        return
    console = Console(highlight=False, soft_wrap=True)
    for renderable in summary_renderables(tables, **run):
        console.print(renderable)
    for name, place in places.items():
        click.echo(f"{name.capitalize():<8}  {printable(place)}")
