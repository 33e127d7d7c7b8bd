"""Postings by source, industry, salary band, day, employment type and workplace."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.statistics.groups import salaries
from market_assets.statistics.window import Window

POSTING_STATISTICS = pl.Schema({"dimension": pl.String(), "value": pl.String(), "postings": pl.Int64()})

BAND_WIDTH = 25_000
TOP_BAND = 200_000


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
        "salary_band": _salary_bands(salaries(window)),
        "day": postings["posted_at"].dt.date().cast(pl.String),
        "employment_type": postings["employment_type"],
        "remote": postings["workplace"],
    }
    counts = [
        pl.DataFrame({"value": values.fill_null("unknown")})
        .group_by("value")
        .agg(postings=pl.len())
        .select(pl.lit(dimension).alias("dimension"), "value", pl.col("postings").cast(pl.Int64))
        for dimension, values in dimensions.items()
    ]
    return pl.concat(counts).match_to_schema(POSTING_STATISTICS).sort("dimension", "value")


def _salary_bands(salary: npt.NDArray[np.float64]) -> pl.Series:
    """The band of each salary, null where the salary is unknown."""
    edges = range(BAND_WIDTH, TOP_BAND + 1, BAND_WIDTH)
    names = [f"{edge - BAND_WIDTH}-{edge}" for edge in edges]
    bands = np.searchsorted(edges, salary, side="right")
    unknown = len(names) + 1
    bands[~np.isfinite(salary)] = unknown
    return pl.Series([*names, f"{TOP_BAND}+", None], dtype=pl.String).gather(bands)
