"""Parts of the market: the postings of a window that have something in common, and what they are counted by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.statistics.window import Window


@dataclass(frozen=True)
class Segment:
    """What the postings of a part of the market have in common; None: anything.

    Attributes:
        country: ISO 3166-1.
        industry, seniority, workplace, occupation: as in `WINDOW_POSTING`.
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
        chosen = self.chosen(window)
        return window if chosen is None else window.only(chosen)

    def size_in(self, window: Window) -> int:
        """How many postings of a window are in the segment."""
        chosen = self.chosen(window)
        return len(window) if chosen is None else int(np.count_nonzero(chosen))

    def chosen(self, window: Window) -> npt.NDArray[np.bool_] | None:
        """Of each posting of a window, whether it is in the segment; None where all are."""
        equal = {name: value for name, value in vars(self).items() if name not in ("location", "since")}
        terms = [pl.col(name) == value for name, value in equal.items() if value is not None]
        if self.location is not None:
            several = _several_places(window).filter(pl.col("location") == self.location)["row"]
            single = pl.col("locations").is_null() & (pl.col("location") == self.location)
            terms.append(single | pl.int_range(pl.len()).is_in(several.implode()) if len(several) else single)
        if self.since is not None:
            terms.append(pl.col("posted_at") >= self.since)
        if not terms:
            return None
        inside = window.postings.select(pl.all_horizontal(term.fill_null(False) for term in terms))
        return inside.to_series().to_numpy()


def counts_by(window: Window, column: str) -> pl.DataFrame:
    """How many postings have each known value of a column, and how many of them ask for any skill of the window.

    A posting has each of its places as a location.

    Returns:
        The column, postings (asking ones, above 0), share (of all postings with the value); most postings first,
        ties by value.
    """
    asks = pl.Series("asks", window.sizes > 0)
    if column == "location":
        rows = places(window)
        rows = rows.with_columns(asks=asks.gather(rows["row"]))
    else:
        rows = window.postings.select(column, asks).drop_nulls(column)
    counts = rows.group_by(column).agg(postings=pl.col("asks").sum().cast(pl.Int64), share=pl.col("asks").mean())
    found = counts.filter(pl.col("postings") > 0).with_columns(pl.col(column).cast(pl.String))
    return found.sort("postings", column, descending=[True, False])


def places(window: Window) -> pl.DataFrame:
    """Each place of each posting: row (Int64, of the posting) and location (Categorical), each pair once."""
    rows = window.postings.select("location", row=pl.int_range(pl.len()), listed=pl.col("locations").is_not_null())
    single = rows.filter(~pl.col("listed")).select("row", "location").drop_nulls()
    return pl.concat([single, _several_places(window)])


def _several_places(window: Window) -> pl.DataFrame:
    """The rows of `places` about postings that state several."""
    rows = window.postings.select("locations", row=pl.int_range(pl.len())).drop_nulls("locations")
    listed = pl.col("locations").cast(pl.String).str.json_decode(pl.List(pl.List(pl.String))).alias("location")
    several = rows.select("row", listed).explode("location")
    found = several.select("row", pl.col("location").list.first().cast(pl.Categorical()))
    return found.unique(maintain_order=True)
