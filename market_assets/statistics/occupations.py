"""The occupations of postings: how many there are of each, what they ask for, and what they pay."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import polars as pl

from market_assets.postings.occupations import known_occupations
from market_assets.statistics.groups import group_values, labels, position_in_group, salaries, skill_groups
from market_assets.statistics.published_pay import PublishedPay
from market_assets.statistics.window import Window

OCCUPATION_DEMAND = pl.Schema(
    {
        "occupation": pl.String(),
        "code": pl.String(),
        "postings": pl.Int64(),
        "demand_share": pl.Float64(),
        "rank": pl.Int64(),
    }
)

OCCUPATION_SKILLS = pl.Schema(
    {
        "occupation": pl.String(),
        "skill": pl.String(),
        "postings": pl.Int64(),
        "share": pl.Float64(),
        "lift": pl.Float64(),
        "rank": pl.Int64(),
    }
)

OCCUPATION_SALARIES = pl.Schema(
    {
        "occupation": pl.String(),
        "country": pl.String(),
        "seniority": pl.String(),
        "postings_with_salary": pl.Int64(),
        "p25": pl.Float64(),
        "median_salary": pl.Float64(),
        "median_lower": pl.Float64(),
        "median_upper": pl.Float64(),
        "p75": pl.Float64(),
    }
)


def occupation_demand(window: Window) -> pl.DataFrame:
    """Postings of each occupation.

    Returns:
        Schema `OCCUPATION_DEMAND`, by rank. `code` is null of an occupation that this version does not know.
        `demand_share` is of all counted postings, also those whose occupation is unknown; `rank` is 1 for the most
        postings; ties by occupation.
    """
    codes = {name: occupation.code for name, occupation in known_occupations().items()}
    of_each = labels(window.postings["occupation"])
    rows = pl.DataFrame({"occupation": of_each.names, "postings": of_each.counts()})
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
    occupations = labels(window.postings["occupation"])
    members = skill_groups(window, occupations)
    filled = members.filled()
    occupation, skill = np.divmod(filled, max(members.skills, 1))
    postings = members.counts()[filled]
    share = postings / occupations.counts()[occupation]
    in_market = skill_groups(window).counts()[skill] / max(len(window), 1)
    order = np.lexsort((skill, -postings, occupation))
    rows = pl.DataFrame(
        {
            "occupation": occupations.names.gather(occupation),
            "skill": window.skills["skill"].gather(skill),
            "postings": postings,
            "share": share,
            "lift": share / in_market,
        }
    )
    ranked = rows[order].with_columns(rank=position_in_group(occupation[order]) + 1)
    return ranked.match_to_schema(OCCUPATION_SKILLS)


def occupation_salaries(window: Window, min_sample: int) -> pl.DataFrame:
    """What each occupation pays.

    Args:
        window: counted postings.
        min_sample: percentiles of fewer salaries are null.

    Returns:
        Schema `OCCUPATION_SALARIES`, by occupation, country and seniority (null, which is all postings, first),
        for those with at least one salary. median_lower and median_upper are the 95 % interval of the median.
    """
    combinations: tuple[tuple[str, ...], ...] = ((), ("country",), ("seniority",), ("country", "seniority"))
    rows = pl.concat(_paid(window, by, min_sample) for by in combinations)
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


def _paid(window: Window, by: tuple[str, ...], min_sample: int) -> pl.DataFrame:
    """Pay by occupation and further columns, null in the others."""
    keys = ["occupation", *by]
    known = window.postings.select(*keys, "salary", row=pl.int_range(pl.len())).drop_nulls()
    known = known.with_columns(group=pl.struct(keys).rank("dense") - 1)
    names = known.select(*keys, "group").unique().sort("group")
    grouped = group_values(known["group"].to_numpy(), salaries(window), names.height, known["row"].to_numpy())
    pay = PublishedPay(grouped, min_sample)
    lower, upper = pay.median_interval()
    return names.select(
        *keys,
        *(pl.lit(None, pl.String).alias(name) for name in ("country", "seniority") if name not in by),
        pl.Series("postings_with_salary", pay.counts),
        pay.quantile(0.25).alias("p25"),
        pay.quantile(0.50).alias("median_salary"),
        lower.alias("median_lower"),
        upper.alias("median_upper"),
        pay.quantile(0.75).alias("p75"),
    ).match_to_schema(OCCUPATION_SALARIES)
