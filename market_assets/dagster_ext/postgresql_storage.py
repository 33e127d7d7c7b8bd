"""Dagster's history in PostgreSQL over pooled connections; Dagster's own storage opens one for each statement.

A step writes dozens of events and the daemon queries every second, while a statement over a new connection takes
more than twice as long as over a pooled one, even where no password has to be checked.

Dagster's three storages get their connections from a method that is overridden here, and the web process limits
them through `DagsterInstance.optimize_for_webserver`.
`market_assets_tests/dagster_ext/test_postgresql_storage.py` counts the server's sessions, so it fails if a new
version connects in another way.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from dagster_postgres import (
    DagsterPostgresStorage,
    PostgresEventLogStorage,
    PostgresRunStorage,
    PostgresScheduleStorage,
)
from dagster_postgres.utils import create_pg_connection

if TYPE_CHECKING:
    from dagster._serdes import ConfigurableClassData

#: Idle connections that a process keeps, however many instances it opens; others are closed after use.
_IDLE_CONNECTIONS = 2


class _Pooled:
    """What the three storages have in common: their connections are those of the process."""

    postgres_url: str
    _statement_timeout = 0
    _max_connections: int | None = None

    def _pooled_connection(self) -> AbstractContextManager[sa.Connection]:
        return create_pg_connection(_engine(self.postgres_url, self._statement_timeout, self._max_connections))

    def optimize_for_webserver(
        self,
        statement_timeout: int,
        pool_recycle: int,  # noqa: ARG002
        max_overflow: int,
    ) -> None:
        """Limit the duration and the number of concurrent statements.

        Args:
            statement_timeout: milliseconds after which the server cancels a statement.
            pool_recycle: not used: each connection is tested before use.
            max_overflow: connections of the process beyond the idle ones; further statements wait.
        """
        self._statement_timeout = statement_timeout
        self._max_connections = _IDLE_CONNECTIONS + max_overflow


class PooledRunStorage(_Pooled, PostgresRunStorage):
    """Runs, backfills, heartbeats and cursors of daemons."""

    def connect(self) -> AbstractContextManager[sa.Connection]:
        return self._pooled_connection()


class PooledEventLogStorage(_Pooled, PostgresEventLogStorage):
    """Events, materializations and results of checks."""

    def _connect(self) -> AbstractContextManager[sa.Connection]:
        return self._pooled_connection()


class PooledScheduleStorage(_Pooled, PostgresScheduleStorage):
    """Schedules, sensors and their ticks."""

    def connect(self, run_id: str | None = None) -> AbstractContextManager[sa.Connection]:  # noqa: ARG002
        return self._pooled_connection()


class PooledPostgresStorage(DagsterPostgresStorage):
    """Dagster's storage, made of the three above."""

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(postgres_url, inst_data=inst_data)
        self._runs = PooledRunStorage(postgres_url, should_autocreate_tables=False)
        self._events = PooledEventLogStorage(postgres_url, should_autocreate_tables=False)
        self._schedules = PooledScheduleStorage(postgres_url, should_autocreate_tables=False)

    @property
    def run_storage(self) -> PooledRunStorage:
        return self._runs

    @property
    def event_log_storage(self) -> PooledEventLogStorage:
        return self._events

    @property
    def schedule_storage(self) -> PooledScheduleStorage:
        return self._schedules


@cache
def _engine(url: str, statement_timeout: int, max_connections: int | None) -> sa.Engine:
    engine = sa.create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_size=_IDLE_CONNECTIONS,
        max_overflow=-1 if max_connections is None else max_connections - _IDLE_CONNECTIONS,
        # The server may have been restarted since.
        pool_pre_ping=True,
        pool_use_lifo=True,
    )
    if statement_timeout:

        @sa.event.listens_for(engine, "connect")
        def limit(connection: Any, _record: object) -> None:
            with connection, connection.cursor() as cursor:
                cursor.execute(f"SET statement_timeout = {statement_timeout}")

    # Connections that a forked process inherits belong to its parent: it must neither use nor close them.
    os.register_at_fork(after_in_child=lambda: engine.dispose(close=False))
    return engine
