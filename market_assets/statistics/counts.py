"""Postings by source, industry, salary band, day and so on; what they state, and on which days that is unusual."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.statistics.tables import POSTING_COVERAGE, POSTING_STATISTICS
from market_assets.statistics.window import Window

BAND_WIDTH = 25_000
TOP_BAND = 200_000
#: The days before the judged one that make the range of a source, and how many of them must have postings.
RANGE_DAYS, LEAST_DAYS = 28, 14
#: The range is the median ± so many standard deviations, estimated by the median absolute deviation (MAD).
_DEVIATIONS = 4.0
#: The MAD of a normal distribution is its standard deviation ÷ this.
_MAD_SCALE = 1.4826
#: A share may always move by this much.
_LEAST_MOVE = 0.05
_SHARES = {"pay_share": "pay", "date_share": "a date", "place_share": "a place", "skill_share": "a skill"}


def posting_statistics(window: Window) -> pl.DataFrame:
    """Postings by value of each dimension.

    Returns:
        Schema `POSTING_STATISTICS`, by dimension and value. The dimensions are source, industry, salary_band
        ('50000-75000' holds 50,000 but not 75,000; '200000+'), day ('YYYY-MM-DD' of posting, UTC),
        employment_type and remote (remote, hybrid, onsite). A missing value is 'unknown'.
    """
    postings = window.postings
    dimensions = {
        "source": postings["source"],
        "industry": postings["industry"],
        "salary_band": _salary_bands(window.salaries),
        "day": postings["posted_at"].dt.date(),
        "employment_type": postings["employment_type"],
        "remote": postings["workplace"],
    }
    counts = pl.concat(
        values.alias("value")
        .to_frame()
        .group_by("value")
        .agg(postings=pl.len().cast(pl.Int64))
        .select(
            pl.lit(dimension).alias("dimension"), pl.col("value").cast(pl.String).fill_null("unknown"), "postings"
        )
        for dimension, values in dimensions.items()
    )
    # A source may state that an industry is unknown, too.
    rows = counts.group_by("dimension", "value").agg(pl.col("postings").sum())
    return rows.match_to_schema(POSTING_STATISTICS).sort("dimension", "value")


def _salary_bands(salary: npt.NDArray[np.float64]) -> pl.Series:
    """The band of each salary, null where the salary is unknown."""
    edges = range(BAND_WIDTH, TOP_BAND + 1, BAND_WIDTH)
    names = [f"{edge - BAND_WIDTH}-{edge}" for edge in edges]
    bands = np.searchsorted(edges, salary, side="right")
    unknown = len(names) + 1
    bands[~np.isfinite(salary)] = unknown
    return pl.Series([*names, f"{TOP_BAND}+", None], dtype=pl.Categorical).gather(bands)


def posting_coverage(window: Window) -> pl.DataFrame:
    """What the counted postings of each source and of each language state.

    Returns:
        Schema `POSTING_COVERAGE`, by dimension ('language', 'source') and value; an unknown language is 'unknown'.
        Shares are of `postings`: with believable pay, with a stated date, with a known place, and
        with a skill that the posting asks for.
    """
    stated = _stated(window)
    tables = [
        stated.group_by(pl.col(dimension).alias("value"))
        .agg(postings=pl.len().cast(pl.Int64), **{share: pl.col(share).mean() for share in _SHARES})
        .with_columns(pl.col("value").cast(pl.String).fill_null("unknown"), dimension=pl.lit(dimension))
        for dimension in ("language", "source")
    ]
    return pl.concat(tables).match_to_schema(POSTING_COVERAGE).sort("dimension", "value")


def unusual_days(window: Window, as_of: datetime) -> list[str]:
    """Which sources left their own range on the day before `as_of`, in words, by source.

    A source is judged by the postings that its daily partition was the first to see, against the same kind of day
    (weekdays or weekends) among the 28 days before: their number, and the shares of `posting_coverage`. A figure
    is unusual beyond median ± 4 standard deviations, estimated by the MAD, where chance alone (a Poisson number, a
    binomial share) would not explain it. A source with fewer than 14 days of postings is not judged.
    """
    day = (as_of - timedelta(days=1)).date()
    first = day - timedelta(days=RANGE_DAYS)
    stated = _stated(window).filter(pl.col("partition_date").is_between(first, day))
    figures = stated.group_by("source", "partition_date").agg(
        postings=pl.len().cast(pl.Float64), **{share: pl.col(share).mean() for share in _SHARES}
    )
    return [
        f"{source} on {day}: {problem}"
        for (source,), days in sorted(figures.group_by("source"), key=lambda group: str(group[0][0]))
        for problem in _problems(days, day)
    ]


def _stated(window: Window) -> pl.DataFrame:
    """source, language and partition_date of each posting, and whether it states what the shares are of."""
    return window.postings.select(
        "source",
        "language",
        "partition_date",
        pl.col("salary").is_not_null().alias("pay_share"),
        pl.col("dated").alias("date_share"),
        pl.col("location").is_not_null().alias("place_share"),
        pl.Series("skill_share", window.sizes > 0),
    )


def _problems(days: pl.DataFrame, day: date) -> list[str]:
    """What is unusual about the figures of a source on a day, given those of each day with postings."""
    before = days.filter(pl.col("partition_date") < day)
    if before.height < LEAST_DAYS:
        return []
    first: date = before["partition_date"].min()  # type: ignore[assignment]
    alike = pl.date_range(first, day - timedelta(days=1), eager=True).alias("partition_date").to_frame()
    alike = alike.filter((pl.col("partition_date").dt.weekday() > 5) == (day.isoweekday() > 5))
    usual = alike.join(before, on="partition_date", how="left", maintain_order="left")
    usual = usual.with_columns(pl.col("postings").fill_null(0))
    today = days.filter(pl.col("partition_date") == day)
    number = today["postings"][0] if today.height else 0.0
    problems = []
    median, deviation = _spread(usual["postings"])
    if abs(number - median) > _DEVIATIONS * max(deviation, median**0.5, 1.0):
        problems.append(f"{number:,.0f} new postings, usually {median:,.0f}")
    for share, what in _SHARES.items() if number else ():
        part = float(today[share][0])
        median, deviation = _spread(usual[share].drop_nulls())
        chance = (max(median * (1 - median), 0.25 / number) / number) ** 0.5
        if abs(part - median) > max(_DEVIATIONS * max(deviation, chance), _LEAST_MOVE):
            problems.append(f"{part:.0%} of them state {what}, usually {median:.0%}")
    return problems


def _spread(figures: pl.Series) -> tuple[float, float]:
    """The median, and the standard deviation as the MAD estimates it."""
    values = figures.to_numpy()
    median = float(np.median(values)) if len(values) else 0.0
    return median, float(np.median(np.abs(values - median))) * _MAD_SCALE if len(values) else 0.0
