"""How strongly two skills belong together: the measures of association rules."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.compute.facts import Facts
from market_assets.compute.relationships.pairs import pair_codes, postings_by_skill

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
    }
)

#: A pair that was seen once may be chance.
MINIMUM_CO_OCCURRENCES = 2

#: Strength by npmi: the first whose bound lies above it.
STRENGTHS = ((0.05, "very_weak"), (0.15, "weak"), (0.3, "moderate"), (0.5, "strong"))
GREATEST_STRENGTH = "very_strong"


def skill_relationships(pairs: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """The association of each pair of skills that occurs at least twice.

    Args:
        pairs: schema `pairs.SKILL_PAIRS`, counted over `facts`.
        facts: the counted postings of the window.

    Returns:
        Schema `SKILL_RELATIONSHIPS`, by skill_a and skill_b. With n postings, of which a have skill_a, b have
        skill_b and c have both: support = c ÷ n, confidence_ab = c ÷ a, confidence_ba = c ÷ b,
        lift = c · n ÷ (a · b), and npmi = ln(lift) ÷ −ln(support), from −1 (never together) over 0
        (independent) to 1 (only together; also where c = n): Bouma, "Normalized (Pointwise) Mutual
        Information in Collocation Extraction" (2009). Nothing is smoothed. `strength` is very_weak below
        npmi 0.05, weak below 0.15, moderate below 0.3, strong below 0.5, else very_strong.

    Raises:
        ValueError: `pairs` were not counted over `facts`.
    """
    seen = pairs.filter(pl.col("co_occurrences") >= MINIMUM_CO_OCCURRENCES).sort("skill_a", "skill_b")
    both, postings = seen["co_occurrences"].to_numpy(), len(facts)
    with_skill = postings_by_skill(facts)
    a, b = (with_skill[codes] for codes in pair_codes(seen, facts))
    support = both / max(postings, 1)
    lift = both * postings / (a * b)
    npmi = _npmi(lift, support)
    return pl.DataFrame(
        {
            **seen.select("skill_a", "skill_b", "co_occurrences").to_dict(),
            "support": support,
            "confidence_ab": both / a,
            "confidence_ba": both / b,
            "lift": lift,
            "npmi": npmi,
            "strength": _strength(npmi),
        },
        schema=SKILL_RELATIONSHIPS,
    )


def _npmi(lift: npt.NDArray[np.float64], support: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    information = -np.log(support)
    npmi = np.ones(len(lift))
    np.divide(np.log(lift), information, out=npmi, where=information > 0)
    return np.clip(npmi, -1, 1)


def _strength(npmi: npt.NDArray[np.float64]) -> pl.Series:
    bounds = [bound for bound, _ in STRENGTHS]
    names = pl.Series([*(name for _, name in STRENGTHS), GREATEST_STRENGTH], dtype=pl.String)
    # Rounded, so that an npmi of exactly 0.5 is not missed by the last bit of a logarithm.
    return names.gather(np.searchsorted(bounds, np.round(npmi, 12), side="right"))
