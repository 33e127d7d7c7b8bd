"""`market-assets summary`, and the end of `market-assets run`: what the market looks like."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click

from market_assets.cli.errors import CommandFailedError
from market_assets.defs.assets.market_reader import MarketReader
from market_assets.defs.assets.market_report import report_tables
from market_assets.defs.resources import MarketStore
from market_assets.settings import Settings
from market_assets.store.quality import count_stored
from market_assets.store.results import read_table
from market_assets.store.tables.results import market_summary


@dataclass(frozen=True)
class Intake:
    """How many postings came in, were rejected, and were duplicates."""

    postings_in: int = 0
    rejected: int = 0
    duplicates: int = 0

    def __add__(self, other: Intake) -> Intake:
        return Intake(
            self.postings_in + other.postings_in,
            self.rejected + other.rejected,
            self.duplicates + other.duplicates,
        )


def print_summary(settings: Settings, *, as_json: bool) -> None:
    """Print the summary of what the store holds.

    Raises:
        CommandFailedError: nothing has been computed yet.
    """
    store = MarketStore(settings, "summary")
    with store.reading() as connection:
        latest = read_table(connection, market_summary)
        stored = count_stored(connection)
    if latest.is_empty():
        raise CommandFailedError(f"{store.database.name} holds no statistics yet: run ./scripts/run")
    counts = latest.row(0, named=True)
    intake = Intake(stored + counts["rejected"], counts["rejected"], counts["duplicates"])
    print_market(settings, counts["as_of"], intake, note=None, as_json=as_json)


def print_market(settings: Settings, as_of: datetime, intake: Intake, note: str | None, *, as_json: bool) -> None:
    """Print the market as the result tables show it."""
    from rich.console import Console

    from market_assets.report.terminal import summary_json, summary_renderables

    store = MarketStore(settings, "summary")
    with store.reading() as connection:
        tables = report_tables(MarketReader(store, connection, as_of))
    shown: dict[str, Any] = {
        "postings_in": intake.postings_in,
        "rejected": intake.rejected,
        "duplicates": intake.duplicates,
        "database": store.database.name,
        "report": str(settings.report_path),
        "window_note": note,
    }
    if as_json:
        click.echo(json.dumps(summary_json(tables, **shown), ensure_ascii=False, indent=1))
        return
    console = Console(highlight=False, soft_wrap=True)
    for renderable in summary_renderables(tables, **shown):
        console.print(renderable)
