"""What is recommended beside a skill, and how much each skill adds to the score of another: see `recommender`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.statistics.groups import SkillGroups, rank_within
from market_assets.statistics.pairs import pair_codes
from market_assets.statistics.relationships import Association, strength_of
from market_assets.statistics.tables import SKILL_AFFINITIES, SKILL_RECOMMENDATIONS
from market_assets.statistics.window import Window

#: A pair with this many co-occurrences keeps half of its cosine: the cosine of rare pairs is high by chance.
SHRINKAGE = 5
#: The ridge penalty, in postings: effects seen in fewer postings than about this are shrunk towards 0. Chosen with
#: `benchmarks.quality.recommendations` on postings held out of its report; 10 to 30 do about as well.
PENALTY = 20.0
#: Skills in the regression, the most frequent first: its matrix has this many rows and columns.
MOST_SKILLS = 4_096
#: Weights kept for each recommended skill, the greatest in size. Of 60 skills, 40 do as well as all.
KEPT_WEIGHTS = 100
#: Decimals of a weight; the last digits of linear algebra libraries differ between machines.
DIGITS = 9

Numbers = npt.NDArray[np.float64]


def skill_recommendations(pairs: pl.DataFrame, window: Window, min_sample: int, limit: int = 10) -> pl.DataFrame:
    """The skills that go most closely with each skill.

    Args:
        pairs: schema `tables.SKILL_PAIRS`, counted over `window`.
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
    postings, both = window.postings_by_skill, pairs["co_occurrences"].to_numpy()
    score = both / np.sqrt(postings[a] * postings[b]) * (both / (both + SHRINKAGE))
    pair = np.tile(np.arange(len(both)), 2)
    # The other skill of each pair comes in order of its name, so that ties go by it.
    skill, other = np.concatenate((b, a)), np.concatenate((a, b))
    rank = rank_within(skill, score[pair])
    best = np.flatnonzero(rank <= limit)
    best = best[np.lexsort((rank[best], skill[best]))]
    skill, other, pair, rank = skill[best], other[best], pair[best], rank[best]
    reason = Association(both[pair], postings[skill], postings[other], max(len(window), 1))
    names = window.skills["skill"]
    groups = SkillGroups.of(window)
    of_other = np.searchsorted(groups.numbers, other)
    pay = groups.pay(SKILL_RECOMMENDATIONS, min_sample)
    return pl.DataFrame(
        {
            "skill": names.gather(skill),
            "recommended_skill": names.gather(other),
            "score": score[pair],
            "rank": rank,
            "co_occurrences": both[pair],
            "npmi_lower": reason.lower().npmi(),
            "strength": strength_of(reason.npmi()),
            **{name: figure.gather(of_other) for name, figure in pay.items()},
        },
        schema=SKILL_RECOMMENDATIONS,
    )


def skill_affinities(
    pairs: pl.DataFrame, window: Window, *, penalty: float = PENALTY, kept: int = KEPT_WEIGHTS
) -> pl.DataFrame:
    """A ridge regression of the presence of each skill in a posting on that of all others, solved at once.

    With X a row a posting and a column a skill, 1 where it has it, C = Σ (x − x̄)(x − x̄)ᵀ and P = (C + λI)⁻¹, the
    weight of skill h for skill j is −P_hj ÷ P_jj: Steck, "Embarrassingly Shallow Autoencoders for Sparse Data"
    (WWW 2019, EASE), with an intercept. C is computed from pair counts, so the cost does not grow with the
    number of postings.

    Args:
        pairs: schema `tables.SKILL_PAIRS`, counted over `window`.
        window: the counted postings.
        penalty: λ.
        kept: the greatest number of weights for a recommended skill.

    Returns:
        Schema `SKILL_AFFINITIES`, by skill and recommended_skill. The row of a skill with itself holds the
        intercept: its score for an empty set of skills. Empty where no two skills occur together.

    Raises:
        OtherPostingsError: `pairs` were not counted over `window`.
    """
    a, b = pair_codes(pairs, window)
    postings = window.postings_by_skill
    chosen = _most_asked(postings)
    weights, intercepts = np.zeros((0, 0)), np.zeros(0)
    if pairs.height:
        together = _together(chosen, postings, a, b, pairs["co_occurrences"].to_numpy())
        weights = _greatest(_regression(together, len(window), penalty), kept)
        share = np.diagonal(together) / len(window)
        intercepts = np.round(share - share @ weights, DIGITS)
    else:
        chosen = chosen[:0]
    h, j = np.nonzero(weights)
    skill, other = np.concatenate((chosen[h], chosen)), np.concatenate((chosen[j], chosen))
    order = np.lexsort((other, skill))
    names = window.skills["skill"]
    return pl.DataFrame(
        {
            "skill": names.gather(skill[order]),
            "recommended_skill": names.gather(other[order]),
            "weight": np.concatenate((weights[h, j], intercepts))[order],
        },
        schema=SKILL_AFFINITIES,
    )


def _most_asked(postings: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The codes of the `MOST_SKILLS` most frequent skills that postings have, ascending."""
    order = np.argsort(-postings, kind="stable")[:MOST_SKILLS]
    return np.sort(order[postings[order] > 0])


def _together(
    chosen: npt.NDArray[np.int64],
    postings: npt.NDArray[np.int64],
    a: npt.NDArray[np.int64],
    b: npt.NDArray[np.int64],
    both: npt.NDArray[np.int64],
) -> Numbers:
    """XᵀX of the chosen skills: postings with each skill (diagonal) and with each pair."""
    place = np.full(len(postings), -1)
    place[chosen] = np.arange(len(chosen))
    inside = (place[a] >= 0) & (place[b] >= 0)
    a, b = place[a[inside]], place[b[inside]]
    together = np.zeros((len(chosen), len(chosen)))
    together[a, b] = together[b, a] = both[inside]
    np.fill_diagonal(together, postings[chosen])
    return together


def _regression(together: Numbers, postings: int, penalty: float) -> Numbers:
    count = np.diagonal(together)
    spread = together - np.outer(count, count) / postings
    # A positive semidefinite matrix plus λI is always invertible.
    spread[np.diag_indices_from(spread)] += penalty
    inverse = np.linalg.inv(spread)
    weights: Numbers = -inverse / np.diagonal(inverse)
    np.fill_diagonal(weights, 0)
    return np.round(weights, DIGITS)


def _greatest(weights: Numbers, kept: int) -> Numbers:
    """The weights with all but the `kept` greatest in size of each column set to 0; ties keep the first."""
    if len(weights) <= kept:
        return weights
    order = np.argsort(-np.abs(weights), axis=0, kind="stable")[:kept]
    sparse = np.zeros_like(weights)
    np.put_along_axis(sparse, order, np.take_along_axis(weights, order, axis=0), axis=0)
    return sparse
