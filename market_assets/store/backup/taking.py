"""Taking a backup: snapshots of the database and Dagster's history, the archive, landed payloads, in one file."""

from __future__ import annotations

import io
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from market_assets.store import schema
from market_assets.store.backup import container, sqlite_files
from market_assets.store.backup.container import Backup, Member
from market_assets.store.backup.manifest import BackupError, Manifest, StoredFile
from market_assets.store.backup.postgresql_tools import PostgresqlTools
from market_assets.store.database import Database
from market_assets.store.landing import Landing

#: The folders inside a backup.
DATABASE, HISTORY, ARCHIVE, LANDING = "database", "dagster", "archive", "landing"
SQLITE_FILE, POSTGRESQL_DUMP = f"{DATABASE}/market.db", f"{DATABASE}/market.dump"


@dataclass(frozen=True)
class Contents:
    """What a backup is made of.

    Attributes:
        database: the market database.
        history: the folder of Dagster's SQLite files; None where its history is elsewhere.
        archive: the folder of archived postings.
        landing: the landed payloads, None where they are left out.
        environment: the environment for PostgreSQL's programs.
        program: the version of this program.
        left_out: what is not in it, in words.
    """

    database: Database
    history: Path | None
    archive: Path
    landing: Landing | None
    environment: Mapping[str, str]
    program: str
    left_out: Sequence[str]


def take(contents: Contents, path: Path, now: datetime) -> Manifest:
    """Write a backup, read it back, compare, and only then give it its name.

    Raises:
        BackupError: there is a file of that name, or what was read back is not what was written.
        StoreError: the database is missing or of no known version.
        StoreUnavailableError: no room, or something can't be read.
    """
    if path.exists():
        raise BackupError(f"{path} exists; a backup never replaces one")
    version = schema.current_version(contents.database)
    if version is None:
        raise BackupError(f"there is nothing to back up: the database {contents.database.name} is empty")
    schema.refuse_newer(version, f"the database {contents.database.name}")
    with container.worded(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        staging = tempfile.TemporaryDirectory(prefix=".backup-", dir=path.parent)
    with staging as folder:
        return _take(contents, path, Path(folder), now, version)


def _take(contents: Contents, path: Path, staging: Path, now: datetime, version: str) -> Manifest:
    is_sqlite = contents.database.is_sqlite
    snapshot = staging / ("market.db" if is_sqlite else "market.dump")
    if is_sqlite:
        sqlite_files.take_snapshot(contents.database.path, snapshot)
        tables, engine = sqlite_files.count_rows(snapshot), sqlite3.sqlite_version
    else:
        tables, engine = PostgresqlTools(contents.database, contents.environment).dump(snapshot)

    def describe(files: tuple[StoredFile, ...]) -> Manifest:
        return Manifest(
            created_at=now,
            program=contents.program,
            kind="sqlite" if is_sqlite else "postgresql",
            engine=engine,
            schema_version=version,
            tables=tables,
            files=files,
            left_out=tuple(contents.left_out),
        )

    unfinished = staging / "backup.zip"
    container.write(unfinished, _members(contents, snapshot, staging), describe)
    snapshot.unlink()
    with Backup(unfinished) as backup:
        backup.verify()
        stage_database(backup, staging, PostgresqlTools(contents.database, contents.environment))
        manifest = backup.manifest
    container.publish(unfinished, path)
    return manifest


def stage_database(backup: Backup, folder: Path, tools: PostgresqlTools) -> Path:
    """Unpack the database of a backup into a folder, and count every row of it.

    Raises:
        BackupError: it is damaged, or does not hold what the manifest says.
    """
    manifest = backup.manifest
    name = SQLITE_FILE if manifest.kind == "sqlite" else POSTGRESQL_DUMP
    staged = folder / Path(name).name
    backup.extract(name, staged)
    found = sqlite_files.count_rows(staged) if manifest.kind == "sqlite" else tools.count_rows(staged)
    wrong = [
        f"{table} has {found.get(table, 0)} rows instead of {manifest.tables.get(table, 0)}"
        for table in sorted({*found, *manifest.tables})
        if found.get(table) != manifest.tables.get(table)
    ]
    if wrong:
        raise BackupError(f"{backup.path} does not hold what its manifest says: {'; '.join(wrong)}")
    return staged


def _members(contents: Contents, snapshot: Path, staging: Path) -> Iterator[Member]:
    is_dump = not contents.database.is_sqlite
    yield Member(POSTGRESQL_DUMP if is_dump else SQLITE_FILE, _opener(snapshot), packed=is_dump)
    if contents.history is not None:
        for place in history_files(contents.history):
            yield _history_member(contents.history, place, staging)
    for path in sorted(contents.archive.glob("month=*/*.parquet")):
        yield Member(f"{ARCHIVE}/{path.relative_to(contents.archive)}", _opener(path), packed=True)
    if contents.landing is not None:
        for name, content in contents.landing.files():
            yield Member(f"{LANDING}/{name}", _given(content), packed=name.endswith(".gz"))


def history_files(folder: Path) -> list[Path]:
    """Dagster's own SQLite files: runs, events, schedules."""
    return sorted(path for part in ("history", "schedules") for path in (folder / part).rglob("*.db"))


def _history_member(folder: Path, path: Path, staging: Path) -> Member:
    def open_snapshot() -> BinaryIO:
        copy = staging / "history.db"
        sqlite_files.take_snapshot(path, copy)
        file = copy.open("rb")
        copy.unlink()
        return file

    return Member(f"{HISTORY}/{path.relative_to(folder)}", open_snapshot)


def _opener(path: Path) -> Callable[[], BinaryIO]:
    return lambda: path.open("rb")


def _given(content: BinaryIO | bytes) -> Callable[[], BinaryIO]:
    return lambda: io.BytesIO(content) if isinstance(content, bytes) else content
