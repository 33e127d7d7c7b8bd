"""The counted postings of a window, the input of every statistic, and parts of it.

A posting is counted if it is an original (not a duplicate) and its skills have been extracted. Its skills are
those that it asks for; one that it only mentions, in words about the company or the application, is kept apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.postings.schemas import UTC_DATETIME

#: Texts of few values are categorical: a fourth of the memory. `posted_at` is the effective time of posting;
#: `dated` is false where that is only when the posting was first seen, on `partition_date`. `location` is the
#: first place, `locations` a JSON list of [location, country] where a posting has several. `company_key` is the
#: same for the postings of one employer. `country` is ISO 3166-1, `seniority` of `schemas.SENIORITIES`,
#: `occupation` of `occupations.known_occupations`, `language` ISO 639-1; `salary` is the midpoint of the annual
#: pay in the reporting currency. All but posting_id, source, posted_at, dated and partition_date may be null.
WINDOW_POSTING = pl.Schema(
    {
        "posting_id": pl.Int64(),
        "source": pl.Categorical(),
        "posted_at": UTC_DATETIME,
        "dated": pl.Boolean(),
        "partition_date": pl.Date(),
        "company_key": pl.Int64(),
        "location": pl.Categorical(),
        "locations": pl.Categorical(),
        "country": pl.Categorical(),
        "industry": pl.Categorical(),
        "employment_type": pl.Categorical(),
        "workplace": pl.Categorical(),
        "seniority": pl.Categorical(),
        "occupation": pl.Categorical(),
        "language": pl.Categorical(),
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


Integers = npt.NDArray[np.integer[Any]]

#: So many postings' entries are numbered at once, so that they stay in the processor's cache.
_POSTINGS = 1 << 14
#: So many entries are put in order by skill at once.
_ENTRIES = 1 << 24


class Entries(NamedTuple):
    """(posting, skill) entries by skill: of each the place of its posting in some order, and its skill's code."""

    places: npt.NDArray[np.int32]
    codes: Integers


