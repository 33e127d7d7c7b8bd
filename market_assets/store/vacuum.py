"""Keeping the database trim."""

from __future__ import annotations

import sqlalchemy as sa

from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database, StoreUnavailableError


def optimise(connection: MarketConnection) -> tuple[int, int]:
    """VACUUM and ANALYZE the whole database; returns its size in bytes before and after.

    The given connection is closed: VACUUM wants the database for itself.

    Raises:
        StoreUnavailableError: the database refuses, or has no room for it.
    """
    database = connection.database
    connection.close()
    try:
        return _optimise(database)
    except sa.exc.DatabaseError as error:
        cause = " ".join(str(error.orig).split())
        raise StoreUnavailableError(database.worded(cause)) from error


def _optimise(database: Database) -> tuple[int, int]:
    with database.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as server:
        before = _size(database, server)
        for statement in (
            "VACUUM",
            "ANALYZE",
            *(("PRAGMA wal_checkpoint(TRUNCATE)",) if database.is_sqlite else ()),
        ):
            server.execute(sa.text(statement))
        return before, _size(database, server)


def _size(database: Database, server: sa.Connection) -> int:
    if database.is_sqlite:
        return database.path.stat().st_size
    return int(server.scalar(sa.text("SELECT pg_database_size(current_database())")) or 0)
