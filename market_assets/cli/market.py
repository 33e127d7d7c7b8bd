"""`market-assets summary`: what the result tables show of the market."""

from __future__ import annotations

import json
from dataclasses import asdict, astuple, dataclass
from datetime import datetime
from operator import add
from typing import Any

import click
from rich.console import Console

from market_assets.cli.command import CommandFailedError, json_option, pass_settings
from market_assets.defs.assets.market_reader import MarketReader
from market_assets.defs.assets.market_report import report_tables
from market_assets.defs.resources import MarketStore
from market_assets.report.numbers import printable
from market_assets.report.terminal import summary_json, summary_renderables
from market_assets.settings import Settings
from market_assets.store.quality import count_stored
from market_assets.store.results import read_table
from market_assets.store.tables.results import market_summary


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
