"""The market store as a resource: one for each run, which holds the lock as long as the run needs it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from market_assets.operations.background import BoundedThreads
from market_assets.settings import Settings

if TYPE_CHECKING:
    import polars as pl

    from market_assets.sources.protocol import Source
    from market_assets.statistics.window import Window
    from market_assets.store.connection import MarketConnection
    from market_assets.store.facts import Counted
    from market_assets.store.landing import Landing

#: Sources that a run fetches at a time; a payload may have 100 MB.
FETCHED_AT_ONCE = 4


class MarketStore:
    """Everything that an asset reads from and writes to.

    Imports of the data path are made on first use, so that loading the code location stays cheap.
    """

    def __init__(
        self,
        settings: Settings,
        holder: str,
        log: dg.DagsterLogManager | None = None,
        sources: Sequence[Source] = (),
    ) -> None:
        from market_assets.store.database import Database
        from market_assets.store.lock import StoreLock

        self.settings = settings
        self.sources = sources
        self.database = Database(settings.market_url)
        self._lock = StoreLock(self.database, holder, notice=log.info if log else print)
        #: What the run fetches, by source: the days that were tried, and the end of it. A few sources at a time,
        #: so that memory has room for their payloads.
        self.fetches: dict[str, tuple[dict[date, Any], Future[None]]] = {}
        self.fetching = BoundedThreads(FETCHED_AT_ONCE)
        self._ready = False
        self._windows: dict[tuple[datetime, datetime, Counted], Window] = {}

    @property
    def landing(self) -> Landing:
        from market_assets.store.landing import Landing

        return Landing(self.settings.landing)

    def ingesting(self) -> AbstractContextManager[MarketConnection]:
        """A connection to write postings with, beside the ingestion of other days."""
        return self._open(exclusive=False)

    def alone(self) -> AbstractContextManager[MarketConnection]:
        """A connection to write with while nobody else writes."""
        return self._open(exclusive=True)

    @contextlib.contextmanager
    def reading(self) -> Iterator[MarketConnection]:
        """A connection to read with; it waits for nobody."""
        from market_assets.store.connection import MarketConnection

        self._make_ready()
        with MarketConnection(self.database) as connection:
            yield connection

    def window(self, connection: MarketConnection, start: datetime, end: datetime, counted: Counted) -> Window:
        """The counted postings of a window, read once while this run has the tables alone."""
        from market_assets.store.facts import read_window

        key = (start, end, counted)
        if key not in self._windows:
            self._windows[key] = read_window(connection, start, end, counted)
        return self._windows[key]

    def exchange_rates(self) -> pl.DataFrame:
        from market_assets.postings.salaries.currencies import load_exchange_rates

        return load_exchange_rates(self.settings.exchange_rates)

    def close(self) -> None:
        self.fetching.close()
        self._lock.release()
        self._windows.clear()

    @contextlib.contextmanager
    def _open(self, *, exclusive: bool) -> Iterator[MarketConnection]:
        from market_assets.store.connection import MarketConnection

        self._make_ready()
        taken_anew = self._lock.acquire(exclusive=exclusive)
        if taken_anew or not exclusive:
            self._windows.clear()
        with MarketConnection(self.database) as connection:
            yield connection

    def _make_ready(self) -> None:
        """Make an empty database, refuse one of another version; once in a run."""
        from market_assets.store.schema import ensure_current

        if not self._ready:
            ensure_current(self.database)
            self._ready = True


def store_resource(settings: Settings, sources: Sequence[Source]) -> dg.ResourceDefinition:
    """The store for a run; what it holds is let go when the run ends, however it ends."""

    @contextlib.contextmanager
    def open_store(context: dg.InitResourceContext) -> Iterator[MarketStore]:
        run = context.run
        holder = f"{run.job_name} run {run.run_id[:8]}" if run else "a program"
        store = MarketStore(settings, holder, context.log, sources)
        try:
            yield store
        finally:
            store.close()

    return dg.ResourceDefinition(open_store, description="The market database, landing area and lock")