@dataclass(frozen=True)
class Window:
    """Counted postings, ordered by posting_id, with their skills as a compressed sparse row (CSR) matrix.

    Attributes:
        postings: one row a posting, schema `WINDOW_POSTING`.
        offsets: int64, one longer than `postings`; the skills of row i are
            `codes[offsets[i]:offsets[i + 1]]`, each at most once.
        codes: positions in `skills`.
        skills: skill (text, unique, in ascending order of the name), category (text). It may hold skills
            that no posting has.
        weights: uint8, how strongly the posting asks for each entry of `codes` (`weights.Weight`), 0 where
            unknown; empty where unknown for all.
        mention_rows, mention_codes: row of the posting and position of the skill for each skill
            that a posting mentions without asking for it.
    """

    postings: pl.DataFrame
    offsets: npt.NDArray[np.int64]
    codes: Integers
    skills: pl.DataFrame
    weights: npt.NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, dtype=np.uint8))
    mention_rows: Integers = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    mention_codes: Integers = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    _coded: dict[str, tuple[Integers, pl.Series]] = field(default_factory=dict, init=False, compare=False)

    def __len__(self) -> int:
        return self.postings.height

    @cached_property
    def sizes(self) -> npt.NDArray[np.int32]:
        """How many skills each posting has."""
        return np.diff(self.offsets).astype(np.int32)

    @property
    def rows(self) -> npt.NDArray[np.int32]:
        """For each entry of `codes`, the row of its posting."""
        return np.repeat(np.arange(len(self), dtype=np.int32), self.sizes)

    @property
    def postings_by_skill(self) -> npt.NDArray[np.int64]:
        """How many postings have each skill of `skills`."""
        counts = np.zeros(self.skills.height, dtype=np.int64)
        for _, entries in self.blocks():
            # Which makes numbers of 64 bits of them.
            counts += np.bincount(self.codes[entries], minlength=len(counts))
        return counts

    @property
    def salaries(self) -> npt.NDArray[np.float64]:
        """The salary of each posting, NaN where unknown."""
        return self.postings["salary"].to_numpy()

    @cached_property
    def by_salary(self) -> npt.NDArray[np.int32]:
        """The rows of the postings whose salary is known, the lowest first."""
        salaries = self.salaries
        known = np.flatnonzero(np.isfinite(salaries)).astype(np.int32)
        return known[np.argsort(salaries[known], kind="stable")]

    @cached_property
    def paid(self) -> list[Entries]:
        """The (posting, skill) entries whose salary is known, by skill and then by salary.

        Every distribution of pay by skill is cut out of this one order. The places are those of postings in
        `by_salary`. Places of a skill ascend: what is looked up by them lies close together, which at a million
        postings takes a fourth of the time of looking up rows.
        """
        return list(self.entries_by_skill(self.by_salary))

    def entries_by_skill(self, rows: Integers) -> Iterator[Entries]:
        """The (posting, skill) entries of some postings by skill and then in the order of the rows.

        They come in slices of about `_ENTRIES`, each with all entries of its skills, so that memory does not grow
        with the window: more slices take more passes over its entries.
        """
        place = np.full(len(self), -1, dtype=np.int32)
        place[rows] = np.arange(len(rows))
        bits = len(rows).bit_length()
        # A skill and a place fit 32 bits, which NumPy sorts in half the time of 64.
        most = max((1 << 32 - bits) - 1, 1)
        before = np.concatenate(([0], np.cumsum(self.postings_by_skill)))
        first = 0
        while first < self.skills.height:
            end = int(np.searchsorted(before, before[first] + _ENTRIES))
            last = min(end, first + most, self.skills.height)
            yield self._entries_between(first, last, place, bits)
            first = last

    def _entries_between(self, first: int, last: int, place: npt.NDArray[np.int32], place_bits: int) -> Entries:
        """The entries of the skills from one to before another, in the order of the places of their postings."""
        dtype = np.min_scalar_type((last - first) << place_bits)
        # Memory that is never written to is not taken.
        numbers, filled = np.empty(len(self.codes), dtype), 0
        for postings, entries in self.blocks():
            places, codes = np.repeat(place[postings], self.sizes[postings]), self.codes[entries]
            chosen = places >= 0
            if last - first < self.skills.height:
                chosen &= (codes >= first) & (codes < last)
            found = (codes[chosen] - first).astype(dtype)
            found <<= dtype.type(place_bits)
            found |= places[chosen].astype(dtype)
            numbers[filled : filled + len(found)] = found
            filled += len(found)
        # NumPy sorts numbers several times faster than it finds their order.
        numbers = numbers[:filled]
        numbers.sort()
        places = np.empty(filled, dtype=np.int32)
        np.bitwise_and(numbers, dtype.type((1 << place_bits) - 1), out=places, casting="unsafe")
        numbers >>= dtype.type(place_bits)
        return Entries(places, numbers.astype(self.codes.dtype) + first)

    def blocks(self, least: int = 0) -> Iterator[tuple[slice, slice]]:
        """The postings and their entries of `codes`, some at a time: at least so many but for the last."""
        step = max(_POSTINGS, least)
        for start in range(0, len(self), step):
            end = min(start + step, len(self))
            yield slice(start, end), slice(int(self.offsets[start]), int(self.offsets[end]))

    @cached_property
    def employers(self) -> npt.NDArray[np.int32]:
        """The number of each posting's employer, from 0; one whose employer is unknown has one of its own."""
        numbers = self.postings["company_key"].rank("dense").fill_null(0).to_numpy().astype(np.int32)
        unknown = np.flatnonzero(numbers == 0)
        numbers[unknown] = numbers.max(initial=0) + 1 + np.arange(len(unknown))
        return numbers - 1

    def coded(self, column: str) -> tuple[Integers, pl.Series]:
        """A text column as codes: positions in its distinct values, ascending; −1 where it is null.

        There may be further values, which postings of the window that this one was cut from have.
        """
        if column not in self._coded:
            self._coded[column] = coded(self.postings[column])
        return self._coded[column]

    def entries_of(self, rows: Integers) -> npt.NDArray[np.int32]:
        """The positions in `codes` of the skills of some postings, one posting after the other."""
        sizes = self.sizes[rows]
        before = (self.offsets[rows] - (np.cumsum(sizes) - sizes)).astype(np.int32)
        return np.repeat(before, sizes) + np.arange(sizes.sum(), dtype=np.int32)

    def only(self, chosen: npt.NDArray[np.bool_]) -> Window:
        """The chosen postings with their skills; `chosen` has a value for each posting."""
        rows, mentions = np.flatnonzero(chosen), chosen[self.mention_rows]
        # A mask of all entries takes longer than the positions of few.
        keep = self.entries_of(rows) if 2 * len(rows) < len(chosen) else np.repeat(chosen, self.sizes)
        new_row = np.cumsum(chosen, dtype=np.int32) - 1
        made = Window(
            postings=self.postings.filter(pl.Series(chosen)),
            offsets=np.concatenate(([0], np.cumsum(self.sizes[rows]))),
            codes=self.codes[keep],
            skills=self.skills,
            weights=self.weights[keep] if len(self.weights) else self.weights,
            mention_rows=new_row[self.mention_rows[mentions]],
            mention_codes=self.mention_codes[mentions],
        )
        # A copy, since other threads may add to it.
        for column, (codes, names) in self._coded.copy().items():
            made._coded[column] = codes[rows], names
        # What has been put in order for these is in order for a part of them.
        if "employers" in vars(self):
            vars(made)["employers"] = self.employers[rows]
        if "by_salary" in vars(self):
            vars(made)["by_salary"] = new_row[self.by_salary[chosen[self.by_salary]]]
        return made

    def of_skill(self, skill: str) -> Window:
        """The same postings with no skill but one, which is the only one in `skills`; none if it isn't known."""
        position = self.skills["skill"].index_of(skill)
        code = -1 if position is None else position
        entries, mentions = np.flatnonzero(self.codes == code), self.mention_codes == code
        rows = np.searchsorted(self.offsets, entries, side="right") - 1
        made = Window(
            postings=self.postings,
            offsets=np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=len(self))))),
            codes=np.zeros(len(entries), dtype=np.int32),
            skills=self.skills.filter(pl.col("skill") == skill),
            weights=self.weights[entries] if len(self.weights) else self.weights,
            mention_rows=self.mention_rows[mentions],
            mention_codes=np.zeros(int(mentions.sum()), dtype=np.int32),
        )
        made._coded.update(self._coded)
        vars(made).update({name: vars(self)[name] for name in ("employers", "by_salary") if name in vars(self)})
        return made

    def asking(self) -> Window:
        """The postings that ask for any skill of the window; after `of_skill`, for that one."""
        return self.only(self.sizes > 0)


