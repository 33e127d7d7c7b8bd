"""Which group a posting or one of its skills belongs to: text columns as codes, skills within segments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.statistics.window import Window


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
    """Every (posting, skill) of some segments of the market, each in the group of its segment and skill.

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
    """Group the skills of postings by segment; without segments all postings are one.

    Postings of no segment (null) are left out.
    """
    skills = window.skills.height
    groups, rows = window.codes.astype(np.int64), window.rows
    if segments is None:
        return SkillGroups(groups=groups, rows=rows, skills=skills, size=skills)
    segment = segments.codes[rows]
    if (segments.codes < 0).any():
        member = segment >= 0
        groups, rows, segment = groups[member], rows[member], segment[member]
    groups += segment * skills
    return SkillGroups(groups=groups, rows=rows, skills=skills, size=len(segments.names) * skills)


def salaries(window: Window) -> npt.NDArray[np.float64]:
    """The salary of each posting, NaN where unknown."""
    return window.postings["salary"].to_numpy()


def place_in_group(groups: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The place, from 0, of each member within its group; `groups` is ascending."""
    sizes = np.bincount(groups)
    return np.arange(len(groups)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
