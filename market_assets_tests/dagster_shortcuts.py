"""Less work for Dagster in the tests' own process.

Its SQLite storages make an engine for each statement, which then compiles the statement anew, and read all of
Dagster's migrations whenever an instance is opened. Here an engine is kept for each file, and migrations are read
once. Connections are opened and closed as ever: the engines have no pool. The tables for a run's events, in a file
of the run's own, are copied from a file that was made as ever.

What steps print goes to the same files as ever, but not to the terminal too, for which each run starts four
programs.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster._core.execution import compute_logs
from dagster._core.storage.event_log.sqlite import consolidated_sqlite_event_log, sqlite_event_log
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage

_STORAGES = (sqlite_run_storage, sqlite_event_log, consolidated_sqlite_event_log, sqlite_schedule_storage)


@lru_cache(maxsize=200)
def _engine(url: str, poolclass: type[sa.Pool], timeout: float | None) -> sa.Engine:
    return sa.create_engine(url, poolclass=poolclass, connect_args={} if timeout is None else {"timeout": timeout})


def _kept_engine(url: str, *, poolclass: type[sa.Pool], connect_args: dict[str, float] | None = None) -> sa.Engine:
    return _engine(url, poolclass, (connect_args or {}).get("timeout"))


@contextmanager
def dagster_shortcuts() -> Iterator[None]:
    """Save this work until the end of the block."""
    read_migrations = ScriptDirectory.from_config
    known: dict[str | None, ScriptDirectory] = {}

    def migrations(config: Config) -> ScriptDirectory:
        folder = config.get_main_option("script_location")
        if folder not in known:
            known[folder] = read_migrations(config)
        return known[folder]

    def without_terminal(_path: str, _stream: Any) -> nullcontext[tuple[None, None]]:
        return nullcontext((None, None))

    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        make_tables, empty = SqliteEventLogStorage._initdb, Path(folder) / "empty.db"

        one_at_a_time = Lock()

        def copy_tables(storage: SqliteEventLogStorage, engine: sa.Engine, for_index_shard: bool = False) -> None:
            path = Path(str(engine.url.database))
            if for_index_shard or path.exists():
                make_tables(storage, engine, for_index_shard)
                return
            copied = path.with_name(f"{path.name}.{uuid4().hex}")
            with one_at_a_time:
                if not empty.exists():
                    make_tables(storage, _engine(f"sqlite:///{empty}", sa.NullPool, None))
                shutil.copy(empty, copied)
            # Another process may have made the file meanwhile.
            with suppress(FileExistsError):
                os.link(copied, path)
            copied.unlink()

        patch.setattr(SqliteEventLogStorage, "_initdb", copy_tables)
        for storage in _STORAGES:
            patch.setattr(storage, "create_engine", _kept_engine)
        patch.setattr(ScriptDirectory, "from_config", migrations)
        patch.setattr(compute_logs, "tail_to_stream", without_terminal)
        yield
    _engine.cache_clear()