def coded(texts: pl.Series) -> tuple[Integers, pl.Series]:
    """Texts as codes, of the least type: positions in the distinct ones, which are ascending; −1 where null."""
    categorical = texts.cast(pl.Categorical) if texts.dtype == pl.String else texts
    found = categorical.drop_nulls().unique()
    names, numbers = found.cast(pl.String), found.to_physical().to_numpy()
    order = names.arg_sort()
    code_of = np.full(int(numbers.max(initial=0)) + 2, -1, dtype=_least_type(len(names)))
    code_of[numbers[order]] = np.arange(len(names))
    # What is null comes after all others, which have codes.
    return code_of[categorical.to_physical().fill_null(len(code_of) - 1).to_numpy()], names.gather(order)


def order_of(codes: Integers, size: int) -> npt.NDArray[np.int64]:
    """The positions of codes from −1 to size − 1 in ascending order of the code; equal ones keep their order.

    NumPy sorts integers of 16 bits in linear time, some twenty times faster than those of 64.
    """
    # Many windows are one group, and in order as they are.
    if size == 1 and codes.min(initial=0) == 0:
        return np.arange(len(codes))
    return np.argsort(codes.astype(_least_type(size), copy=False), kind="stable")


def _least_type(size: int) -> np.dtype[Any]:
    """The least type of codes from −1 to size − 1."""
    return np.min_scalar_type(-max(size, 1))


def window_start(as_of: datetime, days: int) -> datetime:
    """00:00 UTC of the day of `as_of`, less `days` days: where a window of that length begins."""
    return as_of.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days)
