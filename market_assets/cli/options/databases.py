"""`market-assets db`, `archive`, `backup` and `restore`: the market database, what left it, and how to keep it."""

from __future__ import annotations

from pathlib import Path

import click

from market_assets.settings import Settings


@click.group()
def db() -> None:
    """The market database."""


@db.command("upgrade")
@click.pass_obj
def db_upgrade(settings: Settings) -> None:
    """Bring the database to the schema that this program needs."""
    from market_assets.store import schema
    from market_assets.store.database import Database

    database = Database(settings.market_url)
    changed = schema.upgrade(database)
    click.echo(f"{database.name} is {'now' if changed else 'already'} at version {schema.newest_version()}")


@db.command("copy")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--batch", default=20_000, show_default=True, type=click.IntRange(1), help="Rows at a time.")
@click.pass_obj
def db_copy(_settings: Settings, source: str, target: str, batch: int) -> None:
    """Copy every table of the database FROM into the empty database TO; each is a URL or an SQLite file."""
    from market_assets.cli.copy import copy_database

    copy_database(source, target, batch=batch)


@click.command()
@click.argument("place", required=False, metavar="[FILE|FOLDER]", type=click.Path(path_type=Path))
@click.option("--with-landing", is_flag=True, help="Landed payloads too, from which any day can be made again.")
@click.pass_obj
def backup(settings: Settings, place: Path | None, with_landing: bool) -> None:
    """Back up the database, Dagster's history and the archive into one checked file; others may go on writing."""
    from market_assets.cli.backup import back_up

    back_up(settings, place, with_landing=with_landing)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", "--yes", is_flag=True, help="Replace what the database holds.")
@click.pass_obj
def restore(settings: Settings, file: Path, force: bool) -> None:
    """Put a backup back into place, whole or not at all; an older one is upgraded."""
    from market_assets.cli.backup import put_back

    put_back(settings, file, force=force)


@click.group()
def archive() -> None:
    """Postings that were archived."""


@archive.command("restore")
@click.option("--month", required=True, metavar="YYYY-MM", help="The month of posting.")
@click.pass_obj
def archive_restore(settings: Settings, month: str) -> None:
    """Bring a month's archived postings back into the store; they are left alone for 30 days."""
    from market_assets.cli.archive import restore

    restore(settings, month)
