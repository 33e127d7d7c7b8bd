"""How strongly two skills belong together: the measures of association rules, and how sure they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.statistics.pairs import pair_codes, postings_by_skill
from market_assets.statistics.window import Window

SKILL_RELATIONSHIPS = pl.Schema(
    {
        "skill_a": pl.String(),
        "skill_b": pl.String(),
        "co_occurrences": pl.Int64(),
        "support": pl.Float64(),
        "confidence_ab": pl.Float64(),
        "confidence_ba": pl.Float64(),
        "lift": pl.Float64(),
        "npmi": pl.Float64(),
        "strength": pl.String(),
        "lift_lower": pl.Float64(),
        "npmi_lower": pl.Float64(),
        "log_likelihood": pl.Float64(),
    }
)

Counts = npt.NDArray[np.int64]
Measures = npt.NDArray[np.float64]

#: A pair that was seen once may be chance.
MINIMUM_CO_OCCURRENCES = 2

#: Strength by npmi: the first whose bound lies above it.
STRENGTHS = ((0.05, "very_weak"), (0.15, "weak"), (0.3, "moderate"), (0.5, "strong"))
GREATEST_STRENGTH = "very_strong"

#: Standard deviations that the lower bounds lie below, of an interval of 99.9 %: thousands of pairs are looked at
#: side by side, of which one in forty would lie below its bound at the usual 95 %.
DEVIATIONS = 3.2905267314919255


def skill_relationships(pairs: pl.DataFrame, window: Window) -> pl.DataFrame:
    """The association of each pair of skills that occurs at least twice.

    Args:
        pairs: schema `pairs.SKILL_PAIRS`, counted over `window`.
        window: the counted postings.

    Returns:
        Schema `SKILL_RELATIONSHIPS`, by skill_a and skill_b. With n postings, of which a have skill_a, b have
        skill_b and c have both: support = c ÷ n, confidence_ab = c ÷ a, confidence_ba = c ÷ b,
        lift = c · n ÷ (a · b), and npmi = ln(lift) ÷ −ln(support), from −1 (never together) over 0
        (independent) to 1 (only together; also where c = n): Bouma, "Normalized (Pointwise) Mutual
        Information in Collocation Extraction" (2009). Nothing is smoothed. `strength` is very_weak below
        npmi 0.05, weak below 0.15, moderate below 0.3, strong below 0.5, else very_strong.
        lift_lower, npmi_lower and log_likelihood are those of `Association`.

    Raises:
        OtherPostingsError: `pairs` were not counted over `window`.
    """
    pairs = pairs.sort("skill_a", "skill_b")
    seen = (pairs["co_occurrences"] >= MINIMUM_CO_OCCURRENCES).to_numpy()
    with_skill = postings_by_skill(window)
    a, b = (with_skill[codes[seen]] for codes in pair_codes(pairs, window))
    pairs = pairs.filter(seen)
    both = pairs["co_occurrences"].to_numpy()
    pair = Association(both, a, b, max(len(window), 1))
    npmi = pair.npmi()
    return pl.DataFrame(
        {
            **pairs.select("skill_a", "skill_b", "co_occurrences").to_dict(),
            "support": both / pair.postings,
            "confidence_ab": both / a,
            "confidence_ba": both / b,
            "lift": pair.lift(),
            "npmi": npmi,
            "strength": strength_of(npmi),
            "lift_lower": pair.lift_lower(),
            "npmi_lower": pair.npmi_lower(),
            "log_likelihood": pair.log_likelihood(),
        },
        schema=SKILL_RELATIONSHIPS,
    )


@dataclass(frozen=True)
class Association:
    """Pairs of skills as two-by-two tables.

    Attributes:
        both, a, b: postings with both skills (at least one), with the first, with the second; one a pair.
        postings: all counted postings, at least one.
    """

    both: Counts
    a: Counts
    b: Counts
    postings: int

    def lift(self) -> Measures:
        """How many times more often than by chance the two are together."""
        return _lift(self.both, self.a, self.b, self.postings)

    def npmi(self) -> Measures:
        """Normalised pointwise mutual information, −1 to 1."""
        return _npmi(self.both, self.a, self.b, self.postings)

    def lift_lower(self) -> Measures:
        """The lift of `both_lower` postings with both."""
        return _lift(self.both_lower(), self.a, self.b, self.postings)

    def npmi_lower(self) -> Measures:
        """The npmi of `both_lower` postings with both: high only where a strong pair was seen often."""
        return _npmi(self.both_lower(), self.a, self.b, self.postings)

    def both_lower(self) -> Measures:
        """How many postings at least are to be expected to hold both, at 99.9 %.

        The lower end of Wilson's interval with continuity correction for the proportion of postings with both
        (method 4 of Newcombe, "Two-sided confidence intervals for the single proportion: comparison of seven
        methods", Statistics in Medicine 17, 1998), times the postings; never below what the postings with
        each leave no choice but to overlap, a + b − n.
        """
        n, p, square = self.postings, self.both / self.postings, DEVIATIONS**2
        spread = DEVIATIONS * np.sqrt(square - 2 - 1 / n + 4 * p * (n * (1 - p) + 1)) + 1
        lower = n * (2 * self.both + square - spread) / (2 * (n + square))
        return np.clip(lower, np.maximum(self.a + self.b - n, 0), self.both)

    def log_likelihood(self) -> Measures:
        """The log-likelihood ratio G² against independence; 0 where the two are together less than by chance.

        2 Σ O ln(O ÷ E) over the four cells of the table, observed and expected: Dunning, "Accurate Methods for
        the Statistics of Surprise and Coincidence", Computational Linguistics 19 (1993). Above 10.8 chance
        would do so once in a thousand pairs (χ² with one degree of freedom).
        """
        n, a, b, both = self.postings, self.a, self.b, self.both
        observed = np.stack([both, a - both, b - both, n - a - b + both])
        expected = np.stack([a * b, a * (n - b), (n - a) * b, (n - a) * (n - b)]) / n
        ratio = np.divide(observed, expected, out=np.ones(observed.shape), where=observed > 0)
        total = 2 * (observed * np.log(ratio)).sum(axis=0)
        return np.where(both * n > a * b, np.maximum(total, 0), 0)


def strength_of(npmi: Measures) -> pl.Series:
    """The name of each strength."""
    bounds = [bound for bound, _ in STRENGTHS]
    names = pl.Series([*(name for _, name in STRENGTHS), GREATEST_STRENGTH], dtype=pl.String)
    # Rounded, so that an npmi of exactly 0.5 is not missed by the last bit of a logarithm.
    return names.gather(np.searchsorted(bounds, np.round(npmi, 12), side="right"))


def _lift(both: Counts | Measures, a: Counts, b: Counts, postings: int) -> Measures:
    return both * postings / (a * b)


def _npmi(both: Counts | Measures, a: Counts, b: Counts, postings: int) -> Measures:
    information = -np.log(both / postings)
    npmi = np.ones(len(both))
    np.divide(np.log(_lift(both, a, b, postings)), information, out=npmi, where=information > 0)
    return np.clip(npmi, -1, 1)
