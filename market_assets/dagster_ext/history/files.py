"""Files that belong to single runs, and the database files that SQLite leaves too large."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import dagster as dg
import sqlalchemy as sa
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage
from dagster._core.storage.runs.sqlite import SqliteRunStorage

#: What may be a folder's name and never leads elsewhere.
_RUN_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]*")
#: A file is made smaller where so much of it, in parts and in bytes, is free.
_FREE_SHARE, _FREE_BYTES = 0.25, 1_000_000
#: Beyond this size it would take longer than others wait for their turn to write.
_LARGEST = 2_000_000_000


def files_of_run(instance: dg.DagsterInstance, events: SqlEventLogStorage, run_id: str) -> list[Path]:
    """Files and folders that are about one run alone: its events (SQLite), its output, what it printed."""
    if not _RUN_ID.fullmatch(run_id):
        raise ValueError(f"{run_id!r} is no id of a run: its files are left alone")
    found = [Path(instance.storage_directory()) / run_id]
    if isinstance(instance.compute_log_manager, LocalComputeLogManager):
        found.append(Path(instance.compute_log_manager.get_captured_local_path([run_id], "out")).with_name(run_id))
    if isinstance(events, SqliteEventLogStorage):
        shard = Path(events.path_for_shard(run_id))
        # The file itself last: without it the others mean nothing, and it is looked for first.
        found += [shard.with_name(f"{shard.name}{end}") for end in ("-wal", "-shm", "")]
    # What is printed and what is put out may lie in the same folder.
    return [path for path in dict.fromkeys(found) if path.exists()]


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    with suppress(FileNotFoundError):
        if path.is_dir():
            return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        return path.stat().st_size
    return 0


def remove(path: Path) -> None:
    """Remove a file or a folder, unless somebody else did already."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def remove_printed(instance: dg.DagsterInstance, run_id: str) -> None:
    """Remove what a run printed, wherever the instance keeps it."""
    instance.compute_log_manager.delete_logs(prefix=[run_id])


def vacuum(runs: SqlRunStorage, events: SqlEventLogStorage) -> Iterator[tuple[Path, int]]:
    """Give back what is free in SQLite's files, where it is worth it; yields each file and the bytes it lost."""
    if isinstance(events, SqliteEventLogStorage):
        yield from _vacuum(events.conn_string_for_shard(INDEX_SHARD_NAME))
    if isinstance(runs, SqliteRunStorage):
        yield from _vacuum(runs._conn_string)


def _vacuum(url: str) -> Iterator[tuple[Path, int]]:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    path = Path(str(engine.url.database))
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        free = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
        page = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
        if free < pages * _FREE_SHARE or free * page < _FREE_BYTES or (pages - free) * page > _LARGEST:
            return
        connection.exec_driver_sql("VACUUM")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        after = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    yield path, (pages - after) * page
