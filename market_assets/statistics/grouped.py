"""Exact figures of many groups of values at once: one sort for all groups, never a quantile per group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Integers = npt.NDArray[np.integer]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GroupedValues:
    """Values sorted by group and, within a group, ascending. Figures of an empty group are NaN.

    Attributes:
        counts: int64, the number of values of each group.
        ordered: float64, the values of group 0 ascending, then those of group 1, and so on.
    """

    counts: npt.NDArray[np.int64]
    ordered: Floats

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """The position in `ordered` of the first value of each group."""
        return np.cumsum(self.counts) - self.counts

    def mean(self) -> Floats:
        """Arithmetic mean. It is summed by one thread over the sorted values, so that it never varies."""
        filled = self.counts > 0
        mean = np.full(len(self.counts), np.nan)
        if filled.any():
            mean[filled] = np.add.reduceat(self.ordered, self.starts[filled]) / self.counts[filled]
        # The sum is rounded, so that the mean of equal values could fall a bit beside them.
        within: Floats = np.clip(mean, self.minimum(), self.maximum())
        return within

    def minimum(self) -> Floats:
        """The smallest value of each group."""
        return self._at(self.starts)

    def maximum(self) -> Floats:
        """The largest value of each group."""
        return self._at(self.starts + self.counts - 1)

    def largest(self, place: int) -> Floats:
        """The value of each group in that place from the largest, which is 1; its smallest if it has fewer."""
        return self._at(self.starts + self.counts - np.minimum(self.counts, place))

    def quantile(self, q: float) -> Floats:
        """The q-quantile of each group, 0 ≤ q ≤ 1, with linear interpolation.

        It is NumPy's method 'linear', type 7 of Hyndman and Fan, "Sample Quantiles in Statistical
        Packages" (1996): between the order statistics around position (count − 1) · q.
        """
        position = np.maximum(self.counts - 1, 0) * q
        below = np.floor(position).astype(np.int64)
        above = np.minimum(below + 1, np.maximum(self.counts - 1, 0))
        weight = position - below
        low, high = self._at(self.starts + below), self._at(self.starts + above)
        # From the nearer end, so that the result never leaves the interval by rounding.
        return np.where(weight < 0.5, low + (high - low) * weight, high - (high - low) * (1 - weight))

    def _at(self, positions: npt.NDArray[np.int64]) -> Floats:
        found = np.full(len(self.counts), np.nan)
        filled = self.counts > 0
        found[filled] = self.ordered[positions[filled]]
        return found


def group_values(groups: Integers, values: Floats, size: int, rows: Integers | None = None) -> GroupedValues:
    """Bring values into groups; those that are not finite (unknown) are left out.

    Args:
        groups: the group of each member, in 0..size-1.
        values: float64. Without `rows`, one for each member.
        size: the number of groups.
        rows: the position in `values` of each member; a value may be a member of many groups.
    """
    known = np.isfinite(values)
    if rows is None:
        rows = np.arange(len(values))
    if not known.all():
        member = known[rows]
        groups, rows = groups[member], rows[member]
    counts = np.bincount(groups, minlength=size)
    # Values are ranked before they are spread over their groups: sorting one integer a member is several
    # times faster than sorting pairs of group and value.
    order = np.argsort(values, kind="stable")
    rank = np.empty(len(values), dtype=np.int64)
    rank[order] = np.arange(len(values))
    keys = rank[rows]
    keys += groups * np.int64(len(values))
    keys.sort()
    if len(values):
        keys %= len(values)
    return GroupedValues(counts=counts, ordered=values[order][keys])


def known_or_null(figures: Floats) -> pl.Series:
    """A Float64 column of the figures in which NaN is null."""
    return pl.Series(figures, dtype=pl.Float64).fill_nan(None)
