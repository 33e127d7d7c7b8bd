"""Skills recommended beside a set of skills: tables are indexed once, a query takes 0.1 ms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.statistics.recommendations import DIGITS

#: A pair of fewer postings is a reason for a recommendation only where its lower bound of npmi is above 0: the
#: neighbours of a skill that was hardly seen are there by chance.
ENOUGH_TOGETHER = 3
#: At most this many skills are named as reasons of a recommendation.
MOST_REASONS = 3

_Codes = npt.NDArray[np.int64]
_Numbers = npt.NDArray[np.float64]


class Reason(TypedDict):
    """A given skill that a recommended one goes with; the figures are those of skill_relationships."""

    skill: str
    co_occurrences: int
    npmi_lower: float
    strength: str


class Recommended(TypedDict):
    """A recommended skill; the score approximates the share of postings that ask for it (see `Recommender`)."""

    recommended_skill: str
    score: float
    rank: int
    postings_with_salary: int
    median_salary: float | None
    goes_with: list[Reason]


class Recommender:
    """Recommends skills for sets of skills, from the result tables of one refresh."""

    def __init__(self, affinities: pl.DataFrame, related: pl.DataFrame, pay: pl.DataFrame) -> None:
        """Index the tables.

        Args:
            affinities: schema `tables.SKILL_AFFINITIES`.
            related: as from `relationships.related_skills`.
            pay: skill, postings_with_salary, median_salary: one row a skill.
        """
        related = related.filter((pl.col("co_occurrences") >= ENOUGH_TOGETHER) | (pl.col("npmi_lower") > 0))
        columns = {"skill": affinities, "recommended_skill": affinities, "related_skill": related}
        names = pl.concat([frame[name].cast(pl.String) for name, frame in columns.items()]).unique().sort()
        self._names: list[str] = names.to_list()
        self._code = {name: code for code, name in enumerate(self._names)}
        is_intercept = pl.col("skill") == pl.col("recommended_skill")
        self._affinities = _Rows.of(affinities.filter(~is_intercept), "recommended_skill", names)
        self._weights = self._affinities.column("weight")
        intercepts = affinities.filter(is_intercept)
        self._intercepts = np.zeros(len(names))
        self._has_intercept = np.zeros(len(names), dtype=bool)
        self._intercepts[_codes(intercepts["skill"], names)] = intercepts["weight"].to_numpy()
        self._has_intercept[_codes(intercepts["skill"], names)] = True
        self._related = _Rows.of(related, "related_skill", names)
        self._npmi = self._related.column("npmi")
        self._npmi_lower = self._related.column("npmi_lower")
        self._together = self._related.column("co_occurrences")
        self._strength = self._related.rows["strength"].to_list()
        figures = pay.select("skill", "postings_with_salary", "median_salary")
        self._pay: dict[str, tuple[int, float | None]] = {
            skill: (known, median) for skill, known, median in figures.iter_rows()
        }

    def recommend(self, skills: Sequence[str], k: int) -> list[Recommended]:
        """The skills that go most closely with a set of skills, each with the reason.

        Args:
            skills: the given skills; unknown ones and repetitions are ignored.
            k: the greatest number of recommendations.

        Returns:
            By rank: skills not given that were seen often enough with one of those given. The score is the
            intercept of the skill plus the affinities of the given skills, about the share of postings with the
            skill among those with exactly the given ones; ties by name. `goes_with` are up to three given skills,
            by npmi_lower.

        Raises:
            ValueError: k is negative.
        """
        if k < 0:
            raise ValueError(f"k must not be negative, but is {k}")
        given = sorted({self._code[skill] for skill in skills if skill in self._code})
        best, scores = self._best(given, k)
        reasons = self._reasons(given, best)
        return [
            {
                "recommended_skill": self._names[code],
                "score": score,
                "rank": rank,
                "postings_with_salary": self._pay.get(self._names[code], (0, None))[0],
                "median_salary": self._pay.get(self._names[code], (0, None))[1],
                "goes_with": reasons[rank - 1],
            }
            for rank, (code, score) in enumerate(zip(best.tolist(), scores.tolist(), strict=True), start=1)
        ]

    def _best(self, given: list[int], k: int) -> tuple[_Codes, _Numbers]:
        """The codes of the k greatest scores, with the scores."""
        is_related, has_score = np.zeros(len(self._names), dtype=bool), self._has_intercept.copy()
        sums = self._intercepts.copy()
        for code in given:
            is_related[self._related.others_of(code)] = True
            rows = self._affinities.slice_of(code)
            # The other skills of a skill are distinct, so plain fancy indexing adds each weight once.
            sums[self._affinities.others[rows]] += self._weights[rows]
            has_score[self._affinities.others[rows]] = True
        is_related[given] = False
        candidates = np.flatnonzero(is_related & has_score)
        # Rounded like the weights, so that the order of additions does not matter.
        scores = np.round(sums[candidates], DIGITS)
        order = np.argsort(-scores, kind="stable")[:k]
        return candidates[order], scores[order]

    def _reasons(self, given: list[int], best: _Codes) -> list[list[Reason]]:
        """For each of the best, the given skills that it goes with, by npmi_lower."""
        found: list[list[tuple[float, float, int, int]]] = [[] for _ in best]
        for code in given:
            for place, row in self._related.find(code, best):
                found[place].append((-self._npmi_lower[row], -self._npmi[row], code, row))
        return [
            [
                {
                    "skill": self._names[code],
                    "co_occurrences": int(self._together[row]),
                    "npmi_lower": float(self._npmi_lower[row]),
                    "strength": self._strength[row],
                }
                for _, _, code, row in sorted(reasons)[:MOST_REASONS]
            ]
            for reasons in found
        ]


@dataclass(frozen=True)
class _Rows:
    """Rows of a table, sorted by skill and other skill; both as positions in the list of all names.

    Attributes:
        rows: the table.
        others: the other skill of each row.
        starts: the first row of each skill; one longer than the list of names.
    """

    rows: pl.DataFrame
    others: _Codes
    starts: _Codes

    @classmethod
    def of(cls, table: pl.DataFrame, other: str, names: pl.Series) -> _Rows:
        """Sort a table with the columns `skill` and `other`."""
        skill, others = _codes(table["skill"], names), _codes(table[other], names)
        order = np.lexsort((others, skill))
        starts = np.concatenate(([0], np.cumsum(np.bincount(skill, minlength=len(names)))))
        return cls(table[order], others[order], starts)

    def column(self, name: str) -> _Numbers:
        return self.rows[name].to_numpy()

    def slice_of(self, code: int) -> slice:
        return slice(int(self.starts[code]), int(self.starts[code + 1]))

    def others_of(self, code: int) -> _Codes:
        return self.others[self.slice_of(code)]

    def find(self, code: int, others: _Codes) -> list[tuple[int, int]]:
        """The rows of a skill with some other skills: the position among `others`, and the row."""
        of_skill, start = self.others_of(code), int(self.starts[code])
        positions = np.searchsorted(of_skill, others)
        return [
            (place, start + row)
            for place, (row, other) in enumerate(zip(positions.tolist(), others.tolist(), strict=True))
            if row < len(of_skill) and of_skill[row] == other
        ]


def _codes(column: pl.Series, names: pl.Series) -> _Codes:
    return column.cast(pl.String).cast(pl.Enum(names)).to_physical().to_numpy().astype(np.int64)
