"""What all tables are declared with: their common `metadata`, types and columns of the usual kinds.

The types mean the same on SQLite and PostgreSQL. A column's `info` holds what must be true of its values:
`minimum`, `maximum` and `choices`. Its `comment` is what the UI, the documentation and PostgreSQL say about it.
"""

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
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    types,
)

from market_assets.postings.schemas import UTC_DATETIME
from market_assets.store.tables.comments import COMMENTS

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

SHARE: dict[str, Any] = {"minimum": 0.0, "maximum": 1.0}
NOT_NEGATIVE: dict[str, Any] = {"minimum": 0}
POSITIVE: dict[str, Any] = {"minimum": 1}

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


def text(
    name: str, *, null: bool = True, key: bool = False, choices: tuple[str, ...] = (), comment: str | None = None
) -> Column[str]:
    info: dict[str, Any] = {"choices": choices} if choices else {}
    return Column(
        name, Text, nullable=null and not key, primary_key=key, info=info, comment=comment or COMMENTS.get(name)
    )


def count(name: str, info: dict[str, Any] = NOT_NEGATIVE, *, comment: str | None = None) -> Column[int]:
    return Column(name, BigInteger, nullable=False, info=info, comment=comment or COMMENTS.get(name))


def number(
    name: str, *, null: bool = True, info: dict[str, Any] | None = None, comment: str | None = None
) -> Column[float]:
    return Column(name, Float(53), nullable=null, info=info or {}, comment=comment or COMMENTS.get(name))


def money(*names: str) -> list[Column[float]]:
    return [number(name, info=NOT_NEGATIVE) for name in names]


def time(name: str, *, null: bool = False, key: bool = False, comment: str | None = None) -> Column[datetime]:
    return Column(name, UtcDateTime, nullable=null, primary_key=key, comment=comment or COMMENTS.get(name))


def unique_keys(table: Table) -> list[list[str]]:
    """The columns that together are different in every row, the primary key first."""
    constraints = [table.primary_key, *(each for each in table.constraints if isinstance(each, UniqueConstraint))]
    return [[column.name for column in each.columns] for each in constraints if len(each.columns)]


def value_rules(column: Column[Any]) -> list[str]:
    """What must be true of a column's values, in words."""
    words = {"minimum": "≥ {:g}", "maximum": "≤ {:g}", "choices": "one of {}"}
    return [
        words[rule].format(", ".join(value) if isinstance(value, tuple) else value)
        for rule, value in column.info.items()
    ]
