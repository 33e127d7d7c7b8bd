"""Postings in groups: the values of columns as codes, and the skills that each part of the market asks for.

The (posting, skill) entries are many: they are counted in flat arrays, and nothing but codes is made of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.statistics.published_pay import PublishedPay
from market_assets.statistics.window import Entries, Integers, Window, order_of

#: (posting, skill) entries that are counted at once: the arrays of a block stay in the processor's cache.
BLOCK = 1 << 18
#: Combinations are sorted where the possible ones are so many times as many as the entries.
_MOST_PLACES = 8

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Labels:
    """The values that postings have in some columns, as codes.

    Attributes:
        codes: one a posting, the number of its combination of values; −1 where one of them is null.
        values: by column, the value of each combination that occurs, in ascending order.
        size: the number of combinations.
    """

    codes: Integers
    values: dict[str, pl.Series]
    size: int

    def counts(self) -> Int64s:
        """The postings of each combination."""
        return np.bincount(self.codes[self.codes >= 0], minlength=self.size)

    def rows(self) -> list[Int64s]:
        """The rows of the postings of each combination."""
        order = order_of(self.codes, self.size)
        return np.split(order, np.searchsorted(self.codes, np.arange(self.size), sorter=order))[1:]

    def values_of(self, codes: Integers) -> dict[str, pl.Series]:
        """By column, the value of each code."""
        return {column: values.gather(codes) for column, values in self.values.items()}


def labels(window: Window, *columns: str) -> Labels:
    """Encode text columns, together; without any, all postings have one label."""
    if not columns:
        return Labels(np.zeros(len(window), dtype=np.int8), {}, 1)
    parts = [window.coded(column) for column in columns]
    combined, known, width = parts[0][0].astype(np.int64), parts[0][0] >= 0, len(parts[0][1])
    for codes, values in parts[1:]:
        combined = combined * len(values) + codes
        known &= codes >= 0
        width *= len(values)
    found = np.flatnonzero(np.bincount(combined[known], minlength=width))
    number = np.full(width + 1, -1, dtype=np.min_scalar_type(-max(len(found), 1)))
    number[found] = np.arange(len(found))
    places = np.unravel_index(found, [len(values) for _, values in parts])
    values_of = {
        column: values.gather(place) for column, (_, values), place in zip(columns, parts, places, strict=True)
    }
    return Labels(number[np.where(known, combined, width)], values_of, len(found))


def month_labels(window: Window) -> Labels:
    """The month of posting ('YYYY-MM', UTC) of each posting."""
    posted = pl.col("posted_at").dt
    months = posted.year() * 12 + posted.month().cast(pl.Int32) - 1
    number = window.postings.select(months).to_series().to_numpy()
    first = int(number.min()) if len(number) else 0
    seen = np.bincount(number - first) > 0
    codes = (np.cumsum(seen) - 1)[number - first].astype(np.int16)
    names = [f"{month // 12:04}-{month % 12 + 1:02}" for month in (np.flatnonzero(seen) + first).tolist()]
    return Labels(codes, {"month": pl.Series(names, dtype=pl.String)}, len(names))


@dataclass(frozen=True)
class SkillGroups:
    """Each skill in each segment of the market (an industry, a month) with postings, by segment and skill.

    Attributes:
        window: the counted postings.
        segments: which segment each posting is in; those without are left out.
        numbers: of each group, segment · skills + skill.
        postings: how many postings of the segment ask for the skill, above 0.
    """

    window: Window
    segments: Labels
    numbers: Int64s
    postings: Int64s

    @classmethod
    def of(cls, window: Window, segments: Labels | None = None) -> SkillGroups:
        """Without `segments`, all postings are one."""
        segments = segments or labels(window)
        counts = skill_counts(window, segments).ravel()
        numbers = np.flatnonzero(counts)
        return cls(window, segments, numbers, counts[numbers])

    @property
    def segment(self) -> Int64s:
        """The segment of each group."""
        return self.numbers // max(self.window.skills.height, 1)

    @property
    def skill(self) -> Int64s:
        """The skill of each group, as a position in the window's."""
        return self.numbers % max(self.window.skills.height, 1)

    @property
    def of_segment(self) -> Int64s:
        """All postings of the segment of each group, whether they ask for a skill or not."""
        return self.segments.counts()[self.segment]

    def names(self) -> dict[str, pl.Series]:
        """The columns that say which group a row is about: those of the segments, and skill."""
        return {**self.segments.values_of(self.segment), "skill": self.window.skills["skill"].gather(self.skill)}

    def ranks(self) -> Int64s:
        """The rank of each group in its segment by postings, from 1; ties by skill."""
        return rank_within(self.segment, self.postings)

    def weighing(self, least: int) -> Int64s:
        """How many of the postings of each group want the skill by at least so much, as far as that is known."""
        weights = self.window.weights
        if not len(weights):
            return np.zeros_like(self.postings)
        if weights.min() >= least:
            return self.postings
        return skill_counts(self.window, self.segments, least).ravel()[self.numbers]

    def mentions(self) -> Int64s:
        """How many postings of the segment of each group mention the skill without asking for it."""
        segments = self.segments.codes[self.window.mention_rows]
        counts = crosstab(segments, self.window.mention_codes, self.segments.size, self.window.skills.height)
        return counts.ravel()[self.numbers]

    def pay(self, columns: Iterable[str], min_sample: int, *, kept: bool = True) -> dict[str, pl.Series]:
        """Those of the columns of a result table that are about pay, of the known salaries of each group.

        Args:
            columns: of the table.
            min_sample: averages, percentiles and intervals of fewer salaries are null.
            kept: whether the window keeps the order of its salaries by skill, for other tables.
        """
        window = self.window
        segments, salaries = self.segments.codes[window.by_salary], window.salaries[window.by_salary]
        of_group, of_segment = self.skill, self.segment
        found, tables, first = [], [], 0
        for places, codes in skill_blocks(window.paid if kept else window.entries_by_skill(window.by_salary)):
            end = int(codes[-1]) + 1
            segment, salary = segments[places], salaries[places]
            groups = np.flatnonzero((of_group >= first) & (of_group < end))
            counts = crosstab(segment, codes - first, self.segments.size, end - first)
            # Stable, so that the salaries of each group stay ascending.
            order = order_of(segment, self.segments.size)[np.count_nonzero(segment < 0) :]
            of_skill = counts[of_segment[groups], of_group[groups] - first]
            found.append(groups)
            tables.append(pl.DataFrame(PublishedPay(of_skill, salary[order], min_sample).figures(columns)))
            first = end
        # Those skills that come after all with a salary.
        found.append(np.flatnonzero(of_group >= first))
        none = PublishedPay(np.zeros(len(found[-1]), dtype=np.int64), np.empty(0), min_sample)
        tables.append(pl.DataFrame(none.figures(columns)))
        return pl.concat(tables)[np.argsort(np.concatenate(found))].to_dict()


