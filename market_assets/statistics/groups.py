"""Postings in groups: text columns as codes, skills by segment of the market, and exact figures of every group.

One sort serves all groups of a table: a quantile for each group by itself would be many times slower.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.statistics.window import Window

Integers = npt.NDArray[np.integer]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Labels:
    """A text column as codes.

    Attributes:
        codes: int64, one a row: the position in `names`, −1 where the text is null.
        names: String, the distinct texts in ascending order.
    """

    codes: npt.NDArray[np.int64]
    names: pl.Series

    def counts(self) -> npt.NDArray[np.int64]:
        """How often each name occurs."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.names))


def labels(column: pl.Series) -> Labels:
    """Encode a text column."""
    names = column.drop_nulls().unique().sort()
    codes = column.cast(pl.Enum(names)).to_physical().cast(pl.Int64).fill_null(-1)
    return Labels(codes=codes.to_numpy(), names=names)


@dataclass(frozen=True)
class SkillGroups:
    """The (posting, skill) entries of a window, each in the group of its segment (an industry, a month) and skill.

    The group of segment s and skill k is s · skills + k.

    Attributes:
        groups: int64, the group of each (posting, skill).
        rows: int64, the row of its posting.
        skills: the number of skills.
        size: the number of groups, empty ones included.
    """

    groups: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    skills: int
    size: int

    def counts(self) -> npt.NDArray[np.int64]:
        """Postings of each group."""
        return np.bincount(self.groups, minlength=self.size)

    def filled(self) -> npt.NDArray[np.int64]:
        """The groups that have postings, ascending."""
        return np.flatnonzero(self.counts())


def skill_groups(window: Window, segments: Labels | None = None) -> SkillGroups:
    """Group the (posting, skill) entries by segment and skill; without `segments`, all postings are one segment.

    Postings whose segment is null are left out.
    """
    return _grouped(window.rows, window.codes, window.skills.height, segments)


def mention_groups(window: Window, segments: Labels | None = None) -> SkillGroups:
    """Group the skills that postings mention without asking for them, as `skill_groups` does those asked for."""
    return _grouped(window.mention_rows, window.mention_codes, window.skills.height, segments)


def _grouped(
    rows: npt.NDArray[np.int64], codes: npt.NDArray[np.int32], skills: int, segments: Labels | None
) -> SkillGroups:
    groups = codes.astype(np.int64)
    if segments is None:
        return SkillGroups(groups=groups, rows=rows, skills=skills, size=skills)
    segment = segments.codes[rows]
    if (segments.codes < 0).any():
        member = segment >= 0
        groups, rows, segment = groups[member], rows[member], segment[member]
    groups += segment * skills
    return SkillGroups(groups=groups, rows=rows, skills=skills, size=len(segments.names) * skills)


def position_in_group(groups: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The position, from 0, of each member within its group; `groups` is ascending."""
    sizes = np.bincount(groups)
    return np.arange(len(groups)) - np.repeat(np.cumsum(sizes) - sizes, sizes)


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
        """Arithmetic mean, summed in the order of the sorted values, so that it is reproducible."""
        filled = self.counts > 0
        mean = np.full(len(self.counts), np.nan)
        if filled.any():
            mean[filled] = np.add.reduceat(self.ordered, self.starts[filled]) / self.counts[filled]
        # Rounding of the sum could put the mean of equal values slightly beside them.
        within: Floats = np.clip(mean, self.minimum(), self.maximum())
        return within

    def minimum(self) -> Floats:
        """The smallest value of each group."""
        return self._at(self.starts)

    def maximum(self) -> Floats:
        """The largest value of each group."""
        return self._at(self.starts + self.counts - 1)

    def smallest(self, place: Integers | int) -> Floats:
        """The `place`-th smallest value of each group (1: the smallest); its largest if it has fewer."""
        return self._at(self.starts + np.minimum(self.counts, place) - 1)

    def largest(self, place: Integers | int) -> Floats:
        """The `place`-th largest value of each group (1: the largest); its smallest if it has fewer."""
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
        # Interpolated from the nearer end, so that rounding cannot leave the interval.
        return np.where(weight < 0.5, low + (high - low) * weight, high - (high - low) * (1 - weight))

    def _at(self, positions: npt.NDArray[np.int64]) -> Floats:
        found = np.full(len(self.counts), np.nan)
        filled = self.counts > 0
        found[filled] = self.ordered[positions[filled]]
        return found


def group_values(groups: Integers, values: Floats, size: int, rows: Integers | None = None) -> GroupedValues:
    """Sort values into groups; those that are not finite (unknown) are left out.

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
    # Values are ranked first: sorting one integer a member is several times faster than sorting pairs of group
    # and value.
    order = np.argsort(values, kind="stable")
    rank = np.empty(len(values), dtype=np.int64)
    rank[order] = np.arange(len(values))
    keys = rank[rows]
    keys += groups * np.int64(len(values))
    keys.sort()
    if len(values):
        keys %= len(values)
    return GroupedValues(counts=counts, ordered=values[order][keys])


def salaries(window: Window) -> Floats:
    """The salary of each posting, NaN where unknown."""
    return window.postings["salary"].to_numpy()


def known_or_null(figures: Floats) -> pl.Series:
    """A Float64 column of the figures in which NaN is null."""
    return pl.Series(figures, dtype=pl.Float64).fill_nan(None)


def employers(window: Window) -> npt.NDArray[np.int64]:
    """The number of each posting's employer, from 0; a posting whose employer is unknown has one of its own."""
    numbers = np.array(window.postings["company_key"].rank("dense").fill_null(0), dtype=np.int64)
    unknown = np.flatnonzero(numbers == 0)
    numbers[unknown] = numbers.max(initial=0) + 1 + np.arange(len(unknown))
    return numbers - 1
