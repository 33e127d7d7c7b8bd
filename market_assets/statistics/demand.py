"""Demand for each skill, in all postings and in each industry."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.skills.weights import Weight
from market_assets.statistics.groups import SkillGroups, crosstab, labels
from market_assets.statistics.published_pay import known_or_null
from market_assets.statistics.significance import wilson_interval
from market_assets.statistics.tables import INDUSTRY_SKILLS, SKILL_DEMAND
from market_assets.statistics.window import Integers, Window

#: The columns of which the most frequent values are listed.
_TOP = {"top_sources": "source", "top_industries": "industry", "top_locations": "location"}
#: Up to this many combinations of skill and value, counting in a flat array (32 MiB) beats sorting.
DENSE_CELLS = 1 << 22
#: So many postings are counted at once.
_POSTINGS = 1 << 16
#: demand_score is 100 at this demand_share and above.
FULL_SCORE_SHARE = 0.5

Int64s = npt.NDArray[np.int64]


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
    industries = SkillGroups.of(window, labels(window, "industry"))
    return pl.concat([total_skill_demand(window, min_sample), _profile(industries, min_sample)])


def total_skill_demand(window: Window, min_sample: int) -> pl.DataFrame:
    """The rows of `skill_demand` that are about all postings, by skill."""
    return _profile(SkillGroups.of(window), min_sample)


def market_demand(window: Window, min_sample: int) -> pl.DataFrame:
    """Demand and pay of each skill in all postings: the rows of `skill_demand` without the details of each.

    Returns:
        skill, category, postings, demand_share, rank, postings_with_salary, average_salary, median_salary,
        min_salary, max_salary, by skill.
    """
    return _demand_and_pay(SkillGroups.of(window), min_sample)


def share_interval(window: Window, skill: str) -> tuple[float, float] | None:
    """The 95 % interval of the share of postings that ask for a skill; None without postings.

    It is Wilson's (`significance.wilson_interval`) of as many postings as those of the window are worth: postings
    of one employer come in bunches. Their number is divided by the design effect, the variance of the share where
    the postings of an employer vary together, divided by that where each varies by itself, and at least 1.
    Source: Rao and Scott, "A simple method for the analysis of clustered binary data" (1992).
    """
    if not len(window):
        return None
    asking = window.of_skill(skill).sizes > 0
    share, postings = float(asking.mean()), np.bincount(window.employers)
    having = np.bincount(window.employers, weights=asking)[postings > 0]
    together = float(((having - share * postings[postings > 0]) ** 2).sum())
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
    groups = SkillGroups.of(window, labels(window, "industry"))
    return _demand_and_pay(groups, min_sample).select(INDUSTRY_SKILLS.names())


def _profile(groups: SkillGroups, min_sample: int) -> pl.DataFrame:
    weighed, required = groups.weighing(1), groups.weighing(Weight.ALTERNATIVE)
    share = np.divide(required, weighed, out=np.full(len(weighed), np.nan), where=weighed > 0)
    rows = _demand_and_pay(groups, min_sample).with_columns(
        demand_score=pl.min_horizontal(pl.lit(100.0), 100 / FULL_SCORE_SHARE * pl.col("demand_share")),
        required_share=known_or_null(share),
        mentions_only=groups.mentions(),
        **dict(zip(_TOP, top_values(groups, *_TOP.values()), strict=True)),
    )
    return rows.match_to_schema(SKILL_DEMAND, missing_columns="insert")


def _demand_and_pay(groups: SkillGroups, min_sample: int) -> pl.DataFrame:
    """One row a group: its names, category, postings, demand_share, rank, and pay."""
    return pl.DataFrame(
        {
            **groups.names(),
            "category": groups.window.skills["category"].gather(groups.skill),
            "postings": groups.postings,
            "demand_share": groups.postings / groups.of_segment,
            "rank": groups.ranks(),
            **groups.pay(SKILL_DEMAND, min_sample),
        }
    )


def top_values(groups: SkillGroups, *columns: str, limit: int = 5) -> Iterator[pl.Series]:
    """The most frequent values of each group in some columns, by postings and then by name; nulls are left out.

    Yields:
        For each column, String, one a group: a JSON list of up to `limit` {"value": text, "postings": number}.
    """
    window, skills = groups.window, groups.window.skills.height
    coded = [window.coded(column) for column in columns]
    best = np.full((len(columns), limit, len(groups.numbers)), -1)
    for segment, rows in enumerate(groups.segments.rows()):
        for place, (values, names) in enumerate(coded):
            keys, postings = _combinations(window, rows, values, len(names))
            skill, value = np.divmod(keys, max(len(names), 1))
            starts = np.flatnonzero(np.diff(skill, prepend=-1))
            group = np.searchsorted(groups.numbers, segment * skills + skill[starts])
            # Greater for more postings, and for a name that comes first.
            merit = postings * len(names) + (len(names) - 1 - value)
            best[place][:, group] = _greatest(merit, starts, limit)
    for merits, (_, names) in zip(best, coded, strict=True):
        yield _as_json(merits, names)


def _combinations(window: Window, rows: Integers, values: Integers, width: int) -> tuple[Int64s, Int64s]:
    """The combinations of skill and value of some postings, ascending, as skill · width + value, and how often."""
    skills = window.skills.height
    if skills * width > DENSE_CELLS:
        codes, of_entry = window.codes[window.entries_of(rows)], np.repeat(values[rows], window.sizes[rows])
        known = of_entry >= 0
        return np.unique(codes[known].astype(np.int64) * width + of_entry[known], return_counts=True)
    counts = np.zeros((skills, width), dtype=np.int64)
    for start in range(0, len(rows), _POSTINGS):
        some = rows[start : start + _POSTINGS]
        of_entry = np.repeat(values[some], window.sizes[some])
        counts += crosstab(window.codes[window.entries_of(some)], of_entry, skills, width)
    found = np.flatnonzero(counts)
    return found, counts.ravel()[found]


def _greatest(merits: Int64s, starts: Int64s, limit: int) -> Int64s:
    """The greatest merits of each group, all different, down from the first; −1 where there is no further one."""
    greatest = np.full((limit, len(starts)), -1)
    if len(starts):
        group = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(merits)))
        for place in range(limit):
            greatest[place] = np.maximum.reduceat(merits, starts)
            merits = np.where(merits == greatest[place][group], -1, merits)
    return greatest


def _as_json(merits: Int64s, names: pl.Series) -> pl.Series:
    """The values and postings of merits by place (rows) and group (columns), as a list for each group."""
    quoted = pl.Series([json.dumps(name, ensure_ascii=False) for name in names], dtype=pl.String)
    objects = []
    for place in merits:
        postings, value = np.divmod(place, max(len(names), 1))
        known = pl.Series(len(names) - 1 - value).set(pl.Series(place < 0), None)
        parts = (
            pl.lit('{"value": '),
            quoted.gather(known),
            pl.lit(', "postings": '),
            pl.Series(postings),
            pl.lit("}"),
        )
        objects.append(pl.concat_str(*parts))
    lists = pl.concat_str(objects, separator=", ", ignore_nulls=True)
    return pl.select(pl.concat_str(pl.lit("["), lists, pl.lit("]"))).to_series()
