"""Dagster's history in PostgreSQL, over connections that are kept: its own storage opens one for each statement.

A step tells dozens of events, and the daemon asks every second; a new connection costs the server and the client
several milliseconds of computing each time, most of them for the password.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

import sqlalchemy as sa
from dagster_postgres import DagsterPostgresStorage

if TYPE_CHECKING:
    from dagster._serdes import ConfigurableClassData

#: A process keeps this many, however many instances it opens; what more it needs at a moment is closed after use.
_KEPT_CONNECTIONS = 2


class PooledPostgresStorage(DagsterPostgresStorage):
    """Dagster's own storage, all of whose parts share the connections of the process."""

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(postgres_url, inst_data=inst_data)
        for part in (self._run_storage, self._event_log_storage, self._schedule_storage):
            part._engine = _engine(postgres_url)


@cache
def _engine(url: str) -> sa.Engine:
    engine = sa.create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_size=_KEPT_CONNECTIONS,
        max_overflow=-1,
        # The server may have been restarted since.
        pool_pre_ping=True,
        pool_use_lifo=True,
    )
    # What a forked process inherits is its parent's: to be neither used nor closed by it.
    os.register_at_fork(after_in_child=lambda: engine.dispose(close=False))
    return engine
