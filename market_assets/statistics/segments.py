"""Parts of the market: the postings of a window in a country, an industry, a place and so on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from market_assets.statistics.window import Window, places


@dataclass(frozen=True)
class Segment:
    """What the postings of a part of the market have in common; None: anything.

    Attributes:
        country: ISO 3166-1.
        industry, seniority, workplace, occupation: as in `window.WINDOW_POSTING`.
        location: one of the posting's places.
        company_key: of one employer.
        since: posted then or later, UTC.
    """

    country: str | None = None
    industry: str | None = None
    location: str | None = None
    seniority: str | None = None
    workplace: str | None = None
    occupation: str | None = None
    company_key: int | None = None
    since: datetime | None = None

    def postings_of(self, window: Window) -> Window:
        """The postings of a window that are in the segment, with their skills."""
        names = ("country", "industry", "seniority", "workplace", "occupation", "company_key")
        equal = {name: value for name in names if (value := getattr(self, name)) is not None}
        terms = [pl.col(name) == value for name, value in equal.items()]
        if self.location is not None:
            there = places(window).filter(pl.col("location") == self.location)["row"]
            terms.append(pl.int_range(pl.len()).is_in(there.implode()))
        if self.since is not None:
            terms.append(pl.col("posted_at") >= self.since)
        if not terms:
            return window
        inside = window.postings.select(pl.all_horizontal(term.fill_null(False) for term in terms))
        return window.only(inside.to_series().to_numpy())


def asking(window: Window) -> Window:
    """The postings of a window that ask for any skill of it; after `Window.of_skill`, for that one."""
    return window.only(np.diff(window.offsets) > 0)


def counts_by(window: Window, column: str) -> pl.DataFrame:
    """How many postings have each known value of a column, and how many of them ask for any skill of the window.

    A posting has each of its places as a location.

    Returns:
        The column, postings (asking ones, above 0), share (of all postings with the value); most postings first,
        ties by value.
    """
    asks = pl.Series("asks", np.diff(window.offsets) > 0)
    if column == "location":
        rows = places(window)
        rows = rows.with_columns(asks=asks.gather(rows["row"]))
    else:
        rows = window.postings.select(column, asks).drop_nulls(column)
    counts = rows.group_by(column).agg(postings=pl.col("asks").sum().cast(pl.Int64), share=pl.col("asks").mean())
    return counts.filter(pl.col("postings") > 0).sort("postings", column, descending=[True, False])
