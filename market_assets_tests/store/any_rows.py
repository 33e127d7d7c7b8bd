"""Rows for every table, whatever it is, made up from the types of its columns; all rows of a store to compare."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from market_assets.store import schema
from market_assets.store.database import ACCOUNTS_SCHEMA, Database

Rows = dict[str, list[tuple[Any, ...]]]
#: What breaks code that quotes, splits or escapes by hand.
AWKWARD = "a 'quoted' \"text\"\\ with\ttab,\nline, \\N, ä, 漢字, 🧑‍🚀, 100 % :name"

#: By the kind of database, the version of its schema and the names of its tables.
_known: dict[tuple[str, ...], list[sa.Table]] = {}


def fill_every_table(database: Database, rows: int = 3, *, first: int = 1000) -> Rows:
    """Put rows into every table that is there, whatever the schema's version; returns what is stored then."""
    for part, of_part in _parts(database):
        with part.engine().begin() as connection:
            for table in _tables(connection, of_part):
                numbers = range(first, first + rows)
                made = [_row(table, number, last=number == numbers[-1]) for number in numbers]
                connection.execute(table.insert(), made)
    return everything(database)


def everything(database: Database) -> Rows:
    """All rows of all tables as columns by name, in an order of their own."""
    found: Rows = {}
    for part, of_part in _parts(database):
        with part.engine().connect() as connection:
            for table in _tables(connection, of_part):
                rows = connection.execute(sa.select(table))
                found[table.name] = sorted((tuple(map(_comparable, row)) for row in rows), key=str)
    return found


def columns(database: Database) -> dict[str, list[str]]:
    """The names of the columns of each table, in the order of `everything`."""
    found = {}
    for part, of_part in _parts(database):
        with part.engine().connect() as connection:
            found |= {table.name: list(table.columns.keys()) for table in _tables(connection, of_part)}
    return found


def _parts(database: Database) -> list[tuple[Database, str | None]]:
    """The market's tables, and those of accounts where they are, with their schemas."""
    if not schema.has_accounts(database):
        return [(database, None)]
    return [(database, None), (database.accounts, None if database.is_sqlite else ACCOUNTS_SCHEMA)]


def _tables(connection: sa.Connection, of_schema: str | None) -> list[sa.Table]:
    """The tables that are there, looked at once for each set of them: it takes longer than all their rows."""
    version = "alembic_version"
    names = tuple(sorted(sa.inspect(connection).get_table_names(of_schema)))
    versions = connection.execute(sa.text(f"SELECT * FROM {version}")).scalars().all() if version in names else ()
    key = (connection.dialect.name, of_schema or "", *versions, *names)
    if key not in _known:
        metadata = sa.MetaData()
        metadata.reflect(connection, of_schema)
        _known[key] = [table for table in metadata.sorted_tables if table.name != version]
    return _known[key]


def _row(table: sa.Table, number: int, *, last: bool) -> dict[str, Any]:
    return {
        column.name: None if last and column.nullable else _value(table, column, number)
        for column in table.columns
    }


def _value(table: sa.Table, column: sa.Column[Any], number: int) -> Any:
    time = datetime(2026, 3, 1, 2, 30, 15, 123456, tzinfo=UTC) + timedelta(days=number)
    match column.type:
        case sa.Boolean():
            return number % 2 == 0
        case sa.SmallInteger():
            return number if column.primary_key else number % 100 + 1
        case sa.Integer():
            # Beyond what a double holds, where the column is a BIGINT.
            return number if column.primary_key else 2**62 + number
        case sa.Numeric() | sa.Float():
            return number / 7
        case sa.DateTime() as kind:
            return time if kind.timezone else time.replace(tzinfo=None)
        case sa.Date():
            return date(2026, 3, 1) + timedelta(days=number)
        case sa.LargeBinary():
            return bytes([0, number % 256, 255, 39, 92])
        case _:
            return f"{table.name}.{column.name} {number} {AWKWARD}"


def _comparable(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None) if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
    return bytes(value) if isinstance(value, memoryview) else value
