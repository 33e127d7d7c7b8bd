"""`market-assets db` and `market-assets archive`: the market database and what left it."""

from __future__ import annotations

import click

from market_assets.settings import Settings


@click.group()
def db() -> None:
    """The market database."""


@db.command("upgrade")
@click.pass_obj
def db_upgrade(settings: Settings) -> None:
    """Bring the database to the schema that this program needs."""
    from market_assets.storage import schema
    from market_assets.storage.database import Database

    database = Database(settings.market_url)
    changed = schema.upgrade(database)
    click.echo(f"{database.name} is {'now' if changed else 'already'} at version {schema.newest_version()}")


@click.group()
def archive() -> None:
    """Postings that were archived."""


@archive.command("restore")
@click.option("--month", required=True, metavar="YYYY-MM", help="The month of posting.")
@click.pass_obj
def archive_restore(settings: Settings, month: str) -> None:
    """Bring a month's archived postings back into the store; they are left alone for 30 days."""
    from market_assets.commands.archive import restore

    restore(settings, month)
