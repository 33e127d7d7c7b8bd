"""The counted postings of the newest refresh in memory, for figures of any part of the market."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from anyio import CapacityLimiter

from market_assets.store.database import Database
from market_assets.store.posting_queries import read_companies
from market_assets.web.market.requests import Names
from market_assets.web.market.snapshot import MarketSnapshot, consistent_connection

if TYPE_CHECKING:
    from market_assets.statistics.segments import Segment
    from market_assets.statistics.window import Window

#: Results that are kept; each has a row for each skill at most.
MOST_FIGURES = 64
#: The columns of few values by which parts of the market are counted.
_CODED = ("source", "industry", "country", "seniority", "occupation")


@dataclass(frozen=True)
class Companies:
    """The employers of the counted postings.

    Attributes:
        by_key: company_key and company, the name that the employer's newest posting states.
    """

    by_key: pl.DataFrame

    @cached_property
    def names(self) -> Names:
        return Names(self.by_key["company"])


class CountedPostings:
    """The window that the result tables were counted over, read when it is first asked for after a refresh.

    Not for the event loop: a million postings take seconds to read. Its methods raise ApiError (404, nothing has
    been counted yet) and SQLAlchemyError (the store can't be read).

    Attributes:
        threads: those in which figures are counted, few at once: while the postings are read, callers wait for
            them, and must not take the threads by which everything else is answered.
    """

    def __init__(self, database: Database, data_dir: Path) -> None:
        """Read those of a database, with the files that a refresh keeps in the data folder."""
        self.threads = CapacityLimiter(4)
        self._database = database
        self._data_dir = data_dir
        self._lock = threading.RLock()
        self._state: object = None
        self._window: Window | None = None
        self._companies: Companies | None = None
        self._figures: dict[tuple[Any, Segment, int], pl.DataFrame] = {}

    def counted(
        self,
        market: MarketSnapshot,
        segment: Segment,
        count: Callable[[Window, int], pl.DataFrame],
        min_sample: int,
    ) -> pl.DataFrame:
        """What a function counts in a segment of these postings, given them and `min_sample`.

        The last results are kept, for whoever sorts, pages or downloads the same view.
        """
        with self._lock:
            window, figures = self.window(market), self._figures
        key = (count, segment, min_sample)
        found = figures.get(key)
        if found is None:
            found = count(segment.postings_of(window), min_sample)
            with self._lock:
                if len(figures) >= MOST_FIGURES:
                    del figures[next(iter(figures))]
                figures[key] = found
        return found

    def window(self, market: MarketSnapshot) -> Window:
        """The counted postings of the refresh that a snapshot shows."""
        with self._lock:
            self._keep_only(market)
            if self._window is None:
                self._window = self._read(market)
            return self._window

    def companies(self, market: MarketSnapshot) -> Companies:
        """The employers of these postings."""
        with self._lock:
            window = self.window(market)
            if self._companies is None:
                newest = (
                    window.postings.drop_nulls("company_key")
                    .sort("posted_at", "posting_id")
                    .group_by("company_key")
                    .agg(pl.col("posting_id").last())
                )
                with self._database.pooled_engine().connect() as connection:
                    names = read_companies(connection, newest["posting_id"].to_list())
                stated = newest["posting_id"].replace_strict(names, default=None, return_dtype=pl.String)
                found = newest.select("company_key", company=stated).drop_nulls()
                self._companies = Companies(found)
            return self._companies

    def _keep_only(self, market: MarketSnapshot) -> None:
        state = (*market.bounds, market.revision)
        if state != self._state:
            # Never two windows in memory.
            self._state, self._window, self._companies, self._figures = state, None, None, {}

    def _read(self, market: MarketSnapshot) -> Window:
        from market_assets.store.facts import Counted, fact_files, read_counted
        from market_assets.store.reading import PooledReader

        start, as_of = market.bounds
        files = fact_files(self._database, self._data_dir)
        with consistent_connection(self._database.pooled_engine()) as connection:
            read = read_counted(PooledReader(self._database, connection), start, as_of, files)
        window = read.since(start, Counted.ORIGINALS)
        # Put in order once: every part of the market is cut out of that order.
        _ = window.by_salary, window.employers, [window.coded(column) for column in _CODED]
        return window
