"""Changes of demand: each skill's share of the postings of the last 30 days against that of the 60 before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.statistics.comparison import Comparison
from market_assets.statistics.groups import employers, known_or_null
from market_assets.statistics.significance import benjamini_hochberg, ratio_interval, two_sided_p
from market_assets.statistics.window import Window

TRENDING_SKILLS = pl.Schema(
    {
        "skill": pl.String(),
        "recent_postings": pl.Int64(),
        "previous_postings": pl.Int64(),
        "recent_share": pl.Float64(),
        "previous_share": pl.Float64(),
        "growth": pl.Float64(),
        "growth_lower": pl.Float64(),
        "growth_upper": pl.Float64(),
        "p_value": pl.Float64(),
        "q_value": pl.Float64(),
        "trend": pl.String(),
    }
)

#: The share of changes that are called so without being any, over all skills.
FALSE_DISCOVERY_RATE = 0.05
#: A change of a share by less is none that matters.
LEAST_CHANGE = 0.25
#: A skill without previous postings is emerging from this many recent postings on.
EMERGING_POSTINGS = 5
#: Skills with at least as many postings show how much employers bunch them.
_WELL_KNOWN = 10

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def trending_skills(window: Window, compared: Comparison) -> pl.DataFrame:
    """Each skill's share of the recent postings compared with its share of the previous ones.

    Args:
        window: counted postings that reach back 90 days; those outside both periods are left out.
        compared: the periods and sources. Where it has no sources, postings are counted but nothing is compared.

    Returns:
        Schema `TRENDING_SKILLS`, by skill, for skills with postings in either period. Shares are of the counted
        postings of the compared sources. `growth` is recent_share ÷ previous_share − 1, null where previous_share
        is 0, as is its 95 % interval (`significance.ratio_interval`). `p_value` is that of no change in any source
        (Cochran–Mantel–Haenszel test with continuity correction, sources as strata), and 1 where the sum of the
        sources shows the opposite; `q_value` its false discovery rate over all skills. Test and interval count
        postings ÷ design effect (`_design_effects`).
        `trend` is growing or declining (q ≤ 0.05 and |growth| ≥ 0.25), emerging (previous is 0, recent ≥ 5,
        q ≤ 0.05), steady (the interval lies within ±0.25), else uncertain. Without sources to compare, shares,
        growth and tests are null and the trend insufficient_data.
    """
    counts = _Counts.of(window, compared)
    recent, previous = counts.recent.sum(axis=0), counts.previous.sum(axis=0)
    found = np.flatnonzero(recent + previous)
    rows = pl.DataFrame(
        {
            "skill": window.skills["skill"].gather(found),
            "recent_postings": recent[found],
            "previous_postings": previous[found],
        }
    )
    if not compared.sources:
        return _without_comparison(rows)
    of_recent, of_previous = counts.of_recent.sum(), counts.of_previous.sum()
    rows = rows.with_columns(
        recent_share=pl.col("recent_postings") / of_recent,
        previous_share=pl.col("previous_postings") / of_previous,
        **_tests(counts, found),
    ).with_columns(
        growth=pl.when(pl.col("previous_postings") > 0).then(pl.col("recent_share") / pl.col("previous_share") - 1)
    )
    rows = rows.with_columns(trend=_trend()).sort("skill")
    return rows.select(pl.col(name).cast(dtype) for name, dtype in TRENDING_SKILLS.items())


def _without_comparison(counted: pl.DataFrame) -> pl.DataFrame:
    nothing = (pl.lit(None, dtype).alias(name) for name, dtype in TRENDING_SKILLS.items() if name not in counted)
    rows = counted.with_columns(nothing).with_columns(trend=pl.lit("insufficient_data"))
    return rows.select(pl.col(name).cast(dtype) for name, dtype in TRENDING_SKILLS.items()).sort("skill")


def _trend() -> pl.Expr:
    significant = pl.col("q_value") <= FALSE_DISCOVERY_RATE
    emerging = (pl.col("previous_postings") == 0) & (pl.col("recent_postings") >= EMERGING_POSTINGS)
    return (
        pl.when(significant & (pl.col("growth") >= LEAST_CHANGE))
        .then(pl.lit("growing"))
        .when(significant & (pl.col("growth") <= -LEAST_CHANGE))
        .then(pl.lit("declining"))
        .when(significant & emerging)
        .then(pl.lit("emerging"))
        .when((pl.col("growth_lower") >= -LEAST_CHANGE) & (pl.col("growth_upper") <= LEAST_CHANGE))
        .then(pl.lit("steady"))
        .otherwise(pl.lit("uncertain"))
    )


@dataclass(frozen=True)
class _Counts:
    """Postings of the periods by source (rows) and skill (columns), and all postings by source.

    `row`, `skill`: the compared (posting, skill) entries. `score`: of each posting of the window, what it adds to
    the test's score for a skill that it has: n_previous ÷ n of its source if it is recent, −n_recent ÷ n if it is
    previous, 0 if it isn't compared. `stratum`: the position of its source.
    """

    recent: Integers
    previous: Integers
    of_recent: Integers
    of_previous: Integers
    row: Integers
    skill: Integers
    score: Floats
    stratum: Integers
    employer: Integers

    @classmethod
    def of(cls, window: Window, compared: Comparison) -> _Counts:
        period = compared.periods(window).astype(np.int64)
        stratum = np.zeros(len(window), dtype=np.int64)
        for position, source in enumerate(compared.sources):
            stratum[(window.postings["source"] == source).to_numpy()] = position
        strata, skills = max(len(compared.sources), 1), window.skills.height
        of_recent = np.bincount(stratum[period == 1], minlength=strata)
        of_previous = np.bincount(stratum[period == 0], minlength=strata)
        row, skill = window.rows, window.codes.astype(np.int64)
        inside = period[row] >= 0
        row, skill = row[inside], skill[inside]
        group = stratum[row] * skills + skill
        is_recent = period[row] == 1
        recent = np.bincount(group[is_recent], minlength=strata * skills).reshape(strata, skills)
        previous = np.bincount(group[~is_recent], minlength=strata * skills).reshape(strata, skills)
        every = np.maximum(of_recent + of_previous, 1)
        weights = np.stack([-of_recent / every, of_previous / every, np.zeros(strata)])
        score = weights[np.where(period < 0, 2, period), stratum]
        employer = employers(window)
        return cls(recent, previous, of_recent, of_previous, row, skill, score, stratum, employer)

    @property
    def share(self) -> Floats:
        """The share of each source's postings of both periods that has each skill."""
        every = np.maximum(self.of_recent + self.of_previous, 1)
        shares: Floats = (self.recent + self.previous) / every[:, None]
        return shares


