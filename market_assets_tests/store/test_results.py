"""A result table is swapped whole or not at all, whatever happens in between."""

from __future__ import annotations

import signal

import polars as pl
import pytest

from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database, StoreError
from market_assets.store.results import InvariantError, read_table, replace_table
from market_assets.store.tables.columns import arrow_schema
from market_assets.store.tables.results import skill_demand, skill_pairs
from market_assets_tests.store.made_up_results import demand
from market_assets_tests.store.programs import program

#: Writes rows over the old ones and is killed before they are committed.
KILLED = """
    import os, signal, sys
    import polars as pl
    from market_assets.store.connection import MarketConnection
    from market_assets.store.database import Database
    from market_assets.store.results import replace_table
    from market_assets.store.tables.results import skill_pairs

    class Killed(MarketConnection):
        def append(self, table, frame):
            super().append(table, frame)
            print("written", self.scalar("SELECT count(*) FROM skill_pairs"))
            os.kill(os.getpid(), signal.SIGKILL)

    rows = pl.DataFrame({"skill_a": [f"{n:05}" for n in range(20_000)], "skill_b": "x", "co_occurrences": 1})
    rows = rows.cast({"co_occurrences": pl.Int64()})
    with Killed(Database(sys.argv[1])) as connection:
        replace_table(connection, skill_pairs, rows, expect_rows=True)
"""


def pairs(*names: str, count: int = 1) -> pl.DataFrame:
    rows = {"skill_a": names, "skill_b": ["zsh"] * len(names), "co_occurrences": [count] * len(names)}
    return pl.DataFrame(rows, schema=arrow_schema(skill_pairs))


OLD = pairs("Ada", "C")


@pytest.fixture
def filled(connection: MarketConnection) -> MarketConnection:
    replace_table(connection, skill_pairs, OLD, expect_rows=True)
    return connection


def stored(connection: MarketConnection) -> pl.DataFrame:
    with connection.transaction():
        return read_table(connection, skill_pairs)


def test_rows_are_swapped_whole(filled: MarketConnection) -> None:
    assert stored(filled).equals(OLD)
    replace_table(filled, skill_pairs, pairs("Kafka", "Go"), expect_rows=True)
    assert stored(filled).equals(pairs("Go", "Kafka"))
    replace_table(filled, skill_pairs, pairs(), expect_rows=False)
    assert stored(filled).equals(pairs())


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (pairs("Go", "Go"), "skill_pairs was not replaced: 1 rows repeat a key"),
        (pairs("Go", count=0), "co_occurrences is below 1 in 1 rows"),
        (pairs("Go").drop("skill_b"), "column skill_b is missing"),
        (pairs(), "it would be empty although postings count"),
        (pairs().drop("skill_b"), "column skill_b is missing; it would be empty"),
    ],
)
def test_a_broken_invariant_leaves_the_old_rows(
    filled: MarketConnection, rows: pl.DataFrame, problem: str
) -> None:
    with pytest.raises(InvariantError) as raised:
        replace_table(filled, skill_pairs, rows, expect_rows=True)
    assert problem in str(raised.value)
    assert stored(filled).equals(OLD)


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("demand_share", pl.lit(1.5), "demand_share is above 1.0"),
        ("min_salary", pl.lit(-1.0), "min_salary is below 0"),
        ("demand_share", pl.lit(float("nan")), "not a finite number"),
        ("skill", pl.lit(None, pl.String), "skill is empty"),
        ("rank", pl.lit("first"), "column rank holds String"),
    ],
)
def test_every_column_is_as_it_is_declared(
    connection: MarketConnection, column: str, value: pl.Expr, problem: str
) -> None:
    rows = demand({"skill": "a"})
    replace_table(connection, skill_demand, rows, expect_rows=True)
    with pytest.raises(InvariantError, match=problem):
        replace_table(connection, skill_demand, rows.with_columns(value.alias(column)), expect_rows=True)
    with connection.transaction():
        assert read_table(connection, skill_demand).equals(rows)


def test_an_insert_that_fails_in_the_middle_leaves_the_old_rows(filled: MarketConnection) -> None:
    with filled.transaction():
        filled.execute("DELETE FROM skill_pairs WHERE skill_a = 'C'")
        filled.execute("CREATE UNIQUE INDEX one_of_each ON skill_pairs (co_occurrences)")
    with pytest.raises(StoreError):
        replace_table(filled, skill_pairs, pairs("Go", "Kafka"), expect_rows=True)
    assert stored(filled).equals(pairs("Ada"))
    replace_table(filled, skill_pairs, pairs("Go"), expect_rows=True)
    assert stored(filled).equals(pairs("Go"))


def test_rows_that_the_database_drops_are_noticed(filled: MarketConnection) -> None:
    with filled.transaction():
        if filled.database.is_sqlite:
            filled.execute(
                "CREATE TRIGGER drops BEFORE INSERT ON skill_pairs WHEN NEW.skill_a = 'Go' "
                "BEGIN SELECT RAISE(IGNORE); END"
            )
        else:
            filled.execute(
                "CREATE FUNCTION dropped() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
            )
            filled.execute(
                "CREATE TRIGGER drops BEFORE INSERT ON skill_pairs FOR EACH ROW "
                "WHEN (NEW.skill_a = 'Go') EXECUTE FUNCTION dropped()"
            )
    with pytest.raises(InvariantError, match="2 rows were computed but 1 written"):
        replace_table(filled, skill_pairs, pairs("Go", "Kafka"), expect_rows=True)
    assert stored(filled).equals(OLD)


def test_a_process_killed_before_the_commit_leaves_the_old_rows(database: Database) -> None:
    with MarketConnection(database) as connection:
        replace_table(connection, skill_pairs, OLD, expect_rows=True)
    with program(KILLED, database.url.render_as_string(hide_password=False)) as killed:
        killed.expect("written 20000")
        assert killed.end() == -signal.SIGKILL
    with MarketConnection(database) as connection:
        assert stored(connection).equals(OLD)
        replace_table(connection, skill_pairs, pairs("Go"), expect_rows=True)
        assert stored(connection).equals(pairs("Go"))


def test_readers_see_the_old_rows_until_the_new_ones_are_whole(filled: MarketConnection) -> None:
    with MarketConnection(filled.database) as reader:
        with filled.transaction():
            filled.execute(skill_pairs.delete())
            filled.append(skill_pairs, pairs("Go"))
            assert stored(reader).equals(OLD)
        assert stored(reader).equals(pairs("Go"))


def test_tables_are_read_in_the_order_of_their_key(connection: MarketConnection) -> None:
    rows = demand({"skill": "b"}, {"skill": "a", "industry": "Retail"}, {"skill": "a"})
    replace_table(connection, skill_demand, rows, expect_rows=True)
    with connection.transaction():
        read = read_table(connection, skill_demand)
    assert read.select("skill", "industry").rows() == [("a", None), ("a", "Retail"), ("b", None)]
    assert read.equals(rows[[2, 1, 0]])
