"""Skills recommended beside each single skill, with the reason; for sets of skills see `recommender`."""

from __future__ import annotations

import numpy as np
import polars as pl

from market_assets.statistics.groups import (
    group_values,
    position_in_group,
    skill_groups,
)
from market_assets.statistics.pairs import pair_codes, postings_by_skill
from market_assets.statistics.published_pay import published_pay
from market_assets.statistics.relationships import Association, strength_of
from market_assets.statistics.window import Window

SKILL_RECOMMENDATIONS = pl.Schema(
    {
        "skill": pl.String(),
        "recommended_skill": pl.String(),
        "score": pl.Float64(),
        "rank": pl.Int64(),
        "co_occurrences": pl.Int64(),
        "npmi_lower": pl.Float64(),
        "strength": pl.String(),
        "postings_with_salary": pl.Int64(),
        "median_salary": pl.Float64(),
    }
)

#: A pair with this many co-occurrences keeps half of its cosine: the cosine of rare pairs is high by chance.
SHRINKAGE = 5


def skill_recommendations(pairs: pl.DataFrame, window: Window, min_sample: int, limit: int = 10) -> pl.DataFrame:
    """The skills that go most closely with each skill.

    Args:
        pairs: schema `pairs.SKILL_PAIRS`, counted over `window`.
        window: the counted postings.
        min_sample: the median of fewer postings with a salary is null.
        limit: the greatest number of recommendations of a skill.

    Returns:
        Schema `SKILL_RECOMMENDATIONS`, by skill and rank (from 1; ties of the score by name). The score,
        0 to 1, is the cosine of the two skills over postings, c ÷ √(a · b), shrunk by c ÷ (c + 5), where a
        and b postings have each and c both (item-to-item shrinkage as in Bell and Koren, "Scalable
        Collaborative Filtering with Jointly Derived Neighborhood Interpolation Weights", 2007). The reason:
        c as co_occurrences, npmi_lower and strength as in skill_relationships, and the median of the known
        salaries of postings with the recommended skill.

    Raises:
        OtherPostingsError: `pairs` were not counted over `window`.
    """
    a, b = pair_codes(pairs, window)
    postings, both = postings_by_skill(window), pairs["co_occurrences"].to_numpy()
    score = both / np.sqrt(postings[a] * postings[b]) * (both / (both + SHRINKAGE))
    pair = np.tile(np.arange(len(both)), 2)
    skill, other = np.concatenate((a, b)), np.concatenate((b, a))
    # Most pairs are far from the best of their skill: dropping them first makes the sort cheap.
    least = group_values(skill, score, len(postings), pair).largest(limit)
    kept = score[pair] >= least[skill]
    skill, other, pair = skill[kept], other[kept], pair[kept]
    order = np.lexsort((other, -score[pair], skill))
    place = position_in_group(skill[order])
    best = order[place < limit]
    skill, other, pair = skill[best], other[best], pair[best]
    reason = Association(both[pair], postings[skill], postings[other], max(len(window), 1))
    pay = published_pay(window, skill_groups(window), min_sample)
    names = window.skills["skill"]
    return pl.DataFrame(
        {
            "skill": names.gather(skill),
            "recommended_skill": names.gather(other),
            "score": score[pair],
            "rank": place[place < limit] + 1,
            "co_occurrences": both[pair],
            "npmi_lower": reason.lower().npmi(),
            "strength": strength_of(reason.npmi()),
            "postings_with_salary": pay.counts[other],
            "median_salary": pay.quantile(0.5).gather(other),
        },
        schema=SKILL_RECOMMENDATIONS,
    )