def _tests(counts: _Counts, found: Integers) -> dict[str, pl.Series]:
    """growth_lower, growth_upper, p_value and q_value of the skills at the positions `found`."""
    effect = _design_effects(counts)[found]
    recent, previous = counts.recent.sum(axis=0)[found], counts.previous.sum(axis=0)[found]
    figures = recent, counts.of_recent.sum(), previous, counts.of_previous.sum()
    known = previous > 0
    lower, upper = np.full(len(found), np.nan), np.full(len(found), np.nan)
    lower[known], upper[known] = ratio_interval(*((figure / effect)[known] for figure in figures))
    scores = _scores(counts, effect, found)
    # What the sum of the sources shows against the sources themselves is a change of their mix.
    of_mix = scores * (recent * counts.of_previous.sum() - previous * counts.of_recent.sum()) < 0
    p = np.where(of_mix, 1.0, two_sided_p(scores))
    return {
        "growth_lower": known_or_null(lower - 1),
        "growth_upper": known_or_null(upper - 1),
        "p_value": pl.Series(p, dtype=pl.Float64),
        "q_value": pl.Series(benjamini_hochberg(p), dtype=pl.Float64),
    }


def _scores(counts: _Counts, effect: Floats, found: Integers) -> Floats:
    """The Cochran–Mantel–Haenszel statistic of each skill as a standard normal variable, above 0 if it is growing.

    Source: Mantel and Haenszel (1959), with their continuity correction; counts are divided by the design effect
    as Rao and Scott, "A simple method for the analysis of clustered binary data" (1992), propose.
    """
    recent, having = counts.recent[:, found], (counts.recent + counts.previous)[:, found]
    # Products of four counts are beyond whole numbers of 64 bits.
    n_recent, n_previous = (each[:, None].astype(np.float64) for each in (counts.of_recent, counts.of_previous))
    n = n_recent + n_previous
    expected = having * (n_recent / n)
    variance = (n_recent * n_previous * having * (n - having) / (n**2 * np.maximum(n - 1, 1))).sum(axis=0)
    excess = (recent - expected).sum(axis=0)
    distance = np.sign(excess) * np.maximum(np.abs(excess) - effect / 2, 0)
    scores: Floats = np.divide(distance, np.sqrt(effect * variance), out=np.zeros(len(found)), where=variance > 0)
    return scores


