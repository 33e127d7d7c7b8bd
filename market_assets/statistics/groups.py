"""Postings in groups: the values of columns as codes, and the skills that each part of the market asks for.

The (posting, skill) entries are many: they are counted in flat arrays, and nothing but codes is made of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.statistics.published_pay import PublishedPay
from market_assets.statistics.window import Integers, Window, order_of

#: (posting, skill) entries that are counted at once: their group numbers take 8 MiB.
BLOCK = 1 << 20
#: Combinations are sorted where the possible ones are so many times as many as the entries.
_MOST_PLACES = 4

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


def labels(postings: pl.DataFrame, *columns: str) -> Labels:
    """Encode text columns, together; without any, all postings have one label."""
    combined, width = np.zeros(postings.height, dtype=np.int64), 1
    known = np.ones(postings.height, dtype=bool)
    names = [postings[column].drop_nulls().unique().cast(pl.String).sort() for column in columns]
    for column, values in zip(columns, names, strict=True):
        codes = postings[column].cast(pl.Enum(values)).to_physical()
        known &= codes.is_not_null().to_numpy()
        combined = combined * len(values) + codes.fill_null(0).to_numpy()
        width *= len(values)
    found = np.flatnonzero(np.bincount(combined[known], minlength=width)) if columns else np.zeros(1, np.int64)
    number = np.full(width + 1, -1, dtype=np.min_scalar_type(-max(len(found), 1)))
    number[found] = np.arange(len(found))
    combined[~known] = width
    places = np.unravel_index(found, [len(values) for values in names]) if columns else ()
    values_of = {
        column: values.gather(place) for column, values, place in zip(columns, names, places, strict=True)
    }
    return Labels(number[combined], values_of, len(found))


def month_labels(window: Window) -> Labels:
    """The month of posting ('YYYY-MM', UTC) of each posting."""
    start = window.postings["posted_at"].dt.month_start().dt.date()
    names = start.unique()
    return labels(pl.DataFrame({"month": start.replace_strict(names, names.dt.strftime("%Y-%m"))}), "month")


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
        segments = segments or labels(window.postings)
        counts = tally(window.rows, window.codes, segments, window.skills.height)
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
        if not len(self.window.weights):
            return np.zeros(len(self.numbers), dtype=np.int64)
        return self._tallied(self.window.rows, self.window.codes, self.window.weights >= least)

    def mentions(self) -> Int64s:
        """How many postings of the segment of each group mention the skill without asking for it."""
        return self._tallied(self.window.mention_rows, self.window.mention_codes)

    def pay(self, min_sample: int) -> PublishedPay:
        """The known salaries of each group."""
        rows, codes = self.window.paid
        segment = self.segments.codes[rows]
        # Stable, so that the salaries of each group stay ascending.
        order = order_of(segment, self.segments.size)[np.count_nonzero(segment < 0) :]
        return PublishedPay(self._tallied(rows, codes), self.window.salaries[rows[order]], min_sample)

    def _tallied(self, rows: Integers, codes: Integers, chosen: npt.NDArray[np.bool_] | None = None) -> Int64s:
        return tally(rows, codes, self.segments, self.window.skills.height, chosen)[self.numbers]


def tally(
    rows: Integers, codes: Integers, segments: Labels, skills: int, chosen: npt.NDArray[np.bool_] | None = None
) -> Int64s:
    """How many (posting, skill) entries each group of segment and skill has, empty ones included."""
    counts = np.zeros(segments.size * skills, dtype=np.int64)
    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        segment = segments.codes[rows[block]].astype(np.int64)
        inside = segment >= 0 if chosen is None else (segment >= 0) & chosen[block]
        counts += np.bincount((segment * skills + codes[block])[inside], minlength=len(counts))
    return counts


def pay_of(window: Window, segments: Labels, min_sample: int) -> PublishedPay:
    """The known salaries of the postings of each segment."""
    segment = segments.codes[window.by_salary]
    order = order_of(segment, segments.size)[np.count_nonzero(segment < 0) :]
    counts = np.bincount(segment[order], minlength=segments.size)
    return PublishedPay(counts, window.salaries[window.by_salary[order]], min_sample)


def rank_within(groups: Integers, values: Integers | npt.NDArray[np.float64]) -> Int64s:
    """The rank of each value within its group, from 1 for the greatest; equal ones keep their order."""
    order = np.lexsort((-values, groups))
    sizes = np.bincount(groups)
    ranks = np.empty(len(groups), dtype=np.int64)
    ranks[order] = np.arange(len(groups)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + 1
    return ranks


def skill_blocks(codes: Integers) -> Iterator[slice]:
    """Slices of ascending codes of skills of about `BLOCK` entries, each with all entries of its skills."""
    ends = np.flatnonzero(np.diff(codes, append=-1)) + 1
    cuts = ends[np.searchsorted(ends, np.arange(BLOCK, len(codes), BLOCK))]
    yield from (slice(start, end) for start, end in pairwise(np.unique([0, *cuts, len(codes)]).tolist()))


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


def employers(window: Window) -> npt.NDArray[np.int32]:
    """The number of each posting's employer, from 0; a posting whose employer is unknown has one of its own."""
    numbers = window.postings["company_key"].rank("dense").fill_null(0).to_numpy().astype(np.int32)
    unknown = np.flatnonzero(numbers == 0)
    numbers[unknown] = numbers.max(initial=0) + 1 + np.arange(len(unknown))
    return numbers - 1
