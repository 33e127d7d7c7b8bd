"""Changes of demand: each skill's share of the postings of the last 30 days against that of the 60 before."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.statistics.comparison import Comparison
from market_assets.statistics.groups import Labels, runs, skill_blocks, skill_counts
from market_assets.statistics.published_pay import known_or_null
from market_assets.statistics.significance import benjamini_hochberg, ratio_interval, two_sided_p
from market_assets.statistics.tables import TRENDING_SKILLS
from market_assets.statistics.window import Window

#: The share of changes that are called so without being any, over all skills.
FALSE_DISCOVERY_RATE = 0.05
#: Of what `weekly_changes` compares.
WEEK = timedelta(days=7)
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
        rows = rows.with_columns(trend=pl.lit("insufficient_data"))
        return rows.match_to_schema(TRENDING_SKILLS, missing_columns="insert").sort("skill")
    of_recent, of_previous = counts.of_recent.sum(), counts.of_previous.sum()
    rows = rows.with_columns(
        recent_share=pl.col("recent_postings") / of_recent,
        previous_share=pl.col("previous_postings") / of_previous,
        **_tests(counts, found),
    ).with_columns(
        growth=pl.when(pl.col("previous_postings") > 0).then(pl.col("recent_share") / pl.col("previous_share") - 1)
    )
    return rows.with_columns(trend=_trend()).match_to_schema(TRENDING_SKILLS).sort("skill")


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

    Of each posting of the window, `cell`: twice the position of its source, and one more if it is recent; −1 if it
    isn't compared. Of the least type, since it is looked up for every skill of a posting.
    """

    window: Window
    recent: Integers
    previous: Integers
    of_recent: Integers
    of_previous: Integers
    cell: Integers

    @classmethod
    def of(cls, window: Window, compared: Comparison) -> _Counts:
        period = compared.periods(window)
        strata, skills = max(len(compared.sources), 1), window.skills.height
        cell = period.astype(np.min_scalar_type(-2 * strata))
        for position, source in enumerate(compared.sources):
            cell[(window.postings["source"] == source).to_numpy() & (period >= 0)] += 2 * position
        counts = skill_counts(window, Labels(cell, {}, strata * 2)).reshape(strata, 2, skills)
        of_previous, of_recent = np.bincount(cell[cell >= 0], minlength=strata * 2).reshape(strata, 2).T
        return cls(window, counts[:, 1], counts[:, 0], of_recent, of_previous, cell)

    @property
    def share(self) -> Floats:
        """The share of each source's postings of both periods that has each skill."""
        every = np.maximum(self.of_recent + self.of_previous, 1)
        shares: Floats = (self.recent + self.previous) / every[:, None]
        return shares

    @property
    def scores(self) -> tuple[Floats, Floats]:
        """What a recent, and what a previous, posting of each source adds to the score of a skill that it has.

        They are n_previous ÷ n and −n_recent ÷ n, of the postings of the source.
        """
        every = np.maximum(self.of_recent + self.of_previous, 1)
        return self.of_previous / every, -self.of_recent / every


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
    recent, previous = (score[:, None] ** 2 for score in counts.scores)
    of_source = recent * counts.of_recent[:, None] + previous * counts.of_previous[:, None]
    having = recent * counts.recent + previous * counts.previous
    variance: Floats = ((1 - 2 * counts.share) * having + counts.share**2 * of_source).sum(axis=0)
    return variance


def _clustered_variance(counts: _Counts) -> Floats:
    """For each skill, the sum over employers of (the sum over its postings of (x_i − share_s) · score_i)².

    It is the sum of (a − b)², where a adds up the scores of the postings that have the skill, and b is what the
    employer's postings would add at the share of their source.
    """
    window, share = counts.window, counts.share
    employer, strata = window.employers, len(counts.of_recent)
    recent, previous = counts.scores
    rows: Integers = np.flatnonzero(counts.cell >= 0)
    rows = rows[np.argsort(employer[rows], kind="stable")]
    cell, employer = counts.cell[rows], employer[rows]
    score = np.stack((previous, recent), axis=1).ravel()
    many = int(employer.max(initial=-1)) + 1
    numbers = employer * np.int64(strata) + cell // 2
    of_employer = np.bincount(numbers, weights=score[cell], minlength=many * strata).reshape(many, strata)
    added: Floats = np.einsum("sk,st,tk->k", share, of_employer.T @ of_employer, share)
    for place, codes in skill_blocks(window.entries_by_skill(rows)):
        starts = runs(codes, employer[place])
        skill, of = codes[starts], employer[place[starts]]
        a = np.add.reduceat(score[cell[place]], starts)
        b = (of_employer[of] * share.T[skill]).sum(axis=1)
        added += np.bincount(skill, weights=a**2 - 2 * a * b, minlength=len(added))
    return added


@dataclass(frozen=True)
class WeeklyChanges:
    """How many postings came in either week, and how the share of each skill changed.

    Attributes:
        postings, postings_before: counted postings of the last seven days and of the seven before.
        skills: schema `TRENDING_SKILLS`, recent being the last week and previous the one before.
    """

    postings: int
    postings_before: int
    skills: pl.DataFrame


def weekly_changes(window: Window, as_of: datetime, sources: Collection[str]) -> WeeklyChanges:
    """Compare two weeks as `trending_skills` compares its periods.

    Args:
        window: counted postings that reach back two weeks.
        as_of: where the last week ends, UTC.
        sources: those that are compared (see `comparison`); without any, no change is known.
    """
    boundary = as_of - WEEK
    compared = Comparison(as_of, boundary, boundary - WEEK, tuple(sorted(sources)), {})
    posted = window.postings["posted_at"]
    return WeeklyChanges(
        postings=int(posted.is_between(boundary, as_of).sum()),
        postings_before=int(posted.is_between(boundary - WEEK, boundary, closed="left").sum()),
        skills=trending_skills(window, compared),
    )
