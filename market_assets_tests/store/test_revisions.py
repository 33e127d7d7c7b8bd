"""A table's revision changes with every replacement of that table, and with nothing else."""

from __future__ import annotations

import polars as pl
import pytest

from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database
from market_assets.store.results import InvariantError, replace_table
from market_assets.store.revisions import count_up_postings, read_table_revisions
from market_assets.store.tables.columns import arrow_schema
from market_assets.store.tables.results import location_salaries, skill_pairs

PAIR = pl.DataFrame({"skill_a": ["A"], "skill_b": ["B"], "co_occurrences": [3]}, schema=arrow_schema(skill_pairs))


def revisions(database: Database) -> dict[str, int]:
    with database.engine().connect() as connection:
        return read_table_revisions(connection, skill_pairs, location_salaries)


def test_a_replaced_table_counts_up_and_no_other_does(database: Database) -> None:
    assert revisions(database) == {"skill_pairs": 0, "location_salaries": 0}
    for expected in (1, 2):
        with MarketConnection(database) as connection:
            replace_table(connection, skill_pairs, PAIR, expect_rows=True)
        assert revisions(database) == {"skill_pairs": expected, "location_salaries": 0}


def test_a_refused_replacement_counts_nothing(database: Database) -> None:
    with MarketConnection(database) as connection, pytest.raises(InvariantError):
        replace_table(connection, skill_pairs, pl.concat([PAIR, PAIR]), expect_rows=True)
    assert revisions(database)["skill_pairs"] == 0


def test_postings_do_not_touch_the_tables_numbers(database: Database) -> None:
    with MarketConnection(database) as connection:
        replace_table(connection, skill_pairs, PAIR, expect_rows=True)
        with connection.transaction():
            count_up_postings(connection)
        assert connection.scalar("SELECT revision FROM data_revision WHERE id = 1") == 1
    assert revisions(database)["skill_pairs"] == 1


def test_the_pooled_engine_is_one_and_works_again_after_dispose(database: Database) -> None:
    engine = database.pooled_engine()
    assert database.pooled_engine() is engine
    for _ in range(2):
        with engine.connect() as connection:
            assert read_table_revisions(connection, skill_pairs) == {"skill_pairs": 0}
        engine.dispose()
