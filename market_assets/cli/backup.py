"""`market-assets backup` and `restore`."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import click

from market_assets.cli.errors import CommandFailedError
from market_assets.cli.instance import open_instance
from market_assets.settings import Settings, environment_for_children
from market_assets.store.backup.container import Backup
from market_assets.store.backup.restoring import Places, check_fits, count_stored, restore
from market_assets.store.backup.taking import Contents, take
from market_assets.store.database import Database
from market_assets.store.landing import Landing

if TYPE_CHECKING:
    import dagster as dg

#: Dagster's daemon reports every 30 seconds.
_SILENCE_SECONDS = 45.0
_POLL_SECONDS = 1.0
_NEVER_IN = (
    "settings and .env",
    "the signing key of sign-ins (data/jwt_secret_key): where it is gone, everyone signs in again",
    "compute logs of runs",
    "reports: the next refresh makes them",
    "databases of `run --from`",
)


def back_up(settings: Settings, place: Path | None, *, with_landing: bool) -> None:
    """Write a backup and say what is in it and what is not."""
    now = datetime.now(UTC)
    with open_instance(settings) as instance:
        history = _history_folder(instance)
    left_out = list(_NEVER_IN)
    if history is None:
        left_out.append("Dagster's history, which is in a database of its own: back that up with pg_dump")
    if not with_landing:
        left_out.append(f"landed payloads in {settings.landing}: add them with --with-landing")
    contents = Contents(
        database=Database(settings.market_url),
        history=history,
        archive=settings.archive_dir,
        landing=Landing(settings.landing) if with_landing else None,
        environment=environment_for_children(),
        program=version("market-assets"),
        left_out=left_out,
    )
    path = _path_for(settings, place, now)
    manifest = take(contents, path, now)
    folders = [file.name.split("/")[0] for file in manifest.files]
    click.echo(f"{path} ({path.stat().st_size / 1e6:,.1f} MB), read back and counted")
    click.echo(
        f"In it: {contents.database.name}, {sum(manifest.tables.values()):,} rows; "
        f"{folders.count('dagster'):,} files of Dagster's history, {folders.count('archive'):,} of the "
        f"archive, {folders.count('landing'):,} of landed payloads"
    )
    click.echo(f"Not in it: {'; '.join(manifest.left_out)}")
    click.echo("It holds the users' password hashes: keep it where only you can read it.")


def put_back(settings: Settings, file: Path, *, force: bool) -> None:
    """Restore a backup; nothing is touched unless it is sound and nobody is at work."""
    database = Database(settings.market_url)
    with Backup(file) as backup:
        check_fits(backup, database)
        _refuse_to_replace(database, force=force)
        with open_instance(settings) as instance:
            history = _history_folder(instance)
            _refuse_while_dagster_runs(instance)
        places = Places(
            database=database,
            history=history,
            archive=settings.archive_dir,
            landing=Landing(settings.landing),
            data=settings.data_dir,
            environment=environment_for_children(),
        )
        restored = restore(backup, places)
        made = backup.manifest
    click.echo(f"{database.name} is as it was on {made.created_at:%Y-%m-%d %H:%M:%S} UTC: {restored.rows:,} rows")
    click.echo(
        f"Restored beside it: {restored.history_files:,} files of Dagster's history, "
        f"{restored.archive_files:,} of the archive, {restored.landing_files:,} of landed payloads"
    )
    if restored.upgraded_from:
        click.echo(f"It was at version {restored.upgraded_from} and has been upgraded")
    click.echo("Statistics are those of then; `market-assets run` or the next refresh brings them up to date.")


def _path_for(settings: Settings, place: Path | None, now: datetime) -> Path:
    """A file of that name, or a new one in that folder; in the data folder where none is named."""
    name = f"market-assets-{now:%Y-%m-%dT%H%M%SZ}.zip"
    if place is None:
        return settings.data_dir / "backups" / name
    return place / name if place.is_dir() else place


def _history_folder(instance: dg.DagsterInstance) -> Path | None:
    """Where Dagster keeps its SQLite files, None where it keeps its history in another database."""
    from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

    storage = instance.event_log_storage
    if not isinstance(storage, SqliteEventLogStorage):
        return None
    # <folder>/history/runs/<run>.db
    return Path(storage.path_for_shard("index")).parents[2]


def _refuse_to_replace(database: Database, *, force: bool) -> None:
    rows = count_stored(database)
    if rows and not force:
        raise CommandFailedError(f"{database.name} holds {rows:,} rows; --force replaces them")


def _refuse_while_dagster_runs(instance: dg.DagsterInstance) -> None:
    """A daemon that is alive would start runs in the middle, and would not see that its history has changed."""
    beats = [beat.timestamp for beat in instance.get_daemon_heartbeats().values()]
    newest = max(beats, default=0.0)
    if time.time() - newest >= _SILENCE_SECONDS:
        return
    click.echo("Dagster's daemon reported less than a minute ago; waiting whether it does again")
    while time.time() - newest < _SILENCE_SECONDS:
        time.sleep(_POLL_SECONDS)
        if max(beat.timestamp for beat in instance.get_daemon_heartbeats().values()) > newest:
            raise CommandFailedError("Dagster's daemon is running: stop `market-assets serve` first")
