"""Figures of pay as they may be published: of large enough samples only, with the interval of the median."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import floor, sqrt

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.statistics.groups import GroupedValues, SkillGroups, group_values, known_or_null, salaries
from market_assets.statistics.significance import Z95
from market_assets.statistics.window import Window

#: Up to this many salaries the ranks of the interval are exact, above they come from the normal distribution.
_EXACT_RANKS = 500

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PublishedPay:
    """The salaries of groups; averages, percentiles and intervals of fewer than `min_sample` of them are null.

    Figures are Float64 columns, one a group.
    """

    salaries: GroupedValues
    min_sample: int

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """The number of salaries of each group."""
        return self.salaries.counts

    def average(self) -> pl.Series:
        return self._published(self.salaries.mean())

    def quantile(self, q: float) -> pl.Series:
        """The q-quantile, with linear interpolation."""
        return self._published(self.salaries.quantile(q))

    def minimum(self) -> pl.Series:
        """The lowest salary, of a sample of any size."""
        return known_or_null(self.salaries.minimum())

    def maximum(self) -> pl.Series:
        """The highest salary, of a sample of any size."""
        return known_or_null(self.salaries.maximum())

    def median_interval(self) -> tuple[pl.Series, pl.Series]:
        """The 95 % interval of the median: two order statistics, null for fewer than six salaries.

        Source: David and Nagaraja, "Order Statistics" (2003), 7.1: the interval holds the median unless fewer than
        `rank` salaries lie on one side of it, which has a binomial probability.
        """
        distinct, of_group = np.unique(self.counts, return_inverse=True)
        rank = np.array([_median_rank(count) for count in distinct.tolist()], dtype=np.int64)[of_group]
        known = rank > 0
        lower = np.where(known, self.salaries.smallest(np.maximum(rank, 1)), np.nan)
        upper = np.where(known, self.salaries.largest(np.maximum(rank, 1)), np.nan)
        return self._published(lower), self._published(upper)

    def _published(self, figures: Floats) -> pl.Series:
        return known_or_null(np.where(self.counts >= self.min_sample, figures, np.nan))


def published_pay(window: Window, members: SkillGroups, min_sample: int) -> PublishedPay:
    """The known salaries of the postings of each group."""
    grouped = group_values(members.groups, salaries(window), members.size, members.rows)
    return PublishedPay(grouped, min_sample)


@lru_cache(maxsize=4096)
def _median_rank(count: int) -> int:
    """The greatest rank for which the interval from it to the same rank from the top has 95 %; 0 if none has."""
    if count > _EXACT_RANKS:
        return floor((count + 1 - Z95 * sqrt(count)) / 2)
    below, combinations, rank = 0, 1, 0
    while (below := below + combinations) * 40 <= 2**count:
        combinations = combinations * (count - rank) // (rank + 1)
        rank += 1
    return rank
