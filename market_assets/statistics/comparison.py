"""Which sources can be compared over time: the last 30 days with the 60 before.

A change of what was collected is no change of the market. So a source takes part only if it delivered all through
both periods, by the days of posting that it states, and not five times as much in one as in the other.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.statistics.window import Window, window_start

RECENT_DAYS = 30
PREVIOUS_DAYS = 60
#: A source delivered in a period if each part of it, of this many days, has a posting.
PART_DAYS = 10
#: A source that delivers so many times as much a day as before, or as little, delivers something else.
MOST_CHANGE = 5
_PARTS = (PREVIOUS_DAYS + RECENT_DAYS) // PART_DAYS


@dataclass(frozen=True)
class Comparison:
    """The periods that are compared, and the sources.

    Attributes:
        as_of: where the recent period ends, that instant included.
        boundary: where it begins, and the previous period ends without that instant.
        start: where the previous period begins.
        sources: those that delivered in both, by name; empty where nothing can be compared.
        left_out: the other sources with postings in either, and the reason of each.
    """

    as_of: datetime
    boundary: datetime
    start: datetime
    sources: tuple[str, ...]
    left_out: dict[str, str]

    def periods(self, window: Window) -> npt.NDArray[np.int8]:
        """For each posting: 1 recent, 0 previous, −1 neither, or not to be compared."""
        posted = pl.col("posted_at")
        period = (
            pl.when(posted.is_between(self.boundary, self.as_of))
            .then(1)
            .when((posted >= self.start) & (posted < self.boundary))
            .then(0)
        )
        compared = pl.col("source").is_in(self.sources) & pl.col("dated")
        chosen = pl.when(compared).then(period).fill_null(-1) if self.sources else period.fill_null(-1)
        return window.postings.select(chosen.cast(pl.Int8)).to_series().to_numpy()


def comparison(window: Window, as_of: datetime, only_open: Collection[str] = ()) -> Comparison:
    """Which sources of a window can be compared.

    Args:
        window: counted postings that reach back 90 days.
        as_of: the time of the refresh, UTC. Recent is from 00:00 UTC of its day less 30 days up to as_of, previous
            the 60 days before.
        only_open: sources that list nothing but the jobs that are open. What they listed when they were first
            fetched is what was left of earlier days, so they count from then on.
    """
    boundary = window_start(as_of, RECENT_DAYS)
    start = boundary - timedelta(days=PREVIOUS_DAYS)
    sources: list[str] = []
    left_out: dict[str, str] = {}
    inside = window.postings.lazy().filter(pl.col("posted_at").is_between(start, as_of))
    part = ((pl.col("posted_at") - start).dt.total_days() // PART_DAYS).clip(upper_bound=_PARTS - 1)
    parts = inside.group_by("source", "dated", part.alias("part")).agg(
        postings=pl.len(), first_seen=pl.col("partition_date").min()
    )
    for (name,), of_source in parts.collect().group_by("source"):
        source = str(name)
        if reason := _reason(of_source, start, is_only_open=source in only_open):
            left_out[source] = reason
        else:
            sources.append(source)
    return Comparison(as_of, boundary, start, tuple(sorted(sources)), dict(sorted(left_out.items())))


def _reason(parts: pl.DataFrame, start: datetime, *, is_only_open: bool) -> str | None:
    """Why a source can't be compared, given its postings by part since `start`; None if it can."""
    dated = parts.filter("dated")
    if dated.is_empty():
        return "its postings have no dates"
    followed_from: date = parts["first_seen"].min()  # type: ignore[assignment]
    if is_only_open and followed_from >= start.date() + timedelta(days=PART_DAYS):
        return f"it is followed since {followed_from} only"
    counts = np.bincount(dated["part"], dated["postings"], _PARTS)
    if (counts == 0).any():
        first = start.date() + timedelta(days=int(counts.argmin()) * PART_DAYS)
        return f"no postings from {first} to {first + timedelta(days=PART_DAYS - 1)}"
    previous, recent = counts[: PREVIOUS_DAYS // PART_DAYS].mean(), counts[PREVIOUS_DAYS // PART_DAYS :].mean()
    if max(recent / previous, previous / recent) > MOST_CHANGE:
        return f"it gave {previous / PART_DAYS:.2g} postings a day before, {recent / PART_DAYS:.2g} in the last 30"
    return None
