"""`market-assets db`, `archive`, `backup` and `restore`: the market database, and what can be put back into it."""

from __future__ import annotations

import re
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

import click

from market_assets.cli.command import CommandFailedError, open_database, open_instance, pass_settings
from market_assets.dagster_ext.instance import sqlite_folder
from market_assets.settings import Settings, environment_for_children
from market_assets.store import schema
from market_assets.store.backup import Site, count_stored, restore_backup, take_backup
from market_assets.store.backup_file import Backup
from market_assets.store.connection import MarketConnection
from market_assets.store.copying import copy_store
from market_assets.store.database import Database
from market_assets.store.expiry import RESTORED_DAYS, restore_month
from market_assets.store.landing import Landing
from market_assets.store.lock import StoreLock

if TYPE_CHECKING:
    import dagster as dg


#: Dagster's daemon reports every 30 seconds.
_SILENCE_SECONDS = 45.0
_NEVER_INCLUDED = (
    "settings and .env",
    "the signing key of sign-ins (data/jwt_secret_key): without it, everyone signs in again",
    "compute logs of runs",
    "reports: the next refresh makes them",
    "databases of `run --from`",
)


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
def restore_archived(settings: Settings, month: str) -> None:
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


@click.command()
@click.argument("place", required=False, metavar="[FILE|FOLDER]", type=click.Path(path_type=Path))
@click.option("--with-landing", is_flag=True, help="Add landed payloads, from which any day can be made again.")
@pass_settings
def backup(settings: Settings, place: Path | None, with_landing: bool) -> None:
    """Back up the database, Dagster's history and the archive into one checked file.

    Other programs may go on writing meanwhile.
    """
    now = datetime.now(UTC)
    with open_instance(settings) as instance:
        site = _site(settings, instance)
    left_out = list(_NEVER_INCLUDED)
    if site.history is None:
        left_out.append("Dagster's history, which is in another database: back that up with pg_dump")
    if not with_landing:
        left_out.append(f"landed payloads in {settings.landing}: add them with --with-landing")
    path = _path_for(settings, place, now)
    manifest = take_backup(
        site, path, now, program=version("market-assets"), left_out=left_out, with_landing=with_landing
    )
    click.echo(f"{path} ({path.stat().st_size / 1e6:,.1f} MB), counted and read back")
    click.echo(f"In it: {site.database.name}, {sum(manifest.tables.values()):,} rows")
    click.echo(f"Not in it: {'; '.join(manifest.left_out)}")
    click.echo("It holds the users' password hashes: keep it where only you can read it.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", "--yes", is_flag=True, help="Replace the rows of the database.")
@pass_settings
def restore(settings: Settings, file: Path, force: bool) -> None:
    """Restore a backup, whole or not at all; an older one is upgraded.

    Refused while Dagster's daemon or a run is active.
    """
    database = Database(settings.market_url)
    with Backup(file) as opened:
        rows = count_stored(database)
        if rows and not force:
            raise CommandFailedError(f"{database.name} holds {rows:,} rows; --force replaces them")
        with open_instance(settings) as instance:
            site = _site(settings, instance)
            _refuse_while_daemon_runs(instance)
        restored = restore_backup(opened, site)
        taken = opened.manifest.created_at
    click.echo(f"{database.name} is as it was on {taken:%Y-%m-%d %H:%M:%S} UTC: {restored.rows:,} rows")
    click.echo(
        f"Restored beside it: {restored.history_files:,} files of Dagster's history, "
        f"{restored.archive_files:,} of the archive, {restored.landing_files:,} of landed payloads"
    )
    if restored.upgraded_from:
        click.echo(f"It was at version {restored.upgraded_from} and has been upgraded")
    click.echo("Statistics are those of that time; `market-assets run` or the next refresh updates them.")


def _site(settings: Settings, instance: dg.DagsterInstance) -> Site:
    return Site(
        database=Database(settings.market_url),
        history=sqlite_folder(instance),
        archive=settings.archive_dir,
        landing=Landing(settings.landing),
        data=settings.data_dir,
        environment=environment_for_children(),
    )


def _path_for(settings: Settings, place: Path | None, now: datetime) -> Path:
    """The named file, or a new one in the named folder; in the data folder where there is no name."""
    if place is not None and not place.is_dir():
        return place
    folder = place or settings.data_dir / "backups"
    name = f"market-assets-{now:%Y-%m-%dT%H%M%SZ}"
    # Another backup may have been made in the same second.
    paths = (folder / f"{name}{suffix}.zip" for suffix in chain([""], (f"-{number}" for number in count(2))))
    return next(path for path in paths if not path.exists())


def _refuse_while_daemon_runs(instance: dg.DagsterInstance) -> None:
    """Raise CommandFailedError where Dagster's daemon may be alive: it would start runs meanwhile."""
    newest = max((beat.timestamp for beat in instance.get_daemon_heartbeats().values()), default=0.0)
    if time.time() - newest < _SILENCE_SECONDS:
        raise CommandFailedError(
            "Dagster's daemon reported less than a minute ago: stop `market-assets serve` first, and try again"
        )
