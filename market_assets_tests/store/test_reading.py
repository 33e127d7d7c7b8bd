"""The web process reads the same counted postings over SQLAlchemy as refreshes do over ADBC."""

from __future__ import annotations

import polars as pl
import pytest
import sqlalchemy as sa
from polars.testing import assert_frame_equal

from market_assets.store import reading
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database
from market_assets.store.facts import read_window
from market_assets.store.reading import PooledReader
from market_assets_tests.statistics.markets import AS_OF, TODAY, random_market
from market_assets_tests.web.explorer.made_up_store import fill_store, weighed


@pytest.mark.parametrize("batch", [7, 50_000])
def test_both_read_the_same_window(database: Database, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_BATCH", batch)
    market = random_market(3, postings=100, skills=20, categories=3)
    fill_store(database, market, weighed(market))
    start = TODAY.replace(month=1)
    # One after the other: two SQLite libraries must not have the file open at once.
    with MarketConnection(database) as connection:
        expected = read_window(connection, start, AS_OF)
    with database.pooled_engine().connect() as connection:
        found = read_window(PooledReader(database, connection), start, AS_OF)
        nothing = read_window(PooledReader(database, connection), start, start)
    database.pooled_engine().dispose()
    assert 20 < len(found) < 100 and len(nothing) == 0
    assert_frame_equal(found.postings, expected.postings)
    assert_frame_equal(found.skills, expected.skills)
    for name in ("offsets", "codes", "weights", "mention_rows", "mention_codes"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        assert (ours.dtype, ours.tolist()) == (theirs.dtype, theirs.tolist()), name


def test_a_percent_sign_is_no_parameter(database: Database) -> None:
    query = sa.select(sa.literal("100 % :x %s").label("text"), (sa.literal(7) % 4).label("rest"))
    with database.pooled_engine().connect() as connection:
        found = PooledReader(database, connection).read(
            query, pl.Schema({"text": pl.String(), "rest": pl.Int64()})
        )
    database.pooled_engine().dispose()
    assert found.rows() == [("100 % :x %s", 3)]
