"""Dagster's history in PostgreSQL, over connections that are kept: its own storage opens one for each statement.

A step tells dozens of events, and the daemon asks every second; a new connection costs the server and the client
several milliseconds of computing each time, most of them for the password.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from dagster_postgres import DagsterPostgresStorage

if TYPE_CHECKING:
    from dagster import DagsterInstance
    from dagster._serdes import ConfigurableClassData

#: A process keeps this many, however many instances it opens; what more it needs at a moment is closed after use.
_KEPT_CONNECTIONS = 2


class PooledPostgresStorage(DagsterPostgresStorage):
    """Dagster's own storage, all of whose parts share the connections of the process."""

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(postgres_url, inst_data=inst_data)
        for part in (self._run_storage, self._event_log_storage, self._schedule_storage):
            part._engine = _engine(postgres_url)


def bound_questions(history: DagsterInstance | PooledPostgresStorage, *, seconds: int, at_once: int) -> None:
    """Let nobody hold the history up: for the web process, where anybody asks anything.

    Args:
        history: a `PooledPostgresStorage`, or the instance that has it.
        seconds: how long a question may take before the server gives it up.
        at_once: how many questions may be asked at a time; others wait.
    """
    for part in (history.run_storage, history.event_log_storage, history.schedule_storage):
        part._engine = _engine(part.postgres_url, seconds, at_once)  # type: ignore[union-attr]


@cache
def _engine(url: str, seconds: int = 0, at_once: int | None = None) -> sa.Engine:
    engine = sa.create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_size=_KEPT_CONNECTIONS,
        max_overflow=-1 if at_once is None else at_once - _KEPT_CONNECTIONS,
        # The server may have been restarted since.
        pool_pre_ping=True,
        pool_use_lifo=True,
    )
    if seconds:

        @sa.event.listens_for(engine, "connect")
        def bound(connection: Any, _record: object) -> None:
            with connection, connection.cursor() as cursor:
                cursor.execute(f"SET statement_timeout = {1000 * seconds}")

    # What a forked process inherits is its parent's: to be neither used nor closed by it.
    os.register_at_fork(after_in_child=lambda: engine.dispose(close=False))
    return engine
