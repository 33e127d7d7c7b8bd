"""Queries that people write: rows out, nothing in."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl
import sqlalchemy as sa

from market_assets.store.database import Database, StoreError

_ROWS_AT_A_TIME = 5_000
_READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
#: What SQLite says of what it was not allowed to do.
_DENIALS = {"not authorized", "authorization denied"}
#: Pragmas that show what tables there are.
_LOOKS = {"table_list", "table_info", "table_xinfo", "index_list", "index_info"}


@dataclass(frozen=True)
class Answer:
    """The columns of a query's result, and its rows as they come."""

    columns: Sequence[str]
    rows: Iterator[Sequence[Any]]


@contextlib.contextmanager
def answered(database: Database, query: str) -> Iterator[Answer]:
    """The answer to one SQL query, on a connection that can't write.

    Raises:
        StoreError: the database refuses the query, or it gives no rows.
    """
    engine = database.engine()
    try:
        with engine.connect() as connection:
            _forbid_changes(connection)
            # Without parameters a % is a %.
            options = {"no_parameters": True, "stream_results": True, "max_row_buffer": _ROWS_AT_A_TIME}
            result = connection.execution_options(**options).exec_driver_sql(query)
            if not result.returns_rows:
                raise StoreError("the query gives no rows: begin it with SELECT or WITH")
            yield Answer(tuple(result.keys()), iter(result))
    except (sa.exc.DBAPIError, sa.exc.ResourceClosedError) as error:
        cause = " ".join(str(getattr(error, "orig", error)).split())
        hint = ": a query may only read" if cause in _DENIALS else ""
        raise StoreError(f"{database.name}: {cause}{hint}") from None


def selected(database: Database, query: str) -> pl.DataFrame:
    """The whole answer as a frame, in the types that the database answers; exact decimals become floats.

    Raises:
        StoreError: as `answered`, or two columns have one name.
    """
    with answered(database, query) as answer:
        rows = [[float(each) if isinstance(each, Decimal) else each for each in row] for row in answer.rows]
        try:
            return pl.DataFrame(rows, schema=list(answer.columns), orient="row", infer_schema_length=None)
        except (pl.exceptions.PolarsError, TypeError) as error:
            raise StoreError(f"the query's answer is no table: {' '.join(str(error).split())}") from error


def _forbid_changes(connection: sa.Connection) -> None:
    if connection.dialect.name == "sqlite":
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.set_authorizer(_only_reading)
    else:
        # Of the session, so that a query that ends its transaction writes in no other either.
        connection.exec_driver_sql("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
        connection.commit()


def _only_reading(action: int, argument: str | None, *_: str | None) -> int:
    """Whether SQLite may do what a query needs; in a read-only mode it would still write other files."""
    looks = action == sqlite3.SQLITE_PRAGMA and argument in _LOOKS
    return sqlite3.SQLITE_OK if looks or action in _READS else sqlite3.SQLITE_DENY
