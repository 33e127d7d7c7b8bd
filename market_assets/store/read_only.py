"""Queries that people write: rows out, nothing in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from market_assets.store.database import Database, StoreError

_ROWS_AT_A_TIME = 5_000


@dataclass(frozen=True)
class Answer:
    """The columns of a query's result, and its rows as they come."""

    columns: Sequence[str]
    rows: Iterator[Sequence[Any]]


@contextlib.contextmanager
def answered(database: Database, query: str) -> Iterator[Answer]:
    """The answer to one SQL query, in a transaction that can't write.

    Raises:
        StoreError: the database refuses the query, or it gives no rows.
    """
    engine = database.engine()
    try:
        with engine.connect() as connection:
            if database.is_sqlite:
                connection.exec_driver_sql("PRAGMA query_only = ON")
            else:
                connection = connection.execution_options(postgresql_readonly=True)
            # Without parameters a % is a %.
            options = {"no_parameters": True, "stream_results": True, "max_row_buffer": _ROWS_AT_A_TIME}
            result = connection.execution_options(**options).exec_driver_sql(query)
            if not result.returns_rows:
                raise StoreError("the query gives no rows: begin it with SELECT or WITH")
            yield Answer(tuple(result.keys()), iter(result))
    except (sa.exc.DBAPIError, sa.exc.ResourceClosedError) as error:
        cause = getattr(error, "orig", error)
        raise StoreError(f"{database.name}: {' '.join(str(cause).split())}") from None
