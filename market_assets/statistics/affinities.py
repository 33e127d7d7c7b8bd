"""How much each skill at hand speaks for or against each other one, given the rest: what `recommend` adds up."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.statistics.pairs import pair_codes, postings_by_skill
from market_assets.statistics.window import Window

SKILL_AFFINITIES = pl.Schema({"skill": pl.String(), "recommended_skill": pl.String(), "weight": pl.Float64()})

#: The ridge penalty, in postings: what fewer postings than about this many suggest is not believed. Chosen by
#: `benchmarks.quality.recommendations` on postings that it doesn't report on; 10 to 30 do about as well.
PENALTY = 20.0
#: Skills that are taken into the regression, the most asked for first: its matrix has their number squared.
MOST_SKILLS = 4_096
#: Weights that are kept for each recommended skill, the greatest first. Of 60 skills, 40 do as well as all.
KEPT_WEIGHTS = 100
#: Digits of a weight: fewer than a linear algebra library's last ones, which vary with the machine.
DIGITS = 9

Numbers = npt.NDArray[np.float64]


def skill_affinities(
    pairs: pl.DataFrame, window: Window, *, penalty: float = PENALTY, kept: int = KEPT_WEIGHTS
) -> pl.DataFrame:
    """A ridge regression of whether a posting has a skill on which of the others it has, for every skill at once.

    With X a row a posting and a column a skill, 1 where it has it, C = Σ (x − x̄)(x − x̄)ᵀ and P = (C + λI)⁻¹, the
    weight of skill h for skill j is −P_hj ÷ P_jj: Steck, "Embarrassingly Shallow Autoencoders for Sparse Data"
    (WWW 2019, EASE), with an intercept, by taking the means out. C comes from the pairs and the number of
    postings, so that the cost does not grow with them.

    Args:
        pairs: schema `pairs.SKILL_PAIRS`, counted over `window`.
        window: the counted postings.
        penalty: λ.
        kept: the greatest number of weights for a recommended skill.

    Returns:
        Schema `SKILL_AFFINITIES`, by skill and recommended_skill. The row of a skill with itself has the
        intercept: the score of the skill where nothing is at hand. Empty where no skills were seen together.

    Raises:
        OtherPostingsError: `pairs` were not counted over `window`.
    """
    a, b = pair_codes(pairs, window)
    postings = postings_by_skill(window)
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
    """The codes of the skills that postings have, ascending, of too many the most frequent ones."""
    order = np.argsort(-postings, kind="stable")[:MOST_SKILLS]
    return np.sort(order[postings[order] > 0])


def _together(
    chosen: npt.NDArray[np.int64],
    postings: npt.NDArray[np.int64],
    a: npt.NDArray[np.int64],
    b: npt.NDArray[np.int64],
    both: npt.NDArray[np.int64],
) -> Numbers:
    """XᵀX of the chosen skills: how many postings have each, and each two."""
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
    # The sum of a matrix that is never negative and λI: it always has an inverse.
    spread[np.diag_indices_from(spread)] += penalty
    inverse = np.linalg.inv(spread)
    weights: Numbers = -inverse / np.diagonal(inverse)
    np.fill_diagonal(weights, 0)
    return np.round(weights, DIGITS)


def _greatest(weights: Numbers, kept: int) -> Numbers:
    """The weights, in each column all but the `kept` of greatest size 0; of equal ones the first are kept."""
    if len(weights) <= kept:
        return weights
    order = np.argsort(-np.abs(weights), axis=0, kind="stable")[:kept]
    sparse = np.zeros_like(weights)
    np.put_along_axis(sparse, order, np.take_along_axis(weights, order, axis=0), axis=0)
    return sparse
