"""Snapshots of SQLite files by SQLite's own backup interface: consistent while others write; and back again."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from market_assets.store.backup.manifest import BackupError
from market_assets.store.database import BUSY_TIMEOUT_MS, Database, StoreUnavailableError


def take_snapshot(source: Path, target: Path) -> None:
    """Write the state of a database at one moment into a new file; writers are not kept waiting.

    Raises:
        StoreUnavailableError: the database can't be read, or there is no room for the file.
    """
    with _open(source) as live, _open(target, "rwc") as copy:
        live.backup(copy)
        # One file without a log beside it.
        copy.execute("PRAGMA journal_mode = DELETE")


def put_back(snapshot: Path, target: Path) -> None:
    """Replace the content of a database by a snapshot in one transaction; a failure leaves what was there.

    The file itself stays, so that programs that have it open see the new content from their next transaction on.
    """
    with _open(snapshot) as source, _open(target, "rwc") as live:
        # A backup into a database that others read needs the log, and the target may be a new file.
        live.execute("PRAGMA journal_mode = WAL")
        source.backup(live)
        # The log is as large as the database by now.
        with contextlib.suppress(sqlite3.OperationalError):
            live.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def count_rows(path: Path) -> dict[str, int]:
    """The rows of every table of a sound file.

    Raises:
        BackupError: the file is damaged.
    """
    with _open(path) as connection:
        try:
            verdict = [row[0] for row in connection.execute("PRAGMA integrity_check")]
            if verdict != ["ok"]:
                raise BackupError(f"{path} is damaged: {verdict[0]}")
            names = connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
            )
            return {name: _count(connection, name) for (name,) in names.fetchall()}
        except sqlite3.DatabaseError as error:
            raise BackupError(f"{path} is damaged: {error}") from error


def _count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])


@contextlib.contextmanager
def _open(path: Path, mode: str = "rw") -> Iterator[sqlite3.Connection]:
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path.resolve()))}?mode={mode}", uri=True, timeout=BUSY_TIMEOUT_MS / 1000
        )
        with contextlib.closing(connection):
            yield connection
    except sqlite3.Error as error:
        raise StoreUnavailableError(Database(f"sqlite:///{path}").describe_failure(str(error))) from error
