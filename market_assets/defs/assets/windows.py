"""The counted postings of each window of a run, all windows ending at one time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl
    import sqlalchemy as sa

    from market_assets.defs.resources import MarketStore
    from market_assets.skills.matching import SkillMatcher
    from market_assets.statistics.window import Facts
    from market_assets.store.connection import MarketConnection

#: trending_skills compares the last 30 days with the 60 before them.
TRENDING_DAYS = 90


class Market:
    """Reads what statistics are computed from; every window ends at `as_of`."""

    def __init__(self, store: MarketStore, connection: MarketConnection, as_of: datetime) -> None:
        self._store = store
        self._connection = connection
        self.as_of = as_of

    @property
    def currency(self) -> str:
        return self._store.settings.currency

    def start_of(self, days: int) -> datetime:
        from market_assets.statistics.window import window_start

        return window_start(self.as_of, days)

    @property
    def window_start(self) -> datetime:
        return self.start_of(self._store.settings.window_days)

    @cached_property
    def window(self) -> Facts:
        """The postings of the window that most tables are about."""
        from market_assets.store.facts import Counted

        return self._store.facts(self._connection, self.window_start, self.as_of, Counted.ORIGINALS)

    @cached_property
    def trending(self) -> Facts:
        """The postings of the days that growth compares."""
        from market_assets.store.facts import Counted

        return self._store.facts(self._connection, self.start_of(TRENDING_DAYS), self.as_of, Counted.ORIGINALS)

    @cached_property
    def history(self) -> Facts:
        """The postings of the trend window, those included that have been archived since."""
        from market_assets.store.facts import Counted

        start = self.start_of(self._store.settings.trend_days)
        return self._store.facts(self._connection, start, self.as_of, Counted.FIRST_OF_JOB)

    def newest_texts(self, most: int) -> Iterator[pl.DataFrame]:
        """posting_id, title and description of the newest counted postings of the window, in batches."""
        from market_assets.store.posting_skills import read_newest_texts

        return read_newest_texts(self._connection, self.window_start, self.as_of, most)

    @cached_property
    def matcher(self) -> SkillMatcher:
        """Finds the skills of the taxonomy in texts."""
        from market_assets.skills.matching import skill_matcher
        from market_assets.skills.taxonomy import load_taxonomy

        return skill_matcher(load_taxonomy(self._store.settings.taxonomy))

    def table(self, table: sa.Table) -> pl.DataFrame:
        """A result table as it is in the store."""
        from market_assets.store.results import read_table

        return read_table(self._connection, table)

    def count(self, table: sa.Table) -> int:
        """How many rows a result table has."""
        from market_assets.store.results import count_rows

        return count_rows(self._connection, table)

    def duplicates(self) -> int:
        """Postings of the window that do not count because they are another's duplicates."""
        from market_assets.store.quality import count_duplicates

        return count_duplicates(self._connection, self.window_start, self.as_of)

    def rejections(self) -> pl.DataFrame:
        """reason, postings: what was rejected on the days of the window."""
        from market_assets.store.quality import read_rejections

        return read_rejections(self._connection, self.window_start, self.as_of)

    def sources(self) -> pl.DataFrame:
        """source, postings, duplicates: what each source gave in the window."""
        from market_assets.store.quality import read_sources

        return read_sources(self._connection, self.window_start, self.as_of)
