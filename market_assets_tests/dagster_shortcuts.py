"""Less work for Dagster in the tests' own process.

Its SQLite storages make an engine for each statement, which then compiles the statement anew, and read all of
Dagster's migrations whenever an instance is opened. Here an engine is kept for each file, and migrations are read
once. Connections are opened and closed as ever: the engines have no pool.

What steps print goes to the same files as ever, but not to the terminal too, for which each run starts four
programs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster._core.execution import compute_logs
from dagster._core.storage.event_log.sqlite import consolidated_sqlite_event_log, sqlite_event_log
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

    with pytest.MonkeyPatch.context() as patch:
        for storage in _STORAGES:
            patch.setattr(storage, "create_engine", _kept_engine)
        patch.setattr(ScriptDirectory, "from_config", migrations)
        patch.setattr(compute_logs, "tail_to_stream", without_terminal)
        yield
    _engine.cache_clear()
