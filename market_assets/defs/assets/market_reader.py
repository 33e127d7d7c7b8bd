"""What assets read from the store: counted postings and result tables, as of the time that a run is about."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from market_assets.defs.resources import MarketStore
    from market_assets.skills.matching import SkillMatcher
    from market_assets.statistics.comparison import Comparison
    from market_assets.statistics.trends import WeeklyChanges
    from market_assets.statistics.window import Window
    from market_assets.store.connection import MarketConnection

#: trending_skills compares the last 30 days with the 60 before them.
TRENDING_DAYS = 90
#: How many postings are searched for skill candidates: reading texts is slow, and more of them show little new.
MOST_TEXTS = 20_000


class MarketReader:
    """Reads the inputs of result tables and of the report; every window ends at `as_of`.

    Attributes are named as the parameters of the functions that compute result tables.
    """

    def __init__(self, store: MarketStore, connection: MarketConnection, as_of: datetime) -> None:
        self._store = store
        self._settings = store.settings
        self.connection = connection
        self.as_of = as_of
        self.currency = store.settings.currency
        #: The least postings with pay of which averages and percentiles are published.
        self.min_sample = store.settings.min_sample

    @property
    def window_start(self) -> datetime:
        """Where the window that most tables are about begins, UTC."""
        return self._start_of(self._settings.window_days)

    @property
    def window(self) -> Window:
        """The counted postings of the window that most tables are about."""
        return self._between(self.window_start)

    @property
    def growth_window(self) -> Window:
        """The counted postings of the days that trending_skills compares."""
        return self._between(self._start_of(TRENDING_DAYS))

    @property
    def pay_trend_window(self) -> Window:
        """The counted postings of the months that pay trends cover, those archived since included."""
        return self._between(self._start_of(self._settings.trend_days), first_of_job=True)

    @property
    def history_window(self) -> Window:
        """The counted postings, those archived since included, from the first month on that is counted again."""
        from market_assets.statistics.history import first_to_count

        start = first_to_count(self.table("skill_history"), self.filled, self.as_of)
        return self._between(start, first_of_job=True)

    def weekly_changes(self, sources: Collection[str]) -> WeeklyChanges:
        """What changed within the last week, in these sources."""
        from market_assets.statistics.trends import WEEK, weekly_changes

        return weekly_changes(self._between(self.as_of - 2 * WEEK), self.as_of, sources)

    @cached_property
    def compared(self) -> Comparison:
        """The sources whose postings can be compared over time."""
        from market_assets.statistics.comparison import comparison

        boards = {source.name for source in self._store.sources if source.kind == "board"}
        return comparison(self.growth_window, self.as_of, boards)

    @cached_property
    def filled(self) -> pl.DataFrame:
        """month, postings: how many the daily partitions of each month have ingested; with months of posting."""
        from market_assets.store.posting_queries import read_filled_months

        return read_filled_months(self.connection)

    @property
    def read(self) -> Callable[[], Iterator[pl.DataFrame]]:
        """Reads posting_id, title and description of the newest counted postings of the window, in batches."""
        from market_assets.store.posting_skills import read_newest_texts

        return lambda: read_newest_texts(self.connection, self.window_start, self.as_of, MOST_TEXTS)

    @property
    def matcher(self) -> SkillMatcher:
        """Finds the skills of the taxonomy in texts."""
        from market_assets.skills.matching import skill_matcher
        from market_assets.skills.taxonomy import load_taxonomy

        return skill_matcher(load_taxonomy(self._settings.taxonomy))

    def table(self, name: str) -> pl.DataFrame:
        """A result table as it is in the store."""
        from market_assets.store.results import read_table
        from market_assets.store.tables.catalog import metadata

        return read_table(self.connection, metadata.tables[name])

    def count(self, name: str) -> int:
        """How many rows a result table has."""
        from market_assets.store.results import count_rows
        from market_assets.store.tables.catalog import metadata

        return count_rows(self.connection, metadata.tables[name])

    @property
    def duplicates(self) -> int:
        """How many postings of the window are not counted because they are another's duplicates."""
        from market_assets.store.posting_queries import count_duplicates

        return count_duplicates(self.connection, self.window_start, self.as_of)

    @property
    def rejections(self) -> pl.DataFrame:
        """reason, postings: what was rejected on the days of the window."""
        from market_assets.store.posting_queries import read_rejections

        return read_rejections(self.connection, self.window_start, self.as_of)

    @property
    def sources(self) -> pl.DataFrame:
        """source, postings, duplicates: what each source gave in the window."""
        from market_assets.store.posting_queries import read_sources

        return read_sources(self.connection, self.window_start, self.as_of)

    def _start_of(self, days: int) -> datetime:
        from market_assets.statistics.window import window_start

        return window_start(self.as_of, days)

    def _between(self, start: datetime, *, first_of_job: bool = False) -> Window:
        from market_assets.store.facts import Counted

        counted = Counted.FIRST_OF_JOB if first_of_job else Counted.ORIGINALS
        return self._store.window(self.connection, start, self.as_of, counted)
