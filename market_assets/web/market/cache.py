"""Keeps the market of the newest refresh in memory, and finds out cheaply when there is a newer one."""

from __future__ import annotations

import threading
import time
from datetime import datetime

import polars as pl
import sqlalchemy as sa
from anyio import to_thread

from market_assets.store.column_types import arrow_schema
from market_assets.store.database import Database
from market_assets.store.revisions import read_table_revisions
from market_assets.store.tables.results import market_summary
from market_assets.web.market.snapshot import TABLES, Market, market_of

CHECK_SECONDS = 0.25


class MarketCache:
    """The market of a database. Its SQL runs in a thread of its own, one at a time, never on the event loop."""

    def __init__(self, database: Database, check_seconds: float = CHECK_SECONDS) -> None:
        self._database = database
        self._check_seconds = check_seconds
        self._lock = threading.Lock()
        self._frames: dict[str, pl.DataFrame] = {}
        self._revisions: dict[str, int] = {}
        self._as_of: datetime | None = None
        self._market: Market | None = None
        self._due = 0.0

    async def current(self) -> Market:
        """The market, at most `check_seconds` older than the store.

        While one request looks for a newer one, the others are answered from what is there.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the store can't be read.
        """
        market = self._market
        if market is None:
            return await to_thread.run_sync(self._first)
        if time.monotonic() < self._due or not self._lock.acquire(blocking=False):
            return market
        try:
            return await to_thread.run_sync(self._newest)
        finally:
            self._lock.release()

    def _first(self) -> Market:
        with self._lock:
            return self._market or self._newest()

    def _newest(self) -> Market:
        with _snapshot(self._database.pooled_engine()) as connection:
            revisions = read_table_revisions(connection, *TABLES)
            as_of = connection.scalar(sa.select(sa.func.max(market_summary.c.as_of)))
            if self._market is None or (as_of, revisions) != (self._as_of, self._revisions):
                changed = [table for table in TABLES if revisions[table.name] != self._revisions.get(table.name)]
                # Another moment at the same revisions is another database in the place of the first.
                read = {table.name: _read(connection, table) for table in changed or TABLES}
                frames = {**self._frames, **read}
                self._market = market_of(frames, revisions)
                self._frames, self._revisions, self._as_of = frames, revisions, as_of
        self._due = time.monotonic() + self._check_seconds
        return self._market


def _snapshot(engine: sa.Engine) -> sa.Connection:
    """A connection whose reads all see the same state of the store."""
    connection = engine.connect()
    if engine.dialect.name == "sqlite":
        # Python's driver begins a transaction before writes alone.
        connection.exec_driver_sql("BEGIN")
        return connection
    return connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _read(connection: sa.Connection, table: sa.Table) -> pl.DataFrame:
    schema = arrow_schema(table)
    rows = connection.execute(sa.select(*table.columns)).all()
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    return pl.DataFrame(
        [pl.Series(name, values, dtype) for (name, dtype), values in zip(schema.items(), columns, strict=True)]
    )