def _design_effects(counts: _Counts) -> Floats:
    """How many postings of an employer count as one, for each skill: at least 1, and at least what is usual.

    It is the variance of the score when the postings of an employer vary together, divided by that when each
    varies by itself. What is usual is the median over the skills with enough postings.
    """
    together, alone = _clustered_variance(counts), _variance(counts)
    own = np.divide(together, alone, out=np.ones(len(alone)), where=alone > 0)
    well_known = (counts.recent + counts.previous).sum(axis=0) >= _WELL_KNOWN
    usual = float(np.median(own[well_known])) if well_known.any() else 1.0
    effects: Floats = np.maximum(own, max(usual, 1.0))
    return effects


def _variance(counts: _Counts) -> Floats:
    """For each skill, the sum over postings i of source s: ((x_i − share_s) · score_i)²; x_i: 1 with the skill."""
    share, strata = counts.share, len(counts.of_recent)
    squared = counts.score**2
    of_source = np.bincount(counts.stratum, weights=squared, minlength=strata)
    group = counts.stratum[counts.row] * share.shape[1] + counts.skill
    having = np.bincount(group, weights=squared[counts.row], minlength=share.size).reshape(share.shape)
    variance: Floats = ((1 - 2 * share) * having + share**2 * of_source[:, None]).sum(axis=0)
    return variance


def _clustered_variance(counts: _Counts) -> Floats:
    """For each skill, the sum over employers of (the sum over its postings of (x_i − share_s) · score_i)².

    It is the sum of (a − b)², where a adds up the scores of the postings that have the skill, and b is what the
    employer's postings would add at the share of their source.
    """
    share, skills = counts.share, counts.share.shape[1]
    employers, strata = int(counts.employer.max(initial=-1)) + 1, len(counts.of_recent)
    cell = counts.employer * strata + counts.stratum
    scores = np.bincount(cell, weights=counts.score, minlength=employers * strata).reshape(employers, strata)
    pairs, position = np.unique(counts.employer[counts.row] * skills + counts.skill, return_inverse=True)
    a = np.bincount(position, weights=counts.score[counts.row], minlength=len(pairs))
    employer, skill = np.divmod(pairs, max(skills, 1))
    b = np.zeros(len(pairs))
    for stratum in range(strata):
        b += scores[employer, stratum] * share[stratum, skill]
    squares = np.einsum("sk,st,tk->k", share, scores.T @ scores, share)
    added: Floats = squares + np.bincount(skill, weights=a**2 - 2 * a * b, minlength=skills)
    return added
