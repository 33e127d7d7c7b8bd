"""The counted postings as narrow columns: the one input of every statistic and relationship.

Only what counts is in here: originals (no duplicates) whose skills have been extracted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.postings.schemas import UTC_DATETIME

#: `posted_at` is the effective time of posting, `salary` the midpoint of the annual pay in the
#: reporting currency; `workplace`, `industry`, `location` and `employment_type` are null where unknown.
WINDOW_POSTING = pl.Schema(
    {
        "posting_id": pl.Int64(),
        "source": pl.String(),
        "posted_at": UTC_DATETIME,
        "location": pl.String(),
        "industry": pl.String(),
        "employment_type": pl.String(),
        "workplace": pl.String(),
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
    """Counted postings, ordered by posting_id, with their skills in compressed sparse rows.

    Attributes:
        postings: one row a posting, schema `WINDOW_POSTING`.
        offsets: int64, one longer than `postings`; the skills of row i are
            `codes[offsets[i]:offsets[i + 1]]`, each at most once.
        codes: int32, positions in `skills`.
        skills: skill (text, unique, in ascending order of the name), category (text). It may hold skills
            that no posting has.
        weights: uint8, how much each entry of `codes` is wanted (`mentions.Weight`), 0 where it has not been
            weighed; empty where nothing has.
    """

    postings: pl.DataFrame
    offsets: npt.NDArray[np.int64]
    codes: npt.NDArray[np.int32]
    skills: pl.DataFrame
    weights: npt.NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, dtype=np.uint8))

    def __len__(self) -> int:
        return self.postings.height

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """For each entry of `codes`, the row of its posting."""
        return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.offsets))

    def between(self, start: datetime, end: datetime) -> Window:
        """The postings with start ≤ posted_at ≤ end."""
        posted = self.postings["posted_at"]
        keep = ((posted >= start) & (posted <= end)).to_numpy()
        if keep.all():
            return self
        lengths = np.diff(self.offsets)
        entries = np.repeat(keep, lengths)
        return Window(
            postings=self.postings.filter(pl.Series(keep)),
            offsets=np.concatenate(([0], np.cumsum(lengths[keep]))).astype(np.int64),
            codes=self.codes[entries],
            skills=self.skills,
            weights=self.weights[entries] if len(self.weights) else self.weights,
        )

    def wanted(self, least: int) -> Window:
        """The same postings with those of their skills alone that are known to weigh as much."""
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


def window_start(as_of: datetime, days: int) -> datetime:
    """00:00 UTC of the day of `as_of`, less `days` days: where a window of that length begins."""
    return as_of.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days)
