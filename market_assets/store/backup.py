"""Taking and restoring backups: the market database, Dagster's history, the archive and landed payloads.

A restore unpacks and checks everything beside its place, and leaves everything as it was where it fails.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from market_assets.store import schema
from market_assets.store.backup_file import Backup, BackupError, Manifest, write_backup
from market_assets.store.database import Database, file_errors, make_private_folder
from market_assets.store.dumps import copy_sqlite, count_all_rows, dump, restore_dump
from market_assets.store.landing import Landing
from market_assets.store.lock import StoreLock
from market_assets.store.tables.administration import accounts
from market_assets.store.tables.catalog import metadata
from market_assets.store.tables.postings import data_revision

#: The folders inside a backup.
_DATABASE, _HISTORY, _ARCHIVE, _LANDING = "database", "dagster", "archive", "landing"
#: The subfolders of Dagster's folder that hold its SQLite files.
_HISTORY_PARTS = ("history", "schedules")


@dataclass(frozen=True)
class Site:
    """Everything that a backup covers.

    Attributes:
        database: the market database.
        history: the folder of Dagster's SQLite files; None where its history is in another database.
        archive: the folder of archived postings.
        landing: the landed payloads.
        data: the data folder, in which dumps of PostgreSQL are unpacked.
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


def take_backup(
    site: Site, path: Path, now: datetime, *, program: str, left_out: Sequence[str], with_landing: bool
) -> Manifest:
    """Write a backup, read it back, compare, and only then give it its name.

    Args:
        site: what to back up.
        path: the file to write.
        now: the time for the manifest.
        program: the version of this program, for the manifest.
        left_out: descriptions of what the backup does not contain, for the manifest.
        with_landing: whether landed payloads are included.

    Raises:
        BackupError: there is a file of that name, or what was read back is not what was written.
        StoreError: the database is missing or of no known version.
        StoreUnavailableError: no room, or something can't be read.
    """
    if path.exists():
        raise BackupError(f"{path} exists; a backup never replaces one")
    version = schema.current_version(site.database)
    if version is None:
        raise BackupError(f"there is nothing to back up: the database {site.database.name} is empty")
    schema.refuse_newer(version, f"the database {site.database.name}")
    with _temporary_folder(path.parent, "backup") as folder, _temporary_folder(folder, "dump") as dumped:
        manifest = Manifest(
            created_at=now,
            program=program,
            kind=site.database.url.get_backend_name(),
            schema_version=version,
            tables=dump(site.database, dumped, site.environment),
            left_out=tuple(left_out),
        )
        unfinished = folder / "backup.zip"
        write_backup(unfinished, _contents(site, dumped, with_landing=with_landing), manifest)
        with Backup(unfinished) as backup:
            backup.verify()
        _publish(unfinished, path)
    return manifest


def count_stored(database: Database) -> int:
    """How many rows a restore would replace; 0 where there is no database yet."""
    if schema.current_version(database) is None:
        return 0
    ours = {table.name for table in (*metadata.sorted_tables, *accounts.sorted_tables)} - {data_revision.name}
    return sum(rows for table, rows in count_all_rows(database).items() if table in ours)


def restore_backup(backup: Backup, site: Site) -> Restored:
    """Restore a backup, whole or not at all.

    The database and Dagster's history are replaced; files of the archive and of landed days are added where they
    are missing.

    Raises:
        StoreBusyError: the market tables are locked.
        BackupError: the backup is damaged or does not fit; nothing was changed.
        StoreUnavailableError: no room, or the database refuses; it and Dagster's history are as they were.
    """
    _check_fits(backup, site.database)
    beside = site.database.path.parent if site.database.is_sqlite else site.data
    _check_targets(backup, site, beside)
    backup.verify()
    manifest = backup.manifest
    with _temporary_folder(beside, "restore") as folder, StoreLock(site.database, "restore").exclusive(wait=False):
        backup.extract_missing(_DATABASE, folder)
        # Files of the archive that are there have the same content, since their names are made from it.
        archived = backup.extract_missing(_ARCHIVE, site.archive)
        landed = _add_landing(backup, site.landing)
        with _history_beside(backup, site.history) as history:
            restore_dump(site.database, folder, manifest.tables, site.environment)
    return Restored(
        rows=sum(manifest.tables.values()),
        history_files=history,
        archive_files=archived,
        landing_files=landed,
        upgraded_from=manifest.schema_version if manifest.schema_version != schema.newest_version() else None,
    )


def _check_fits(backup: Backup, database: Database) -> None:
    manifest = backup.manifest
    if manifest.kind != database.url.get_backend_name():
        raise BackupError(
            f"{backup.path} holds a database of {manifest.kind}, {database.name} is another kind: "
            "restore it into its own kind, then use `market-assets db copy`"
        )
    schema.refuse_newer(manifest.schema_version, f"the backup {backup.path}")


def _check_targets(backup: Backup, site: Site, beside: Path) -> None:
    backup.check_target(_ARCHIVE, site.archive)
    # The database and Dagster's history are unpacked whole into a new folder beside the present ones.
    backup.check_target(_DATABASE, beside / ".restore")
    if site.history is not None:
        backup.check_target(_HISTORY, site.history / ".restore")
    if site.landing.local_folder is not None:
        backup.check_target(_LANDING, site.landing.local_folder)


@contextlib.contextmanager
def _temporary_folder(parent: Path, purpose: str) -> Iterator[Path]:
    with file_errors(parent):
        make_private_folder(parent)
        folder = tempfile.TemporaryDirectory(prefix=f".{purpose}-", dir=parent)
    with folder as name:
        yield Path(name)


def _contents(site: Site, dumped: Path, *, with_landing: bool) -> Iterator[tuple[str, BinaryIO]]:
    for path in sorted(dumped.iterdir()):
        yield f"{_DATABASE}/{path.name}", path.open("rb")
    if site.history is not None:
        for part in _HISTORY_PARTS:
            for path in sorted((site.history / part).rglob("*.db")):
                copy = dumped / "history.db"
                copy_sqlite(path, copy)
                yield f"{_HISTORY}/{path.relative_to(site.history)}", copy.open("rb")
                copy.unlink()
    for path in sorted(site.archive.glob("month=*/*.parquet")):
        yield f"{_ARCHIVE}/{path.relative_to(site.archive)}", path.open("rb")
    if with_landing:
        for name, file in site.landing.files():
            yield f"{_LANDING}/{name}", file


def _publish(unfinished: Path, path: Path) -> None:
    with file_errors(path):
        try:
            os.link(unfinished, path)
        except FileExistsError:
            raise BackupError(f"{path} exists; a backup never replaces one") from None
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _add_landing(backup: Backup, landing: Landing) -> int:
    written = 0
    for name, file in backup.files(_LANDING).items():
        with backup.open(file) as content:
            written += landing.add_file(name, content)
    return written


@contextlib.contextmanager
def _history_beside(backup: Backup, folder: Path | None) -> Iterator[int]:
    """Unpack Dagster's files beside their place, and exchange them for the present ones after the block."""
    if folder is None or not backup.files(_HISTORY):
        yield 0
        return
    with _temporary_folder(folder, "restore") as new:
        yield backup.extract_missing(_HISTORY, new)
        for part in _HISTORY_PARTS:
            if (folder / part).exists():
                (folder / part).rename(new / f"replaced-{part}")
            if (new / part).exists():
                (new / part).rename(folder / part)
