"""The association of two skills: measures of association rules, and their lower bounds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.statistics.pairs import pair_codes
from market_assets.statistics.tables import SKILL_RELATIONSHIPS
from market_assets.statistics.window import Window

Counts = npt.NDArray[np.int64]
Measures = npt.NDArray[np.float64]

#: A pair that was seen once may be chance.
MINIMUM_CO_OCCURRENCES = 2

#: Upper bounds of npmi (exclusive) of the strengths.
STRENGTHS = ((0.05, "very_weak"), (0.15, "weak"), (0.3, "moderate"), (0.5, "strong"))
GREATEST_STRENGTH = "very_strong"

#: The order of a skill's relationships (True: greatest first): by lower bounds, so that rare pairs come late.
CLOSEST_FIRST = {"npmi_lower": True, "npmi": True, "co_occurrences": True, "related_skill": False}

#: The quantile of the normal distribution for a two-sided interval of 99.9 %. Thousands of pairs are compared: at
#: the usual 95 %, one in forty of them would lie below its bound.
DEVIATIONS = 3.2905267314919255


def skill_relationships(pairs: pl.DataFrame, window: Window) -> pl.DataFrame:
    """The association of each pair of skills that occurs at least twice.

    Args:
        pairs: schema `tables.SKILL_PAIRS`, counted over `window`.
        window: the counted postings.

    Returns:
        Schema `SKILL_RELATIONSHIPS`, by skill_a and skill_b. With n postings, of which a have skill_a, b have
        skill_b and c have both: support = c ÷ n, confidence_ab = c ÷ a, confidence_ba = c ÷ b,
        lift = c · n ÷ (a · b), and npmi = ln(lift) ÷ −ln(support), from −1 (never together) over 0
        (independent) to 1 (only together; also where c = n): Bouma, "Normalized (Pointwise) Mutual
        Information in Collocation Extraction" (2009). Nothing is smoothed. `strength` is very_weak below
        npmi 0.05, weak below 0.15, moderate below 0.3, strong below 0.5, else very_strong.
        lift_lower and npmi_lower are those of `Association.lower`, log_likelihood is that of `Association`.

    Raises:
        OtherPostingsError: `pairs` were not counted over `window`.
    """
    pairs = pairs.sort("skill_a", "skill_b")
    seen = (pairs["co_occurrences"] >= MINIMUM_CO_OCCURRENCES).to_numpy()
    with_skill = window.postings_by_skill
    a, b = (with_skill[codes[seen]] for codes in pair_codes(pairs, window))
    pairs = pairs.filter(seen)
    both = pairs["co_occurrences"].to_numpy()
    pair = Association(both, a, b, max(len(window), 1))
    npmi, lower = pair.npmi(), pair.lower()
    return pl.DataFrame(
        {
            **pairs.select("skill_a", "skill_b", "co_occurrences").to_dict(),
            "support": both / pair.postings,
            "confidence_ab": both / a,
            "confidence_ba": both / b,
            "lift": pair.lift(),
            "npmi": npmi,
            "strength": strength_of(npmi),
            "lift_lower": lower.lift(),
            "npmi_lower": lower.npmi(),
            "log_likelihood": pair.log_likelihood(),
        },
        schema=SKILL_RELATIONSHIPS,
    )


@dataclass(frozen=True)
class Association:
    """Pairs of skills as two-by-two tables of postings.

    Attributes:
        both, a, b: postings with both skills (more than 0), with the first, with the second; one a pair.
        postings: all counted postings, at least one.
    """

    both: Counts | Measures
    a: Counts
    b: Counts
    postings: int

    def lift(self) -> Measures:
        """How many times more often the two occur together than if they were independent."""
        lift: Measures = self.both * self.postings / (self.a * self.b)
        return lift

    def npmi(self) -> Measures:
        """Normalised pointwise mutual information, −1 to 1."""
        information = -np.log(self.both / self.postings)
        npmi = np.ones(len(self.both))
        np.divide(np.log(self.lift()), information, out=npmi, where=information > 0)
        return np.clip(npmi, -1, 1)

    def lower(self) -> Association:
        """The same pairs with the lower bounds, at 99.9 %, of the expected number of postings with both.

        The lower end of Wilson's interval with continuity correction for the proportion of postings with both
        (method 4 of Newcombe, "Two-sided confidence intervals for the single proportion: comparison of seven
        methods", Statistics in Medicine 17, 1998), times the postings; never below the overlap that is
        inevitable, a + b − n. Its lift and npmi are high only for strong pairs of many postings.
        """
        n, p, square = self.postings, self.both / self.postings, DEVIATIONS**2
        spread = DEVIATIONS * np.sqrt(square - 2 - 1 / n + 4 * p * (n * (1 - p) + 1)) + 1
        lower = n * (2 * self.both + square - spread) / (2 * (n + square))
        return replace(self, both=np.clip(lower, np.maximum(self.a + self.b - n, 0), self.both))

    def log_likelihood(self) -> Measures:
        """The log-likelihood ratio G² against independence; 0 where the two occur together less than by chance.

        2 Σ O ln(O ÷ E) over the four cells of the table, observed and expected: Dunning, "Accurate Methods for
        the Statistics of Surprise and Coincidence", Computational Linguistics 19 (1993). Of
        independent pairs, one in a thousand is above 10.8 (χ² with one degree of freedom).
        """
        n, a, b, both = self.postings, self.a, self.b, self.both
        observed = np.stack([both, a - both, b - both, n - a - b + both])
        expected = np.stack([a * b, a * (n - b), (n - a) * b, (n - a) * (n - b)]) / n
        ratio = np.divide(observed, expected, out=np.ones(observed.shape), where=observed > 0)
        total = 2 * (observed * np.log(ratio)).sum(axis=0)
        return np.where(both * n > a * b, np.maximum(total, 0), 0)


def strength_of(npmi: Measures) -> pl.Series:
    """The name of the strength of each npmi."""
    bounds = [bound for bound, _ in STRENGTHS]
    names = pl.Series([*(name for _, name in STRENGTHS), GREATEST_STRENGTH], dtype=pl.String)
    # Rounded, because the logarithms of an npmi of exactly 0.5 may be off by the last bit.
    return names.gather(np.searchsorted(bounds, np.round(npmi, 12), side="right"))


def related_skills(relationships: pl.DataFrame) -> pl.DataFrame:
    """The relationships of each skill: each pair twice, once for either skill.

    Args:
        relationships: schema `SKILL_RELATIONSHIPS`.

    Returns:
        skill, related_skill, co_occurrences, support, confidence (the share of the skill's postings that have the
        related one too), confidence_reverse, lift, npmi, strength, lift_lower, npmi_lower, log_likelihood.
    """
    names = ["skill_a", "skill_b", "confidence_ab", "confidence_ba"]
    swapped = ["skill_b", "skill_a", "confidence_ba", "confidence_ab"]
    columns = ["skill", "related_skill", "confidence", "confidence_reverse"]
    measures = [name for name in SKILL_RELATIONSHIPS if name not in names]
    sides = (
        relationships.select(*(pl.col(old).alias(new) for old, new in zip(side, columns, strict=True)), *measures)
        for side in (names, swapped)
    )
    order = ["skill", "related_skill", "co_occurrences", "support", "confidence", "confidence_reverse"]
    return pl.concat(sides).select(*order, pl.exclude(order))
