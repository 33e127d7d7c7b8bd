"""The counted postings of a window, the input of every statistic.

A posting is counted if it is an original (not a duplicate) and its skills have been extracted. Its skills are
those that it asks for; one that it only mentions, in words about the company or the application, is kept apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.postings.schemas import UTC_DATETIME

#: `posted_at` is the effective time of posting; `dated` is false where that is only when the posting was first
#: seen, on `partition_date`. `location` is the first place, `locations` a JSON list of [location, country] where a
#: posting has several. `company_key` is the same for the postings of one employer. `country` is ISO 3166-1,
#: `seniority` of `schemas.SENIORITIES`, `occupation` of `occupations.known_occupations`, `language` ISO 639-1;
#: `salary` is the midpoint of the annual pay in the reporting currency. All but posting_id, source, posted_at,
#: dated and partition_date may be null.
WINDOW_POSTING = pl.Schema(
    {
        "posting_id": pl.Int64(),
        "source": pl.String(),
        "posted_at": UTC_DATETIME,
        "dated": pl.Boolean(),
        "partition_date": pl.Date(),
        "company_key": pl.Int64(),
        "location": pl.String(),
        "locations": pl.String(),
        "country": pl.String(),
        "industry": pl.String(),
        "employment_type": pl.String(),
        "workplace": pl.String(),
        "seniority": pl.String(),
        "occupation": pl.String(),
        "language": pl.String(),
        "salary": pl.Float64(),
    }
)


class OtherPostingsError(ValueError):
    """A table was counted over other postings than those of the window it is used with.

    Attributes:
        table: the name of that table.
    """

    def __init__(self, table: str) -> None:
        super().__init__(f"{table} was counted over other postings than those of the window")
        self.table = table


@dataclass(frozen=True)
class Window:
    """Counted postings, ordered by posting_id, with their skills as a compressed sparse row (CSR) matrix.

    Attributes:
        postings: one row a posting, schema `WINDOW_POSTING`.
        offsets: int64, one longer than `postings`; the skills of row i are
            `codes[offsets[i]:offsets[i + 1]]`, each at most once.
        codes: int32, positions in `skills`.
        skills: skill (text, unique, in ascending order of the name), category (text). It may hold skills
            that no posting has.
        weights: uint8, how strongly the posting asks for each entry of `codes` (`weights.Weight`), 0 where
            unknown; empty where unknown for all.
        mention_rows, mention_codes: int64 and int32, row of the posting and position of the skill for each skill
            that a posting mentions without asking for it.
    """

    postings: pl.DataFrame
    offsets: npt.NDArray[np.int64]
    codes: npt.NDArray[np.int32]
    skills: pl.DataFrame
    weights: npt.NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, dtype=np.uint8))
    mention_rows: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    mention_codes: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty(0, dtype=np.int32))

    def __len__(self) -> int:
        return self.postings.height

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """For each entry of `codes`, the row of its posting."""
        return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.offsets))

    def wanted(self, least: int) -> Window:
        """The same postings with only those of their skills whose weight is known and at least `least`."""
        weighed = len(self.weights) > 0
        keep = self.weights >= least if weighed else np.zeros(len(self.codes), dtype=bool)
        counts = np.bincount(self.rows[keep], minlength=len(self))
        return Window(
            postings=self.postings,
            offsets=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
            codes=self.codes[keep],
            skills=self.skills,
            weights=self.weights[keep] if weighed else self.weights,
        )

    def only(self, chosen: npt.NDArray[np.bool_]) -> Window:
        """The chosen postings with their skills; `chosen` has a value for each posting."""
        counts, rows = np.diff(self.offsets), self.rows
        keep, mentions = chosen[rows], chosen[self.mention_rows]
        new_row = np.cumsum(chosen) - 1
        return Window(
            postings=self.postings.filter(pl.Series(chosen)),
            offsets=np.concatenate(([0], np.cumsum(counts[chosen]))).astype(np.int64),
            codes=self.codes[keep],
            skills=self.skills,
            weights=self.weights[keep] if len(self.weights) else self.weights,
            mention_rows=new_row[self.mention_rows[mentions]],
            mention_codes=self.mention_codes[mentions],
        )

    def of_skill(self, skill: str) -> Window:
        """The same postings with no skill but one, which is the only one in `skills`; none if it isn't known."""
        position = self.skills["skill"].index_of(skill)
        keep = self.codes == (-1 if position is None else position)
        mentions = self.mention_codes == (-1 if position is None else position)
        return Window(
            postings=self.postings,
            offsets=np.concatenate(([0], np.cumsum(keep, dtype=np.int64)))[self.offsets],
            codes=np.zeros(int(keep.sum()), dtype=np.int32),
            skills=self.skills.filter(pl.col("skill") == skill),
            weights=self.weights[keep] if len(self.weights) else self.weights,
            mention_rows=self.mention_rows[mentions],
            mention_codes=np.zeros(int(mentions.sum()), dtype=np.int32),
        )


def places(window: Window) -> pl.DataFrame:
    """Each place of each posting: row (Int64, of the posting) and location (String), each pair once."""
    rows = window.postings.select("location", "locations", row=pl.int_range(pl.len()))
    single = rows.filter(pl.col("locations").is_null()).select("row", "location").drop_nulls()
    listed = pl.col("locations").str.json_decode(pl.List(pl.List(pl.String))).alias("location")
    several = rows.drop_nulls("locations").select("row", listed).explode("location")
    return pl.concat([single, several.select("row", pl.col("location").list.first()).unique(maintain_order=True)])


def window_start(as_of: datetime, days: int) -> datetime:
    """00:00 UTC of the day of `as_of`, less `days` days: where a window of that length begins."""
    return as_of.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days)
