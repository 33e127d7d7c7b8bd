"""Which skills to learn next: those that go most closely with the ones at hand, and why."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from market_assets.compute.facts import Facts
from market_assets.compute.relationships.affinities import DIGITS
from market_assets.compute.relationships.pairs import pair_codes, postings_by_skill
from market_assets.compute.relationships.strength import STRENGTHS, Association, strength_of
from market_assets.compute.statistics.grouped import group_values, known_or_null
from market_assets.compute.statistics.groups import labels, place_in_group, salaries, skill_groups

SKILL_RECOMMENDATIONS = pl.Schema(
    {
        "skill": pl.String(),
        "recommended_skill": pl.String(),
        "score": pl.Float64(),
        "rank": pl.Int64(),
        "co_occurrences": pl.Int64(),
        "npmi_lower": pl.Float64(),
        "strength": pl.String(),
        "median_salary": pl.Float64(),
    }
)

#: A skill at hand that a recommended one goes with, and how strongly.
GOES_WITH = pl.Struct(
    {"skill": pl.String(), "co_occurrences": pl.Int64(), "npmi_lower": pl.Float64(), "strength": pl.String()}
)
#: What does not count as going together: a skill that is merely frequent needs a better reason. Costs 0.004 of the
#: hit-rate in `benchmarks.quality.recommendations`.
_BARELY = STRENGTHS[0][1]
_REASON = [field.name for field in GOES_WITH.fields]
RECOMMENDED = pl.Schema(
    {
        "recommended_skill": pl.String(),
        "score": pl.Float64(),
        "rank": pl.Int64(),
        "median_salary": pl.Float64(),
        "goes_with": pl.List(GOES_WITH),
    }
)

#: A pair seen this often has half of its cosine: rare pairs, whose cosine is high by chance, come later.
SHRINKAGE = 5
#: How many skills at hand are named beside a recommended one.
MOST_REASONS = 3


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
        Collaborative Filtering with Jointly Derived Neighborhood Interpolation Weights", 2007). The reason:
        c as co_occurrences, npmi_lower and strength as in skill_relationships, and the median of the known
        salaries of postings with the recommended skill.

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
    skill, other, pair = skill[able], other[able], pair[able]
    order = np.lexsort((other, -score[pair], skill))
    place = place_in_group(skill[order])
    best = order[place < limit]
    skill, other, pair = skill[best], other[best], pair[best]
    reason = Association(both[pair], postings[skill], postings[other], max(len(facts), 1))
    names = facts.skills["skill"]
    return pl.DataFrame(
        {
            "skill": names.gather(skill),
            "recommended_skill": names.gather(other),
            "score": score[pair],
            "rank": place[place < limit] + 1,
            "co_occurrences": both[pair],
            "npmi_lower": reason.npmi_lower(),
            "strength": strength_of(reason.npmi()),
            "median_salary": _median_salaries(facts).gather(other),
        },
        schema=SKILL_RECOMMENDATIONS,
    )


def recommend(
    skills: Sequence[str], affinities: pl.DataFrame, related: pl.DataFrame, pay: pl.DataFrame, k: int
) -> pl.DataFrame:
    """The skills that go most closely with a set of skills, each with the reason.

    Args:
        skills: the skills at hand; unknown ones and repetitions are ignored.
        affinities: schema `affinities.SKILL_AFFINITIES`; rows neither of a skill at hand nor of a skill with
            itself are not looked at.
        related: as from `related.related_skills`; rows of other skills than those at hand are not looked at.
        pay: skill, median_salary.
        k: the greatest number of recommendations.

    Returns:
        Schema `RECOMMENDED`, by rank: skills not at hand that go at least weakly with some skill at hand. The
        score is about the share of postings that ask for the skill among those that ask for the ones at hand and
        nothing else: the sum of the affinities of the skills at hand and of the skill with itself; ties by name.
        `goes_with` are up to three skills at hand, the surest first.

    Raises:
        ValueError: k is negative.
    """
    if k < 0:
        raise ValueError(f"k must not be negative, but is {k}")
    held = pl.Series(sorted(set(skills)), dtype=pl.String).implode()
    reasons = (
        related.lazy()
        .filter(pl.col("strength") != _BARELY, pl.col("skill").is_in(held), ~pl.col("related_skill").is_in(held))
        .select(pl.col("related_skill").alias("recommended_skill"), "npmi", *_REASON)
        .collect()
    )
    counted = affinities.filter(
        pl.col("skill").is_in(held) | (pl.col("skill") == pl.col("recommended_skill")),
        pl.col("recommended_skill").is_in(reasons["recommended_skill"].unique().implode()),
    )
    best = _greatest_sums(counted, k)
    explained = (
        reasons.join(best, on="recommended_skill", how="semi")
        .sort("npmi_lower", "npmi", "skill", descending=[True, True, False])
        .group_by("recommended_skill")
        .agg(goes_with=pl.struct(_REASON).head(MOST_REASONS))
    )
    return (
        best.join(pay.rename({"skill": "recommended_skill"}), on="recommended_skill", how="left")
        .join(explained, on="recommended_skill", how="left")
        .sort("rank")
        .select(pl.col(name).cast(dtype) for name, dtype in RECOMMENDED.items())
    )


def _greatest_sums(affinities: pl.DataFrame, k: int) -> pl.DataFrame:
    """recommended_skill, score, rank of the k greatest sums of weights."""
    others = labels(affinities["recommended_skill"])
    sums = np.bincount(others.codes, weights=affinities["weight"].to_numpy(), minlength=len(others.names))
    # To the digits of the weights, so that the order in which they were added does not matter.
    sums = np.round(sums, DIGITS)
    best = np.argsort(-sums, kind="stable")[:k]
    return pl.DataFrame(
        {
            "recommended_skill": others.names.gather(best),
            "score": sums[best],
            "rank": np.arange(1, len(best) + 1),
        },
        schema={name: RECOMMENDED[name] for name in ("recommended_skill", "score", "rank")},
    )


def _median_salaries(facts: Facts) -> pl.Series:
    """Of each skill of `facts.skills`; null where no salary is known."""
    members = skill_groups(facts)
    pay = group_values(members.groups, salaries(facts), members.size, members.rows)
    return known_or_null(pay.quantile(0.5))