def skill_counts(window: Window, segments: Labels, least: int = 0) -> Int64s:
    """How many postings of each segment (rows) have each skill (columns), with a weight of at least so much."""
    counts = np.zeros((segments.size, window.skills.height), dtype=np.int64)
    # More at once for a large matrix: adding it up would take longer than counting.
    for postings, entries in window.blocks(counts.size // 8):
        of_entry, codes = np.repeat(segments.codes[postings], window.sizes[postings]), window.codes[entries]
        if least:
            chosen = window.weights[entries] >= least
            of_entry, codes = of_entry[chosen], codes[chosen]
        counts += crosstab(of_entry, codes, *counts.shape)
    return counts


def crosstab(first: Integers, second: Integers, rows: int, columns: int) -> Int64s:
    """How often each combination of two codes occurs, those of −1 left out, as a matrix."""
    counts = np.zeros((rows + 1) * (columns + 1), dtype=np.int64)
    step = max(BLOCK, len(counts))
    for start in range(0, len(first), step):
        # −1 has a row and a column of its own, the first.
        numbers = first[start : start + step].astype(np.int64)
        numbers *= columns + 1
        numbers += second[start : start + step]
        numbers += columns + 2
        counts += np.bincount(numbers, minlength=len(counts))
    return counts.reshape(rows + 1, columns + 1)[1:, 1:]


def pay_of(window: Window, segments: Labels, min_sample: int) -> PublishedPay:
    """The known salaries of the postings of each segment."""
    rows = window.by_salary
    return pay_in_order(segments.codes[rows], window.salaries[rows], segments.size, min_sample)


def pay_in_order(codes: Integers, salaries: npt.NDArray[np.float64], size: int, min_sample: int) -> PublishedPay:
    """Group ascending salaries by code; those of −1 are left out."""
    # Stable, so that the salaries of each group stay ascending.
    order = order_of(codes, size)[np.count_nonzero(codes < 0) :]
    return PublishedPay(np.bincount(codes[order], minlength=size), salaries[order], min_sample)


def rank_within(groups: Integers, values: Integers | npt.NDArray[np.float64]) -> Int64s:
    """The rank of each value within its group, from 1 for the greatest; equal ones keep their order."""
    order = np.lexsort((-values, groups))
    sizes = np.bincount(groups)
    ranks = np.empty(len(groups), dtype=np.int64)
    ranks[order] = np.arange(len(groups)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + 1
    return ranks


def skill_blocks(slices: Iterable[Entries]) -> Iterator[Entries]:
    """Entries by skill in blocks of about `BLOCK`, each with all entries of its skills; none is empty."""
    for places, codes in slices:
        skills = np.arange(int(codes[-1]) + 1 if len(codes) else 0, dtype=codes.dtype)
        ends = np.searchsorted(codes, skills, "right")
        cuts = ends[np.searchsorted(ends, np.arange(BLOCK, len(codes), BLOCK))]
        for start, end in pairwise(np.unique([0, *cuts, len(codes)]).tolist()):
            yield Entries(places[start:end], codes[start:end])


def runs(*codes: Integers) -> Int64s:
    """Where one of several codes differs from the one before: the start of each run of equal ones."""
    differs = np.any([np.diff(each, prepend=each.dtype.type(-1)) != 0 for each in codes], axis=0)
    return np.flatnonzero(differs)


def distinct(first: Integers, second: Integers) -> tuple[Int64s, Int64s, Int64s]:
    """The distinct combinations of two numbers from 0 on.

    Returns:
        The first and the second number of each combination, ascending; and which one each entry has.
    """
    width = int(second.max(initial=0)) + 1
    combinations = first.astype(np.int64) * width + second
    size = int(combinations.max(initial=-1)) + 1
    if size > _MOST_PLACES * len(combinations):
        found, position = np.unique(combinations, return_inverse=True)
    else:
        # There are so few possible ones that a place for each of them takes less time than sorting the entries.
        seen = np.zeros(size, dtype=bool)
        seen[combinations] = True
        found, position = np.flatnonzero(seen), (np.cumsum(seen) - 1)[combinations]
    return found // width, found % width, position
