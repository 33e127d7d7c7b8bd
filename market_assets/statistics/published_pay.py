"""Figures of pay as they may be published: of large enough samples only, with the interval of the median."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import floor, sqrt

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.statistics.significance import Z95

#: Up to this many salaries the ranks of the interval are exact, above they come from the normal distribution.
_EXACT_RANKS = 500

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PublishedPay:
    """The salaries of groups. Figures are Float64 columns, one a group.

    Attributes:
        counts: the number of salaries of each group.
        ordered: the salaries of the first group ascending, then those of the second, and so on.
        min_sample: averages, percentiles and intervals of fewer salaries are null.
    """

    counts: Integers
    ordered: Floats
    min_sample: int

    @cached_property
    def _starts(self) -> Integers:
        """The position in `ordered` of the first salary of each group."""
        return np.cumsum(self.counts) - self.counts

    def average(self) -> pl.Series:
        """Arithmetic mean, summed in ascending order, so that it is reproducible."""
        filled = self.counts > 0
        mean = np.full(len(self.counts), np.nan)
        if filled.any():
            mean[filled] = np.add.reduceat(self.ordered, self._starts[filled]) / self.counts[filled]
        # Rounding of the sum could put the mean of equal values slightly beside them.
        return self._published(np.clip(mean, self._at(self._starts), self._at(self._starts + self.counts - 1)))

    def quantile(self, q: float) -> pl.Series:
        """The q-quantile, 0 ≤ q ≤ 1, with linear interpolation.

        It is NumPy's method 'linear', type 7 of Hyndman and Fan, "Sample Quantiles in Statistical
        Packages" (1996): between the order statistics around position (count − 1) · q.
        """
        last = np.maximum(self.counts - 1, 0)
        below = np.floor(last * q).astype(np.int64)
        weight = last * q - below
        low, high = (self._at(self._starts + np.minimum(place, last)) for place in (below, below + 1))
        # Interpolated from the nearer end, so that rounding cannot leave the interval.
        between = np.where(weight < 0.5, low + (high - low) * weight, high - (high - low) * (1 - weight))
        return self._published(between)

    def minimum(self) -> pl.Series:
        """The lowest salary, of a sample of any size."""
        return known_or_null(self._at(self._starts))

    def maximum(self) -> pl.Series:
        """The highest salary, of a sample of any size."""
        return known_or_null(self._at(self._starts + self.counts - 1))

    def median_lower(self) -> pl.Series:
        """The lower end of the 95 % interval of the median: an order statistic, null for fewer than six salaries.

        Source: David and Nagaraja, "Order Statistics" (2003), 7.1: the interval holds the median unless fewer than
        `rank` salaries lie on one side of it, which has a binomial probability.
        """
        return self._end_of_interval(self._starts + self._median_ranks - 1)

    def median_upper(self) -> pl.Series:
        """The upper end of that interval."""
        return self._end_of_interval(self._starts + self.counts - self._median_ranks)

    def figures(self, columns: Iterable[str]) -> dict[str, pl.Series]:
        """Those of the columns of a result table that are about pay."""
        return {name: _FIGURES[name](self) for name in columns if name in _FIGURES}

    @cached_property
    def _median_ranks(self) -> Integers:
        distinct, of_group = np.unique(self.counts, return_inverse=True)
        return np.array([_median_rank(count) for count in distinct.tolist()], dtype=np.int64)[of_group]

    def _end_of_interval(self, positions: Integers) -> pl.Series:
        known = self._median_ranks > 0
        return self._published(np.where(known, self._at(np.where(known, positions, self._starts)), np.nan))

    def _at(self, positions: Integers) -> Floats:
        """The salaries at some positions in `ordered`, NaN for groups without any."""
        found = np.full(len(self.counts), np.nan)
        filled = self.counts > 0
        found[filled] = self.ordered[positions[filled]]
        return found

    def _published(self, figures: Floats) -> pl.Series:
        return known_or_null(np.where(self.counts >= self.min_sample, figures, np.nan))


_FIGURES: dict[str, Callable[[PublishedPay], pl.Series]] = {
    "postings_with_salary": lambda pay: pl.Series(pay.counts),
    "average_salary": PublishedPay.average,
    "median_salary": lambda pay: pay.quantile(0.5),
    "median_lower": PublishedPay.median_lower,
    "median_upper": PublishedPay.median_upper,
    "min_salary": PublishedPay.minimum,
    "max_salary": PublishedPay.maximum,
    "p10": lambda pay: pay.quantile(0.10),
    "p25": lambda pay: pay.quantile(0.25),
    "p75": lambda pay: pay.quantile(0.75),
    "p90": lambda pay: pay.quantile(0.90),
}


def known_or_null(figures: Floats) -> pl.Series:
    """A Float64 column of the figures in which NaN is null."""
    return pl.Series(figures, dtype=pl.Float64).fill_nan(None)


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
