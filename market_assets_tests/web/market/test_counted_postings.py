"""The counted postings in memory: counted once for each view."""

from __future__ import annotations

from pathlib import Path

import anyio
import polars as pl
import pytest

from market_assets.statistics.segments import Segment
from market_assets.statistics.window import Window
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database
from market_assets.store.facts import fact_files, read_window
from market_assets.store.revisions import count_up_table
from market_assets.store.tables.results import market_summary
from market_assets.web.market import counted_postings
from market_assets.web.market.counted_postings import CountedPostings
from market_assets.web.market.snapshot import MarketSnapshot, SnapshotCache
from market_assets_tests.statistics.markets import random_market
from market_assets_tests.web.explorer.made_up_store import fill_store, weighed
from market_assets_tests.web.market_tables import fill

US, ALL = Segment(country="US"), Segment()


@pytest.fixture
def store(database: Database) -> Database:
    market = random_market(5, postings=200, skills=10, categories=2)
    fill_store(database, market, weighed(market))
    return database


def newest(database: Database) -> MarketSnapshot:
    return anyio.run(SnapshotCache(database).current)


def test_a_part_of_the_market_is_counted_from_all_its_postings(store: Database, tmp_path: Path) -> None:
    market = newest(store)
    start, as_of = market.bounds
    with MarketConnection(store) as connection:
        expected = read_window(connection, start, as_of)
    for _ in range(2):
        read = CountedPostings(store, tmp_path).window(market)
        assert read.postings.equals(expected.postings) and len(read) > 20
        assert read.codes.tolist() == expected.codes.tolist()
        assert any(fact_files(store, tmp_path).iterdir())
    store.pooled_engine().dispose()


def test_a_view_is_counted_once_until_the_next_refresh(
    store: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counted_postings, "MOST_FIGURES", 2)
    counted: list[int] = []

    def count(window: Window, min_sample: int) -> pl.DataFrame:
        counted.append(len(window))
        return pl.DataFrame({"postings": [len(window)], "least": [min_sample]})

    postings, market = CountedPostings(store, tmp_path), newest(store)
    for _ in range(2):
        found = [postings.counted(market, segment, count, 5).row(0) for segment in (US, ALL)]
    assert len(counted) == 2 and 0 < counted[0] < counted[1] and found == [(size, 5) for size in counted]
    assert postings.counted(market, US, count, 6).row(0) == (counted[0], 6)
    # The oldest went, since no more are kept.
    postings.counted(market, US, count, 5)
    assert counted == [counted[0], counted[1], counted[0], counted[0]]
    store.pooled_engine().dispose()
    fill(store)
    assert postings.counted(newest(store), US, count, 5).height == 1 and len(counted) == 5
    store.pooled_engine().dispose()


def test_a_refresh_for_the_same_time_is_another_one(store: Database, tmp_path: Path) -> None:
    postings = CountedPostings(store, tmp_path)
    before = postings.window(newest(store))
    assert postings.window(newest(store)) is before
    with store.pooled_engine().begin() as connection:
        count_up_table(connection, market_summary)
    assert postings.window(newest(store)) is not before
    store.pooled_engine().dispose()
