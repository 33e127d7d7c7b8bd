"""Demand for each skill, in all postings and in each industry."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.skills.weights import Weight
from market_assets.statistics.groups import (
    Labels,
    SkillGroups,
    employers,
    known_or_null,
    labels,
    mention_groups,
    position_in_group,
    skill_groups,
)
from market_assets.statistics.published_pay import published_pay
from market_assets.statistics.significance import wilson_interval
from market_assets.statistics.top_values import top_values
from market_assets.statistics.window import Window

SKILL_DEMAND = pl.Schema(
    {
        "skill": pl.String(),
        "category": pl.String(),
        "industry": pl.String(),
        "postings": pl.Int64(),
        "demand_share": pl.Float64(),
        "demand_score": pl.Float64(),
        "required_share": pl.Float64(),
        "mentions_only": pl.Int64(),
        "postings_with_salary": pl.Int64(),
        "average_salary": pl.Float64(),
        "median_salary": pl.Float64(),
        "min_salary": pl.Float64(),
        "max_salary": pl.Float64(),
        "top_sources": pl.String(),
        "top_industries": pl.String(),
        "top_locations": pl.String(),
        "rank": pl.Int64(),
    }
)

INDUSTRY_SKILLS = pl.Schema(
    {
        "industry": pl.String(),
        "skill": pl.String(),
        "postings": pl.Int64(),
        "demand_share": pl.Float64(),
        "postings_with_salary": pl.Int64(),
        "average_salary": pl.Float64(),
        "rank": pl.Int64(),
    }
)

#: demand_score is 100 at this demand_share and above.
FULL_SCORE_SHARE = 0.5


def skill_demand(window: Window, min_sample: int) -> pl.DataFrame:
    """Demand and pay of each skill, in all postings and in each known industry.

    Args:
        window: counted postings.
        min_sample: average and median of fewer postings with a salary are null.

    Returns:
        Schema `SKILL_DEMAND`, one row a skill and industry that has it, by industry (null, which is all
        postings, first) and skill. `demand_share` is of all counted postings of the row's industry, with or
        without skills; `demand_score` is 200 × share, at most 100. `required_share` is the share of the row's
        postings that require the skill, alone or as one of several (null where no weight is known).
        `mentions_only` are further postings of the row's industry, which mention the skill without asking for it;
        a skill that is only mentioned has no row. Salaries
        are annual, and null where none is known. `top_sources`, `top_industries` and `top_locations` are JSON
        lists of up to five {value, postings} of the row's own postings. `rank` is 1 for the most postings in the
        row's industry; ties by skill.
    """
    columns = {name: labels(window.postings[name]) for name in ("source", "industry", "location")}
    frames = [_profile(window, segments, columns, min_sample) for segments in (None, columns["industry"])]
    return pl.concat(frames).select(pl.col(name).cast(dtype) for name, dtype in SKILL_DEMAND.items())


def total_skill_demand(window: Window, min_sample: int) -> pl.DataFrame:
    """The rows of `skill_demand` that are about all postings, by skill."""
    columns = {name: labels(window.postings[name]) for name in ("source", "industry", "location")}
    return _profile(window, None, columns, min_sample).match_to_schema(SKILL_DEMAND)


def market_demand(window: Window, min_sample: int) -> pl.DataFrame:
    """Demand and pay of each skill in all postings: the rows of `skill_demand` without the details of each.

    Returns:
        skill, category, postings, demand_share, rank, postings_with_salary, average_salary, median_salary,
        min_salary, max_salary, by skill.
    """
    return _demand_and_pay(window, skill_groups(window), None, min_sample).drop("industry")


def share_interval(window: Window, skill: str) -> tuple[float, float] | None:
    """The 95 % interval of the share of postings that ask for a skill; None without postings.

    It is Wilson's (`significance.wilson_interval`) of as many postings as those of the window are worth: postings
    of one employer come in bunches. Their number is divided by the design effect, the variance of the share where
    the postings of an employer vary together, divided by that where each varies by itself, and at least 1.
    Source: Rao and Scott, "A simple method for the analysis of clustered binary data" (1992).
    """
    if not len(window):
        return None
    asking = np.diff(window.of_skill(skill).offsets) > 0
    employer = employers(window)
    having = np.bincount(employer, weights=asking)
    share = float(asking.mean())
    together = float(((having - share * np.bincount(employer)) ** 2).sum())
    alone = share * (1 - share) * len(window)
    effect = max(together / alone, 1.0) if alone > 0 else 1.0
    trials = np.array([len(window) / effect])
    lower, upper = wilson_interval(share * trials, trials)
    return float(lower[0]), float(upper[0])


def industry_skills(window: Window, min_sample: int) -> pl.DataFrame:
    """The skills of each known industry.

    Args:
        window: counted postings.
        min_sample: the average of fewer postings with a salary is null.

    Returns:
        Schema `INDUSTRY_SKILLS`, by industry and skill; the figures are those of the industry's rows in
        `skill_demand`.
    """
    industries = labels(window.postings["industry"])
    members = skill_groups(window, industries)
    filled = members.filled()
    pay = published_pay(window, members, min_sample)
    rows = _shares(window, members, industries).with_columns(
        postings_with_salary=pay.counts[filled], average_salary=pay.average().gather(filled)
    )
    return rows.select(pl.col(name).cast(dtype) for name, dtype in INDUSTRY_SKILLS.items())


def _profile(window: Window, segments: Labels | None, columns: dict[str, Labels], min_sample: int) -> pl.DataFrame:
    members = skill_groups(window, segments)
    filled = members.filled()
    return _demand_and_pay(window, members, segments, min_sample).with_columns(
        demand_score=pl.min_horizontal(pl.lit(100.0), 100 / FULL_SCORE_SHARE * pl.col("demand_share")),
        required_share=_required_share(window, segments, filled),
        mentions_only=mention_groups(window, segments).counts()[filled],
        top_sources=top_values(members, columns["source"]).gather(filled),
        top_industries=top_values(members, columns["industry"]).gather(filled),
        top_locations=top_values(members, columns["location"]).gather(filled),
    )


def _demand_and_pay(
    window: Window, members: SkillGroups, segments: Labels | None, min_sample: int
) -> pl.DataFrame:
    filled = members.filled()
    pay = published_pay(window, members, min_sample)
    return _shares(window, members, segments).with_columns(
        postings_with_salary=pay.counts[filled],
        average_salary=pay.average().gather(filled),
        median_salary=pay.quantile(0.5).gather(filled),
        min_salary=pay.minimum().gather(filled),
        max_salary=pay.maximum().gather(filled),
    )


def _required_share(window: Window, segments: Labels | None, filled: npt.NDArray[np.int64]) -> pl.Series:
    """Of the postings of each group with a known weight, the share that requires the skill; null without any."""
    weighed = skill_groups(window.wanted(1), segments).counts()[filled]
    required = skill_groups(window.wanted(Weight.ALTERNATIVE), segments).counts()[filled]
    share = np.divide(required, weighed, out=np.full(len(filled), np.nan), where=weighed > 0)
    return known_or_null(share)


def _shares(window: Window, members: SkillGroups, segments: Labels | None) -> pl.DataFrame:
    """One row a filled group: industry, skill, category, postings, demand_share and rank."""
    filled = members.filled()
    segment, skill = np.divmod(filled, max(members.skills, 1))
    postings = members.counts()[filled]
    of = np.full(len(filled), len(window)) if segments is None else segments.counts()[segment]
    return pl.DataFrame(
        {
            "industry": pl.repeat(None, len(filled), dtype=pl.String, eager=True)
            if segments is None
            else segments.names.gather(segment),
            "skill": window.skills["skill"].gather(skill),
            "category": window.skills["category"].gather(skill),
            "postings": postings,
            "demand_share": postings / of,
            "rank": _ranks(segment, postings),
        }
    )


def _ranks(segment: npt.NDArray[np.int64], postings: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The rank of each row within its segment by postings, from 1; ties keep their order (by skill)."""
    order = np.lexsort((np.arange(len(segment)), -postings, segment))
    ranks = np.empty(len(segment), dtype=np.int64)
    ranks[order] = position_in_group(segment[order]) + 1
    return ranks
