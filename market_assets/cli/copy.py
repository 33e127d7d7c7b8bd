"""`market-assets db copy`."""

from __future__ import annotations

import sys
import time

import click

from market_assets.store.copying import copy_store
from market_assets.store.database import Database


def copy_database(source: str, target: str, *, batch: int) -> None:
    """Copy a store and say how many rows of which table have arrived."""
    here, there = Database(_url(source)), Database(_url(target))
    started = time.monotonic()
    live = sys.stderr.isatty()

    def progress(table: str, rows: int) -> None:
        if live:
            click.echo(f"\r{table} {rows:,} ", nl=False, err=True)

    copied = copy_store(here, there, batch=batch, progress=progress)
    if live:
        click.echo(err=True)
    for table, rows in copied.items():
        click.echo(f"{rows:>12,}  {table}")
    rows, seconds = sum(copied.values()), time.monotonic() - started
    click.echo(f"{rows:,} rows copied from {here.name} to {there.name} and compared, in {seconds:.1f} s")
    click.echo("Landed payloads and the archive stay where they are, in the data folder.")


def _url(text: str) -> str:
    return text if "://" in text else f"sqlite:///{text}"
