"""Optimising gives space back and leaves every row as it was."""

from __future__ import annotations

import polars as pl
import sqlalchemy as sa

from market_assets.store.connection import MarketConnection, optimise
from market_assets.store.database import Database
from market_assets.store.results import read_table, replace_table
from market_assets.store.tables.columns import arrow_schema
from market_assets.store.tables.results import skill_pairs


def pairs(number: int) -> pl.DataFrame:
    rows = {"skill_a": [f"{n:06} {'long' * 20}" for n in range(number)], "skill_b": "zsh", "co_occurrences": 1}
    return pl.DataFrame(rows, schema=arrow_schema(skill_pairs))


def test_the_space_of_deleted_rows_is_given_back(database: Database) -> None:
    with MarketConnection(database) as connection:
        replace_table(connection, skill_pairs, pairs(20_000), expect_rows=True)
        replace_table(connection, skill_pairs, pairs(10), expect_rows=True)
        before, after = optimise(connection)
    assert 0 < after < before
    with MarketConnection(database) as connection:
        assert read_table(connection, skill_pairs).equals(pairs(10))


def test_the_planner_knows_the_tables(database: Database) -> None:
    with MarketConnection(database) as connection:
        replace_table(connection, skill_pairs, pairs(500), expect_rows=True)
        optimise(connection)
    known = (
        "SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'skill_pairs'"
        if database.is_sqlite
        else "SELECT count(*) FROM pg_stats WHERE tablename = 'skill_pairs'"
    )
    with MarketConnection(database) as connection:
        assert connection.scalar(known) > 0


def test_an_empty_database_can_be_optimised(database: Database) -> None:
    before, after = optimise(MarketConnection(database))
    assert min(before, after) > 0
    with MarketConnection(database) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(skill_pairs)) == 0
