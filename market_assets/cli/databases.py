"""`market-assets db` and `archive`: the market database, and postings that were archived."""

from __future__ import annotations

import re
import sys
import time
from datetime import UTC, datetime

import click

from market_assets.cli.command import open_database, pass_settings
from market_assets.settings import Settings
from market_assets.store import schema
from market_assets.store.connection import MarketConnection
from market_assets.store.copying import copy_store
from market_assets.store.database import Database
from market_assets.store.expiry import RESTORED_DAYS, restore_month
from market_assets.store.lock import StoreLock


@click.group()
def db() -> None:
    """The market database."""


@db.command("upgrade")
@pass_settings
def upgrade(settings: Settings) -> None:
    """Bring the database to the schema that this program needs."""
    database = Database(settings.market_url)
    changed = schema.upgrade(database)
    click.echo(f"{database.name} is {'now' if changed else 'already'} at version {schema.newest_version()}")


@db.command("copy")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--batch", default=20_000, show_default=True, type=click.IntRange(1), help="Rows at a time.")
def copy(source: str, target: str, batch: int) -> None:
    """Copy every table of the database FROM into the empty database TO; each is a URL or an SQLite file."""
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


def _url(name: str) -> str:
    return name if "://" in name else f"sqlite:///{name}"


@click.group()
def archive() -> None:
    """Archived postings."""


@archive.command("restore")
@click.option("--month", required=True, metavar="YYYY-MM", help="The month of posting.")
@pass_settings
def restore(settings: Settings, month: str) -> None:
    """Bring a month's archived postings back into the store; cleanup leaves them alone for 30 days."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise click.BadParameter(f"{month!r} is not a month such as 2026-03", param_hint="--month")
    database = open_database(settings)
    with (
        StoreLock(database, "archive restore", notice=click.echo).exclusive(),
        MarketConnection(database) as connection,
    ):
        restored, there = restore_month(connection, settings.archive_dir, month, datetime.now(UTC))
    click.echo(f"{restored:,} postings of {month} restored, {there:,} were in the store already")
    click.echo(f"they are left alone for {RESTORED_DAYS} days; statistics count them from the next refresh on")
