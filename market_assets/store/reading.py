"""Reading frames from the market database: what readers have in common, and the one of the web process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl
import sqlalchemy as sa

from market_assets.store.database import Database
from market_assets.store.tables.columns import SQLITE_TIME, arrow_schema, unique_keys

#: Rows that are fetched at once: Python's objects for them are many times as large as the columns.
_BATCH = 50_000
#: Rows of a table in memory at a time, unless the caller says otherwise.
BATCH = 20_000


class FrameReader(Protocol):
    """Something that runs queries: `connection.MarketConnection` over ADBC, or `PooledReader`."""

    def read(self, query: sa.sql.ClauseElement | str, schema: pl.Schema) -> pl.DataFrame:
        """The rows of a query as columns of the given types, in the query's order."""

    def read_integers(
        self, value: sa.ColumnElement[int], key: sa.Column[int], first: int, last: int
    ) -> npt.NDArray[np.int64]:
        """A value of each row whose key is from `first` to `last`, in any order."""


class PooledReader:
    """Reads over SQLAlchemy, for the web process, which must not open ADBC (see `store.database`)."""

    def __init__(self, database: Database, connection: sa.Connection) -> None:
        """Read with a connection of the database, inside its transaction."""
        self._database = database
        self._connection = connection

    def read(self, query: sa.sql.ClauseElement | str, schema: pl.Schema) -> pl.DataFrame:
        """The rows of a query as columns of the given types, in the query's order.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database can't be read.
        """
        driver_schema = self._driver_schema(schema)
        options = {"no_parameters": True, "stream_results": True, "max_row_buffer": _BATCH}
        answer = self._connection.exec_driver_sql(self._database.compile(query), execution_options=options)
        batches = [pl.DataFrame(schema=driver_schema)]
        for rows in answer.partitions(_BATCH):
            # A frame made of rows would take many times as long.
            columns = zip(driver_schema.items(), zip(*rows, strict=True), strict=True)
            batches.append(pl.DataFrame([pl.Series(name, values, dtype) for (name, dtype), values in columns]))
        return as_declared(pl.concat(batches), schema)

    def read_integers(
        self, value: sa.ColumnElement[int], key: sa.Column[int], first: int, last: int
    ) -> npt.NDArray[np.int64]:
        """A value of each row whose key is from `first` to `last`, in any order.

        The database writes the values into texts, a batch of keys each: fetched as rows, millions of them would
        take ten times as long.
        """
        text = sa.func.aggregate_strings(sa.cast(value, sa.Text), ",")
        batches = [np.empty(0, np.int64)]
        for start in range(first, last + 1, _BATCH):
            within = key.between(start, min(start + _BATCH - 1, last))
            if values := self._connection.scalar(sa.select(text).where(within)):
                batches.append(np.fromstring(values, np.int64, sep=","))
        return np.concatenate(batches)

    def _driver_schema(self, schema: pl.Schema) -> pl.Schema:
        """The types in which the driver answers."""
        if not self._database.is_sqlite:
            return schema
        return pl.Schema({name: _in_sqlite(dtype) for name, dtype in schema.items()})


def _in_sqlite(dtype: pl.DataType) -> pl.DataType:
    if dtype.is_temporal():
        return pl.String()
    return pl.Int64() if dtype == pl.Boolean else dtype


def as_declared(answer: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """What a driver answered as columns of the given types; SQLite has times and dates as text."""
    columns = []
    for name, dtype in schema.items():
        column = pl.col(name)
        stored_as_text = answer.schema[name] == pl.String()
        if isinstance(dtype, pl.Datetime) and stored_as_text:
            columns.append(column.str.to_datetime(SQLITE_TIME, time_unit="us").dt.replace_time_zone("UTC"))
        elif isinstance(dtype, pl.Date) and stored_as_text:
            columns.append(column.str.to_date("%Y-%m-%d"))
        else:
            columns.append(column.cast(dtype))
    return answer.select(columns)


def read_batches(connection: FrameReader, table: sa.Table, batch: int = BATCH) -> Iterator[pl.DataFrame]:
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
