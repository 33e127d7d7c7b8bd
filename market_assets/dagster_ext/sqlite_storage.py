"""Dagster's history in SQLite over kept connections; Dagster's own storage makes an engine for each statement.

A step writes dozens of events. With an engine each, every statement is compiled anew, and the last connection of a
file that is closed writes its log back into it and waits for the disk.

Dagster's three storages get their connections from a method that is overridden here.
`market_assets_tests/dagster_ext/test_sqlite_storage.py` counts the connections, so it fails if a new version
connects in another way.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS, create_db_conn_string
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

if TYPE_CHECKING:
    from dagster._serdes import ConfigurableClassData

#: Files whose connection a process keeps: three are of the whole history, and each run has one for its events.
_KEPT_FILES = 8

#: A file by its device and inode.
_File = tuple[int, int]


class _Engines:
    """The engines of this process by their files, those used last; each keeps one idle connection."""

    def __init__(self) -> None:
        self._engines: dict[str, tuple[_File | None, sa.Engine]] = {}
        self._inherited: list[object] = []
        self._forget()
        # Connections that a forked process inherits belong to its parent: it must neither use nor close them.
        os.register_at_fork(after_in_child=self._forget)

    def of(self, url: str) -> sa.Engine:
        """The engine of the file of a URL, made where there is none, or where another file has taken its place."""
        file = _identity(url.removeprefix("sqlite:///"))
        with self._lock:
            before, engine = self._engines.pop(url, (None, None))
            if engine is not None and before != file:
                engine.dispose()
                engine = None
            self._engines[url] = file, engine or _new_engine(url)
            if len(self._engines) > _KEPT_FILES:
                # The one whose last use is longest ago; connections that are in use are closed after it.
                _, oldest = self._engines.pop(next(iter(self._engines)))
                oldest.dispose()
            return self._engines[url][1]

    def _forget(self) -> None:
        self._lock = Lock()
        # A connection that nothing refers to is closed.
        self._inherited.append(self._engines)
        self._engines = {}


def _identity(path: str) -> _File | None:
    """What makes a file another one than what had its path before; None where there is none."""
    try:
        found = Path(path).stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _new_engine(url: str) -> sa.Engine:
    return sa.create_engine(
        url,
        poolclass=sa.QueuePool,
        pool_size=1,
        max_overflow=-1,
        connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
    )


_engines = _Engines()


class KeptRunStorage(SqliteRunStorage):
    """Runs, backfills, heartbeats and cursors of daemons."""

    @contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        with _engines.of(self._conn_string).begin() as connection:
            yield connection


class KeptScheduleStorage(SqliteScheduleStorage):
    """Schedules, sensors and their ticks."""

    @contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        with _engines.of(self._conn_string).begin() as connection:
            yield connection


class KeptEventLogStorage(SqliteEventLogStorage):
    """Events, materializations and results of checks."""

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        with self._db_lock:
            engine = _engines.of(self.conn_string_for_shard(shard))
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection


_Storage = TypeVar("_Storage", KeptRunStorage, KeptScheduleStorage)


class KeptSqliteStorage(DagsterSqliteStorage):
    """Dagster's storage, made of the three above."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        # Not the base class's own, which would open Dagster's three storages too.
        super(DagsterSqliteStorage, self).__init__()  # type: ignore[no-untyped-call]
        self.base_dir = base_dir
        self._inst_data = inst_data
        history = Path(base_dir) / "history"
        self._run_storage = _opened(KeptRunStorage, f"{history}/", "runs")
        self._event_log_storage = KeptEventLogStorage(f"{history}/runs/")
        self._schedule_storage = _opened(KeptScheduleStorage, f"{base_dir}/schedules", "schedules")


#: The files whose schema this process has checked, by their URLs.
_checked: dict[str, _File | None] = {}


def _opened(kind: type[_Storage], folder: str, name: str) -> _Storage:
    """A storage on a file whose schema is checked, or made, by the first that opens it.

    The code server opens the history for each tick of a sensor, and a check reads all of Dagster's migrations.
    """
    url = create_db_conn_string(folder, name)
    file = _identity(url.removeprefix("sqlite:///"))
    if file is not None and _checked.get(url) == file:
        return kind(url)
    storage = kind.from_local(folder)
    _checked[url] = _identity(url.removeprefix("sqlite:///"))
    return storage  # type: ignore[return-value]
