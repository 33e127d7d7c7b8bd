"""The counted postings of the newest refresh in memory, for figures of any part of the market."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import TYPE_CHECKING

from market_assets.store.database import Database
from market_assets.web.market.snapshot import consistent_connection

if TYPE_CHECKING:
    from market_assets.statistics.window import Window


class CountedPostings:
    """The window that the result tables were counted over, read when it is first asked for after a refresh."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._held: tuple[tuple[datetime, datetime, int], Window] | None = None

    def window(self, start: datetime, end: datetime, revision: int) -> Window:
        """The counted postings between the bounds of the newest refresh, whose tables have a revision.

        Not for the event loop: a million postings take seconds to read.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the store can't be read.
        """
        wanted = start, end, revision
        with self._lock:
            if self._held is None or self._held[0] != wanted:
                # Never two in memory.
                self._held = None
                self._held = wanted, self._read(start, end)
            return self._held[1]

    def _read(self, start: datetime, end: datetime) -> Window:
        from market_assets.store.facts import read_window
        from market_assets.store.reading import PooledReader

        with consistent_connection(self._database.pooled_engine()) as connection:
            return read_window(PooledReader(self._database, connection), start, end)
