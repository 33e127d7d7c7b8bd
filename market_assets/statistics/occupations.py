"""The occupations of postings: how many there are of each, what they ask for, and what they pay."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from market_assets.postings.occupations import known_occupations
from market_assets.statistics.groups import SkillGroups, labels
from market_assets.statistics.pay import combined, pay_table
from market_assets.statistics.tables import OCCUPATION_DEMAND, OCCUPATION_SALARIES, OCCUPATION_SKILLS
from market_assets.statistics.window import Window


def occupation_demand(window: Window) -> pl.DataFrame:
    """Postings of each occupation.

    Returns:
        Schema `OCCUPATION_DEMAND`, by rank. `code` is null of an occupation that this version does not know.
        `demand_share` is of all counted postings, also those whose occupation is unknown; `rank` is 1 for the most
        postings; ties by occupation.
    """
    codes = {name: occupation.code for name, occupation in known_occupations().items()}
    of_each = labels(window, "occupation")
    rows = pl.DataFrame({**of_each.values, "postings": of_each.counts()})
    return (
        rows.sort("postings", "occupation", descending=[True, False])
        .with_columns(
            code=pl.col("occupation").replace_strict(codes, default=None, return_dtype=pl.String),
            demand_share=pl.col("postings") / len(window),
            rank=pl.int_range(1, pl.len() + 1),
        )
        .match_to_schema(OCCUPATION_DEMAND, integer_cast="upcast")
    )


def occupation_skills(window: Window) -> pl.DataFrame:
    """The skills of each occupation.

    Returns:
        Schema `OCCUPATION_SKILLS`, by occupation and rank, for those that at least one posting asks for. `share`
        is of the occupation's counted postings; `lift` is that share ÷ the share of all counted postings that ask
        for the skill, so above 1 where the occupation asks for it more often than the market; `rank` is 1 for the
        most postings of the occupation; ties by skill.
    """
    groups = SkillGroups.of(window, labels(window, "occupation"))
    share = groups.postings / groups.of_segment
    in_market = window.postings_by_skill[groups.skill] / max(len(window), 1)
    figures = {"postings": groups.postings, "share": share, "lift": share / in_market, "rank": groups.ranks()}
    return pl.DataFrame({**groups.names(), **figures}, OCCUPATION_SKILLS).sort("occupation", "rank")


def occupation_salaries(window: Window, min_sample: int) -> pl.DataFrame:
    """What each occupation pays.

    Args:
        window: counted postings.
        min_sample: percentiles of fewer salaries are null.

    Returns:
        Schema `OCCUPATION_SALARIES`, by occupation, country and seniority (null, which is all postings, first),
        for those with at least one salary. median_lower and median_upper are the 95 % interval of the median.
    """
    of_each = combined(window, "country", "seniority", always=("occupation",))
    rows = pl.concat(pay_table(window, segments, OCCUPATION_SALARIES, min_sample) for segments in of_each)
    return rows.sort("occupation", "country", "seniority")


def skills_to_learn(skills: pl.DataFrame, held: Collection[str], k: int, min_sample: int) -> pl.DataFrame:
    """What an occupation asks for more often than the market does, and somebody lacks.

    Args:
        skills: the rows of `occupation_skills` of the occupation.
        held: the skills at hand.
        k: the greatest number of skills.
        min_sample: skills of fewer postings of the occupation are left out: they may be chance.

    Returns:
        Those rows, by rank.
    """
    wanted = (pl.col("lift") > 1) & (pl.col("postings") >= min_sample) & ~pl.col("skill").is_in(sorted(held))
    return skills.filter(wanted).sort("rank").head(k)
