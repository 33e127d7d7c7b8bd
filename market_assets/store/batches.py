"""Reading a whole table of any size in little memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
import sqlalchemy as sa

from market_assets.store.connection import MarketConnection
from market_assets.store.tables.columns import arrow_schema, unique_keys

#: Rows in memory at a time, unless the caller says otherwise.
BATCH = 20_000


def read_batches(connection: MarketConnection, table: sa.Table, batch: int = BATCH) -> Iterator[pl.DataFrame]:
    """The rows of a table or view by its key, a batch at a time; all at once without a key that is never null.

    Raises:
        StoreError: the database failed.
    """
    types, keys = arrow_schema(table), unique_keys(table)
    key = [table.c[name] for name in keys[0]] if keys else []
    if not key or any(column.nullable for column in key):
        yield connection.read(sa.select(*table.columns), types)
        return
    query = sa.select(*table.columns).order_by(*key).limit(batch)
    frame = connection.read(query, types)
    while frame.height:
        yield frame
        if frame.height < batch:
            return
        last: dict[str, Any] = frame.tail(1).to_dicts()[0]
        after = sa.tuple_(*key) > sa.tuple_(*(sa.literal(last[column.name], column.type) for column in key))
        frame = connection.read(query.where(after), types)
