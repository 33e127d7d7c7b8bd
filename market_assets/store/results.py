"""Result tables: replaced whole in one transaction, verified before anything is swapped."""

from __future__ import annotations

from typing import Any

import polars as pl
import sqlalchemy as sa

from market_assets.store.connection import MarketConnection
from market_assets.store.database import StoreError
from market_assets.store.revisions import count_up_table
from market_assets.store.tables.columns import arrow_schema, unique_keys


class InvariantError(StoreError):
    """A table that was about to be written breaks what must hold; nothing was swapped."""

    def __init__(self, table: str, problems: list[str]) -> None:
        super().__init__(f"{table} was not replaced: " + "; ".join(problems))
        self.problems = problems


def replace_table(connection: MarketConnection, table: sa.Table, rows: pl.DataFrame, *, expect_rows: bool) -> None:
    """Swap a result table's rows for new ones, whole or not at all.

    Args:
        connection: where the table is.
        table: one of `store.tables.results`.
        rows: the columns of the table, with their types.
        expect_rows: whether the input was such that an empty result must be a mistake.

    Raises:
        InvariantError: the rows break what the table's declaration promises; the old rows stay.
        StoreError: the database failed; the old rows stay.
    """
    with connection.transaction():
        connection.execute(table.delete())
        problems = problems_of(table, rows)
        if expect_rows and rows.is_empty():
            problems.append("it would be empty although postings count")
        if problems:
            raise InvariantError(table.name, problems)
        connection.append(table, rows)
        count_up_table(connection, table)
        written = count_rows(connection, table)
        if written != rows.height:
            raise InvariantError(table.name, [f"{rows.height} rows were computed but {written} written"])


def count_rows(connection: MarketConnection, table: sa.Table) -> int:
    """How many rows a table has."""
    return int(connection.scalar(sa.select(sa.func.count()).select_from(table)))


def read_table(connection: MarketConnection, table: sa.Table) -> pl.DataFrame:
    """All rows of a table, ordered by its key."""
    schema = arrow_schema(table)
    return connection.read(sa.select(*table.columns), schema).sort(unique_keys(table)[0], nulls_last=False)


def problems_of(table: sa.Table, rows: pl.DataFrame) -> list[str]:
    """Everything that is wrong with rows for a table, in words: columns, types, nulls, ranges, keys."""
    expected = arrow_schema(table)
    missing = [name for name in expected if name not in rows.columns]
    if missing:
        return [f"column {name} is missing" for name in missing]
    problems = [
        f"column {name} holds {rows.schema[name]} instead of {dtype}"
        for name, dtype in expected.items()
        if rows.schema[name] != dtype
    ]
    if problems or rows.is_empty():
        return problems
    for column in table.columns:
        problems.extend(_column_problems(column, rows[column.name]))
    return problems + _key_problems(table, rows)


def _column_problems(column: sa.Column[Any], values: pl.Series) -> list[str]:
    problems = []
    if not column.nullable and values.null_count():
        problems.append(f"{column.name} is empty in {values.null_count()} rows")
    if values.dtype.is_float() and (bad := int((~values.drop_nulls().is_finite()).sum())):
        problems.append(f"{column.name} is not a finite number in {bad} rows")
    minimum, maximum = column.info.get("minimum"), column.info.get("maximum")
    if minimum is not None and (below := int((values < minimum).sum())):
        problems.append(f"{column.name} is below {minimum} in {below} rows")
    if maximum is not None and (above := int((values > maximum).sum())):
        problems.append(f"{column.name} is above {maximum} in {above} rows")
    if choices := column.info.get("choices"):
        unknown = values.drop_nulls().filter(~values.drop_nulls().is_in(list(choices))).unique().sort()
        problems.extend(f"{column.name} has the unknown value {value!r}" for value in unknown.head(3))
    return problems


def _key_problems(table: sa.Table, rows: pl.DataFrame) -> list[str]:
    key = unique_keys(table)[0]
    repeated = rows.height - rows.select(key).n_unique()
    return [f"{repeated} rows repeat a key ({', '.join(key)})"] if repeated else []
