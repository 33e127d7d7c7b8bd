"""What to learn next beside a set of skills: tables are made ready once, a question then takes a tenth of a ms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.statistics.affinities import DIGITS
from market_assets.statistics.relationships import STRENGTHS

#: What does not count as going together: a skill that is merely frequent needs a better reason. Costs 0.004 of the
#: hit-rate in `benchmarks.quality.recommendations`.
BARELY = STRENGTHS[0][1]
#: How many skills at hand are named beside a recommended one.
MOST_REASONS = 3

_Codes = npt.NDArray[np.int64]
_Numbers = npt.NDArray[np.float64]


class Reason(TypedDict):
    """A skill at hand that a recommended one goes with, and how strongly; as in skill_relationships."""

    skill: str
    co_occurrences: int
    npmi_lower: float
    strength: str


class Recommended(TypedDict):
    """A skill to learn next; the score is about the share of postings that ask for it (see `Recommender`)."""

    recommended_skill: str
    score: float
    rank: int
    median_salary: float | None
    goes_with: list[Reason]


class Recommender:
    """Recommends skills for sets of skills from the result tables of one moment."""

    def __init__(self, affinities: pl.DataFrame, related: pl.DataFrame, pay: pl.DataFrame) -> None:
        """Make the tables ready.

        Args:
            affinities: schema `affinities.SKILL_AFFINITIES`.
            related: as from `related.related_skills`.
            pay: skill, median_salary.
        """
        related = related.filter(pl.col("strength") != BARELY)
        named = (affinities["skill"], affinities["recommended_skill"], related["skill"], related["related_skill"])
        names = pl.concat(named).cast(pl.String).unique().sort()
        self._names: list[str] = names.to_list()
        self._code = {name: code for code, name in enumerate(self._names)}
        of_itself = pl.col("skill") == pl.col("recommended_skill")
        self._affinities = _Rows.of(affinities.filter(~of_itself), "recommended_skill", names)
        self._weights = self._affinities.column("weight").astype(np.float64)
        own = affinities.filter(of_itself)
        self._intercepts = np.zeros(len(names))
        self._has_intercept = np.zeros(len(names), dtype=bool)
        self._intercepts[_codes(own["skill"], names)] = own["weight"].to_numpy()
        self._has_intercept[_codes(own["skill"], names)] = True
        self._related = _Rows.of(related, "related_skill", names)
        self._npmi = self._related.column("npmi")
        self._npmi_lower = self._related.column("npmi_lower")
        self._together = self._related.column("co_occurrences")
        self._strength = self._related.rows["strength"].to_list()
        self._pay: dict[str, float | None] = dict(pay.select("skill", "median_salary").iter_rows())

    def recommend(self, skills: Sequence[str], k: int) -> list[Recommended]:
        """The skills that go most closely with a set of skills, each with the reason.

        Args:
            skills: the skills at hand; unknown ones and repetitions are ignored.
            k: the greatest number of recommendations.

        Returns:
            By rank: skills not at hand that go at least weakly with some skill at hand. The score is about the
            share of postings that ask for the skill among those that ask for the ones at hand and nothing else:
            the sum of the affinities of the skills at hand and of the skill with itself; ties by name. `goes_with`
            are up to three skills at hand, the surest first.

        Raises:
            ValueError: k is negative.
        """
        if k < 0:
            raise ValueError(f"k must not be negative, but is {k}")
        held = sorted({self._code[skill] for skill in skills if skill in self._code})
        best, scores = self._best(held, k)
        reasons = self._reasons(held, best)
        return [
            {
                "recommended_skill": self._names[code],
                "score": score,
                "rank": rank,
                "median_salary": self._pay.get(self._names[code]),
                "goes_with": reasons[rank - 1],
            }
            for rank, (code, score) in enumerate(zip(best.tolist(), scores.tolist(), strict=True), start=1)
        ]

    def _best(self, held: list[int], k: int) -> tuple[_Codes, _Numbers]:
        """The codes of the k greatest sums of weights, with the sums."""
        able, weighed = np.zeros(len(self._names), dtype=bool), self._has_intercept.copy()
        sums = self._intercepts.copy()
        for code in held:
            able[self._related.others_of(code)] = True
            rows = self._affinities.slice_of(code)
            # No skill stands twice beside another one, so a plain addition is enough.
            sums[self._affinities.others[rows]] += self._weights[rows]
            weighed[self._affinities.others[rows]] = True
        able[held] = False
        candidates = np.flatnonzero(able & weighed)
        # To the digits of the weights, so that the order in which they were added does not matter.
        scores = np.round(sums[candidates], DIGITS)
        order = np.argsort(-scores, kind="stable")[:k]
        return candidates[order], scores[order]

    def _reasons(self, held: list[int], best: _Codes) -> list[list[Reason]]:
        """For each of the best, the skills at hand that it goes with, the surest first."""
        found: list[list[tuple[float, float, int, int]]] = [[] for _ in best]
        for code in held:
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
                for _, _, code, row in sorted(surest)[:MOST_REASONS]
            ]
            for surest in found
        ]


@dataclass(frozen=True)
class _Rows:
    """Rows of a table by skill and, within it, by the other skill, both as places in the list of all names."""

    rows: pl.DataFrame
    others: _Codes
    #: Where the rows of each skill start; one more than there are skills.
    starts: _Codes

    @classmethod
    def of(cls, table: pl.DataFrame, other: str, names: pl.Series) -> _Rows:
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
        """Which of some other skills stand beside a skill: their place among `others`, and the row."""
        beside, start = self.others_of(code), int(self.starts[code])
        places = np.searchsorted(beside, others)
        return [
            (place, start + row)
            for place, (row, other) in enumerate(zip(places.tolist(), others.tolist(), strict=True))
            if row < len(beside) and beside[row] == other
        ]


def _codes(column: pl.Series, names: pl.Series) -> _Codes:
    return column.cast(pl.String).cast(pl.Enum(names)).to_physical().to_numpy().astype(np.int64)
