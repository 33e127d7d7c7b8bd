"""Column types that mean the same on SQLite and PostgreSQL, and what they are in Arrow columns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import polars as pl
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    types,
)

from market_assets.postings.schemas import UTC_DATETIME

#: How SQLAlchemy, and so this project, writes a time into SQLite.
SQLITE_TIME = "%Y-%m-%d %H:%M:%S%.6f"


class UtcDateTime(types.TypeDecorator[datetime]):
    """A time in UTC: TIMESTAMPTZ on PostgreSQL, text 'YYYY-MM-DD HH:MM:SS.ffffff' on SQLite."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        return dialect.type_descriptor(DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a time zone can't be stored: {value!r}")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def literal_processor(self, dialect: Dialect) -> Callable[[datetime], str]:
        def as_literal(value: datetime) -> str:
            bound = self.process_bind_param(value, dialect)
            assert bound is not None
            return f"'{bound.isoformat(sep=' ', timespec='microseconds')}'"

        return as_literal

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def arrow_type(column: Column[Any]) -> pl.DataType:
    """The polars type that holds the values of a column."""
    kinds: list[tuple[type, pl.DataType]] = [
        (UtcDateTime, UTC_DATETIME),
        (Boolean, pl.Boolean()),
        (Date, pl.Date()),
        (Float, pl.Float64()),
        (SmallInteger, pl.Int16()),
        (BigInteger, pl.Int64()),
        (Integer, pl.Int32()),
        (LargeBinary, pl.Binary()),
        (Text, pl.String()),
    ]
    return next(dtype for kind, dtype in kinds if isinstance(column.type, kind))


def arrow_schema(table: Table) -> pl.Schema:
    """The polars schema of a whole table."""
    return pl.Schema({column.name: arrow_type(column) for column in table.columns})
