"""`market-assets archive`."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import click

from market_assets.settings import Settings
from market_assets.store import schema
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database
from market_assets.store.expiry import RESTORED_DAYS, restore_month
from market_assets.store.lock import StoreLock


def restore(settings: Settings, month: str) -> None:
    """Bring a month's archived postings back."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise click.BadParameter(f"{month!r} is not a month such as 2026-03", param_hint="--month")
    database = Database(settings.market_url)
    schema.ensure_current(database)
    with (
        StoreLock(database, "archive restore", notice=click.echo).exclusive(),
        MarketConnection(database) as connection,
    ):
        restored, there = restore_month(connection, settings.archive_dir, month, datetime.now(UTC))
    click.echo(f"{restored:,} postings of {month} restored, {there:,} were in the store already")
    click.echo(f"they are left alone for {RESTORED_DAYS} days; statistics count them from the next refresh on")
