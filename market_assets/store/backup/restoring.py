"""Restoring a backup: everything is unpacked and checked beside its place; what was there stays until then."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from market_assets.store import schema
from market_assets.store.backup import sqlite_files
from market_assets.store.backup.container import Backup, worded
from market_assets.store.backup.manifest import BackupError
from market_assets.store.backup.postgresql_tools import PostgresqlTools
from market_assets.store.backup.taking import ARCHIVE, HISTORY, LANDING, stage_database
from market_assets.store.database import Database, StoreUnavailableError
from market_assets.store.landing import Landing
from market_assets.store.lock import StoreLock
from market_assets.store.tables.catalog import metadata
from market_assets.store.tables.postings import data_revision

#: What of Dagster's folder is replaced whole.
_HISTORY_PARTS = ("history", "schedules")


@dataclass(frozen=True)
class Places:
    """Where a backup is restored to.

    Attributes:
        database: the market database.
        history: the folder of Dagster's SQLite files; None where its history is elsewhere and is left alone.
        archive: the folder of archived postings.
        landing: the landing area.
        data: a folder to unpack into.
        environment: the environment for PostgreSQL's programs.
    """

    database: Database
    history: Path | None
    archive: Path
    landing: Landing
    data: Path
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Restored:
    """What was restored: rows of the database, files of the rest, and the schema version it was upgraded from."""

    rows: int
    history_files: int
    archive_files: int
    landing_files: int
    upgraded_from: str | None


def check_fits(backup: Backup, database: Database) -> None:
    """See that a backup can become the content of a database.

    Raises:
        BackupError: it is of the other kind of database.
        StoreError: it is newer than this program.
    """
    manifest = backup.manifest
    if (manifest.kind == "sqlite") != database.is_sqlite:
        raise BackupError(
            f"{backup.path} holds a database of {manifest.kind}, {database.name} is another kind: "
            "restore it into its own kind, then use `market-assets db copy`"
        )
    schema.refuse_newer(manifest.schema_version, f"the backup {backup.path}")


def count_stored(database: Database) -> int:
    """How many rows a restore would replace; 0 where there is no database yet."""
    if schema.current_version(database) is None:
        return 0
    with database.engine().connect() as connection:
        there = set(sa.inspect(connection).get_table_names())
        tables = [
            table for table in metadata.tables.values() if table.name in there and table is not data_revision
        ]
        return sum(int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0) for table in tables)


def restore(backup: Backup, places: Places) -> Restored:
    """Put a backup into place.

    Raises:
        StoreBusyError: someone else has the market tables.
        BackupError: the backup is damaged or does not fit; nothing was changed.
        StoreUnavailableError: no room, or the database refuses; it and Dagster's history are as they were.
    """
    check_fits(backup, places.database)
    backup.verify()
    if places.database.is_sqlite:
        schema.make_folder(places.database)
    beside = places.database.path.parent if places.database.is_sqlite else places.data
    with worded(beside):
        beside.mkdir(parents=True, exist_ok=True)
        staging = tempfile.TemporaryDirectory(prefix=".restore-", dir=beside)
    with staging as folder, StoreLock(places.database, "restore").exclusive(wait=False):
        return _restore(backup, places, Path(folder))


def _restore(backup: Backup, places: Places, folder: Path) -> Restored:
    tools = PostgresqlTools(places.database, places.environment)
    staged = stage_database(backup, folder, tools)
    older = backup.manifest.schema_version
    if places.database.is_sqlite:
        schema.upgrade(Database(f"sqlite:///{staged}"))
    archived = _add_archive(backup, places.archive)
    landed = _add_landing(backup, places.landing)
    with _history_replaced(backup, places.history) as history:
        if places.database.is_sqlite:
            _put_back(staged, places.database)
        else:
            tools.restore(staged, [*metadata.tables, "alembic_version"])
            schema.upgrade(places.database, locked=True)
    return Restored(
        rows=sum(backup.manifest.tables.values()),
        history_files=history,
        archive_files=archived,
        landing_files=landed,
        upgraded_from=older if older != schema.newest_version() else None,
    )


def _put_back(staged: Path, database: Database) -> None:
    """Into the file that is there, so that its readers stay; a file that is damaged is put aside."""
    try:
        sqlite_files.put_back(staged, database.path)
    except StoreUnavailableError as error:
        if not any(sign in str(error) for sign in ("not a database", "malformed")):
            raise
        with worded(database.path):
            for suffix in ("-wal", "-shm"):
                Path(f"{database.path}{suffix}").unlink(missing_ok=True)
            database.path.replace(database.path.with_name(f"{database.path.name}.damaged"))
        sqlite_files.put_back(staged, database.path)


def _add_archive(backup: Backup, archive: Path) -> int:
    """Add the files that are not there: archived files are named after what they hold, so none is out of date."""
    missing = [name for name in backup.names(ARCHIVE) if not (archive / name.removeprefix(f"{ARCHIVE}/")).exists()]
    for name in missing:
        backup.extract(name, archive / name.removeprefix(f"{ARCHIVE}/"))
    return len(missing)


def _add_landing(backup: Backup, landing: Landing) -> int:
    written = 0
    for name in backup.names(LANDING):
        with backup.open(name) as content:
            written += landing.put_back(name.removeprefix(f"{LANDING}/"), content)  # type: ignore[arg-type]
    return written


@contextlib.contextmanager
def _history_replaced(backup: Backup, folder: Path | None) -> Iterator[int]:
    """Replace Dagster's files; they come back as they were if the block fails."""
    names = backup.names(HISTORY)
    if folder is None or not names:
        yield 0
        return
    new, old = folder / ".restored", folder / ".replaced"
    with worded(folder):
        for left_over in (new, old):
            shutil.rmtree(left_over, ignore_errors=True)
        old.mkdir(parents=True)
        for name in names:
            backup.extract(name, new / name.removeprefix(f"{HISTORY}/"))
        _exchange(folder, new, old)
    try:
        yield len(names)
    except BaseException:
        _exchange(folder, old, new)
        raise
    finally:
        for done in (new, old):
            shutil.rmtree(done, ignore_errors=True)


def _exchange(folder: Path, incoming: Path, outgoing: Path) -> None:
    for part in _HISTORY_PARTS:
        if (folder / part).exists():
            (folder / part).rename(outgoing / part)
        if (incoming / part).exists():
            (incoming / part).rename(folder / part)
