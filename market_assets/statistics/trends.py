"""Changes of pay and demand: salaries by month, and the last 30 days compared with the 60 before."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.statistics.groups import group_salaries, known_or_null, labels, skill_groups
from market_assets.statistics.window import Window, window_start

SALARY_TRENDS = pl.Schema(
    {
        "skill": pl.String(),
        "month": pl.String(),
        "postings": pl.Int64(),
        "average_salary": pl.Float64(),
        "median_salary": pl.Float64(),
        "trend_direction": pl.String(),
    }
)

TRENDING_SKILLS = pl.Schema(
    {
        "skill": pl.String(),
        "recent_postings": pl.Int64(),
        "previous_postings": pl.Int64(),
        "growth": pl.Float64(),
        "trend": pl.String(),
    }
)

#: A change of the median by at most one part in this many (2 %) is stable.
STABLE_PARTS = 50

RECENT_DAYS = 30
PREVIOUS_DAYS = 60
GROWING = 0.25
DECLINING = -0.25
#: A skill without previous postings is emerging from this many recent postings on.
EMERGING_POSTINGS = 3


def salary_trends(window: Window) -> pl.DataFrame:
    """Postings and salaries of each skill by month of posting (UTC).

    Returns:
        Schema `SALARY_TRENDS`, by skill and month ('YYYY-MM'), for the months in which the skill has postings.
        `postings` are with a salary or without; salaries are null where none is known. `trend_direction`, the
        same in all rows of a skill, compares the median of its last month with salaries with the first:
        increasing, decreasing, stable (within ±2 %) or insufficient_data (fewer than two such months).
    """
    months = labels(window.postings["posted_at"].dt.strftime("%Y-%m"))
    members = skill_groups(window, months)
    pay = group_salaries(window, members)
    median = pay.quantile(0.5)
    filled = members.filled()
    month, skill = np.divmod(filled, max(members.skills, 1))
    directions = _directions(median.reshape(len(months.names), members.skills))
    rows = pl.DataFrame(
        {
            "skill": window.skills["skill"].gather(skill),
            "month": months.names.gather(month),
            "postings": members.counts()[filled],
            "average_salary": known_or_null(pay.mean()[filled]),
            "median_salary": known_or_null(median[filled]),
            "trend_direction": directions.gather(skill),
        },
        schema=SALARY_TRENDS,
    )
    return rows.sort("skill", "month")


def _directions(median: npt.NDArray[np.float64]) -> pl.Series:
    """The direction of each skill, from medians by month (rows, ascending) and skill, NaN where unknown."""
    months, skills = median.shape
    if months == 0:
        return pl.Series(["insufficient_data"], dtype=pl.String).new_from_index(0, skills)
    known = np.isfinite(median)
    every = np.arange(skills)
    first = median[known.argmax(axis=0), every]
    last = median[months - 1 - known[::-1].argmax(axis=0), every]
    # Multiplied rather than divided, so that exactly 2 % of a whole amount is stable.
    stable = STABLE_PARTS * np.abs(last - first) <= first
    names = np.select(
        [known.sum(axis=0) < 2, stable, last > first],
        ["insufficient_data", "stable", "increasing"],
        default="decreasing",
    )
    return pl.Series(names.tolist(), dtype=pl.String)


def trending_skills(window: Window, as_of: datetime) -> pl.DataFrame:
    """Each skill's postings of the last 30 days compared with those of the 60 days before.

    Args:
        window: counted postings that reach back 90 days; older and later ones are left out.
        as_of: the time of the refresh, UTC. Recent is from 00:00 UTC of its day less 30 days up to as_of;
            previous is the 60 days before, without that instant.

    Returns:
        Schema `TRENDING_SKILLS`, by skill, for skills with postings in either. `growth` is
        recent ÷ (previous ÷ 2) − 1, null where previous is 0; `trend` is growing (growth ≥ 0.25), declining
        (≤ −0.25), emerging (previous is 0 and recent ≥ 3) or steady.
    """
    boundary = window_start(as_of, RECENT_DAYS)
    posted = window.postings["posted_at"]
    recent = (posted >= boundary) & (posted <= as_of)
    previous = (posted >= boundary - timedelta(days=PREVIOUS_DAYS)) & (posted < boundary)
    counts = pl.DataFrame(
        {
            "skill": window.skills["skill"],
            "recent_postings": _skill_counts(window, recent),
            "previous_postings": _skill_counts(window, previous),
        }
    ).filter((pl.col("recent_postings") > 0) | (pl.col("previous_postings") > 0))
    growth = pl.when(pl.col("previous_postings") > 0).then(
        pl.col("recent_postings") * (PREVIOUS_DAYS / RECENT_DAYS) / pl.col("previous_postings") - 1
    )
    trend = (
        pl.when(pl.col("growth") >= GROWING)
        .then(pl.lit("growing"))
        .when(pl.col("growth") <= DECLINING)
        .then(pl.lit("declining"))
        .when(pl.col("growth").is_null() & (pl.col("recent_postings") >= EMERGING_POSTINGS))
        .then(pl.lit("emerging"))
        .otherwise(pl.lit("steady"))
    )
    rows = counts.with_columns(growth=growth).with_columns(trend=trend).sort("skill")
    return rows.select(pl.col(name).cast(dtype) for name, dtype in TRENDING_SKILLS.items())


def _skill_counts(window: Window, postings: pl.Series) -> npt.NDArray[np.int64]:
    """For each skill, how many of the chosen postings (boolean, one a posting) have it."""
    chosen = np.repeat(postings.to_numpy(), np.diff(window.offsets))
    return np.bincount(window.codes[chosen], minlength=window.skills.height)
