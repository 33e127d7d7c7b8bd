"""The counted postings in memory: read from files where a refresh left some, counted once for each view."""

from __future__ import annotations

from pathlib import Path

import anyio
import numpy as np
import polars as pl
import pytest

from market_assets.statistics.segments import Segment
from market_assets.statistics.window import Window
from market_assets.store.database import Database
from market_assets.store.window_files import WindowFiles
from market_assets.web.market import counted_postings
from market_assets.web.market.counted_postings import CountedPostings
from market_assets.web.market.snapshot import MarketSnapshot, SnapshotCache
from market_assets_tests.statistics.markets import AS_OF, random_market
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


def test_files_of_the_refresh_are_read_in_place_of_the_database(store: Database, tmp_path: Path) -> None:
    market = newest(store)
    whole = CountedPostings(store, tmp_path).window(market)
    fewer = whole.only(np.arange(len(whole)) < 10)
    files = WindowFiles(tmp_path, store)
    files.write(AS_OF, market.revision + 1, fewer)
    assert len(CountedPostings(store, tmp_path).window(market)) == len(whole) > 20, "they are of another refresh"
    files.write(AS_OF, market.revision, fewer)
    assert CountedPostings(store, tmp_path).window(market).postings.equals(fewer.postings)
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
