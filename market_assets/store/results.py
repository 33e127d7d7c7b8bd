"""Result tables: replaced whole in one transaction, verified before anything is swapped."""

from __future__ import annotations

import polars as pl
import sqlalchemy as sa

from market_assets.store.column_types import arrow_schema
from market_assets.store.connection import MarketConnection
from market_assets.store.database import StoreError
from market_assets.store.revisions import count_up_table
from market_assets.store.verification import problems_of


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
    key = table.info.get("key") or [column.name for column in table.primary_key]
    schema = arrow_schema(table)
    return connection.read(sa.select(*table.columns), schema).sort(key, nulls_last=False)
