"""Which skills to learn next: those that go most closely with the ones at hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from market_assets.compute.facts import Facts
from market_assets.compute.relationships.pairs import pair_codes, postings_by_skill
from market_assets.compute.statistics.grouped import group_values
from market_assets.compute.statistics.groups import labels, place_in_group

SKILL_RECOMMENDATIONS = pl.Schema(
    {"skill": pl.String(), "recommended_skill": pl.String(), "score": pl.Float64(), "rank": pl.Int64()}
)

RECOMMENDED = pl.Schema({"recommended_skill": pl.String(), "score": pl.Float64(), "rank": pl.Int64()})

#: A pair seen this often has half of its cosine: rare pairs, whose cosine is high by chance, come later.
SHRINKAGE = 5


def skill_recommendations(pairs: pl.DataFrame, facts: Facts, limit: int = 10) -> pl.DataFrame:
    """The skills that go most closely with each skill.

    Args:
        pairs: schema `pairs.SKILL_PAIRS`, counted over `facts`.
        facts: the counted postings of the window.
        limit: the greatest number of recommendations of a skill.

    Returns:
        Schema `SKILL_RECOMMENDATIONS`, by skill and rank (from 1; ties of the score by name). The score,
        0 to 1, is the cosine of the two skills over postings, c ÷ √(a · b), shrunk by c ÷ (c + 5), where a
        and b postings have each and c both (item-to-item shrinkage as in Bell and Koren, "Scalable
        Collaborative Filtering with Jointly Derived Neighborhood Interpolation Weights", 2007).

    Raises:
        ValueError: `pairs` were not counted over `facts`.
    """
    a, b = pair_codes(pairs, facts)
    postings, both = postings_by_skill(facts), pairs["co_occurrences"].to_numpy()
    score = both / np.sqrt(postings[a] * postings[b]) * (both / (both + SHRINKAGE))
    pair = np.tile(np.arange(len(both)), 2)
    skill, other = np.concatenate((a, b)), np.concatenate((b, a))
    # Most pairs are far from the best of their skill: leaving them out first spares a slow sort.
    least = group_values(skill, score, len(postings), pair).largest(limit)
    able = score[pair] >= least[skill]
    skill, other, score = skill[able], other[able], score[pair[able]]
    order = np.lexsort((other, -score, skill))
    place = place_in_group(skill[order])
    best = order[place < limit]
    names = facts.skills["skill"]
    return pl.DataFrame(
        {
            "skill": names.gather(skill[best]),
            "recommended_skill": names.gather(other[best]),
            "score": score[best],
            "rank": place[place < limit] + 1,
        },
        schema=SKILL_RECOMMENDATIONS,
    )


def recommend(skills: Sequence[str], recommendations: pl.DataFrame, k: int) -> pl.DataFrame:
    """The skills that go most closely with a set of skills.

    Args:
        skills: the skills at hand; unknown ones and repetitions are ignored.
        recommendations: schema `SKILL_RECOMMENDATIONS`.
        k: the greatest number of recommendations.

    Returns:
        Schema `RECOMMENDED`, by rank: skills not at hand, by the sum of their scores over the skills at hand,
        ties by name.

    Raises:
        ValueError: k is negative.
    """
    if k < 0:
        raise ValueError(f"k must not be negative, but is {k}")
    held = pl.Series(sorted(set(skills)), dtype=pl.String)
    candidates = recommendations.filter(
        pl.col("skill").is_in(held.implode()), ~pl.col("recommended_skill").is_in(held.implode())
    ).sort("recommended_skill", "skill")
    others = labels(candidates["recommended_skill"])
    # bincount adds in the order of the rows, so that the sums never depend on threads.
    sums = np.bincount(others.codes, weights=candidates["score"].to_numpy(), minlength=len(others.names))
    best = np.argsort(-sums, kind="stable")[:k]
    return pl.DataFrame(
        {
            "recommended_skill": others.names.gather(best),
            "score": sums[best],
            "rank": np.arange(1, len(best) + 1),
        },
        schema=RECOMMENDED,
    )
