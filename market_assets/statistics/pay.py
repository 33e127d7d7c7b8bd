"""Pay by skill and by location. Salaries are annual, in the reporting currency."""

from __future__ import annotations

import numpy as np
import polars as pl

from market_assets.statistics.groups import (
    group_salaries,
    group_values,
    known_or_null,
    labels,
    salaries,
    skill_groups,
)
from market_assets.statistics.window import Window

SALARY_STATISTICS = pl.Schema(
    {
        "skill": pl.String(),
        "postings_with_salary": pl.Int64(),
        "average_salary": pl.Float64(),
        "p10": pl.Float64(),
        "p25": pl.Float64(),
        "median_salary": pl.Float64(),
        "p75": pl.Float64(),
        "p90": pl.Float64(),
    }
)

LOCATION_SALARIES = pl.Schema(
    {
        "location": pl.String(),
        "postings": pl.Int64(),
        "average_salary": pl.Float64(),
        "median_salary": pl.Float64(),
        "min_salary": pl.Float64(),
        "max_salary": pl.Float64(),
    }
)


def salary_statistics(window: Window) -> pl.DataFrame:
    """The distribution of salaries of each skill that has at least one posting with a salary.

    Returns:
        Schema `SALARY_STATISTICS`, by skill. Percentiles are exact, with linear interpolation.
    """
    members = skill_groups(window)
    pay = group_salaries(window, members)
    paid = np.flatnonzero(pay.counts)
    return pl.DataFrame(
        {
            "skill": window.skills["skill"].gather(paid),
            "postings_with_salary": pay.counts[paid],
            "average_salary": pay.mean()[paid],
            "p10": pay.quantile(0.10)[paid],
            "p25": pay.quantile(0.25)[paid],
            "median_salary": pay.quantile(0.50)[paid],
            "p75": pay.quantile(0.75)[paid],
            "p90": pay.quantile(0.90)[paid],
        },
        schema=SALARY_STATISTICS,
    )


def location_salaries(window: Window) -> pl.DataFrame:
    """Postings and salaries of each known location.

    Returns:
        Schema `LOCATION_SALARIES`, by location. `postings` are all of the location, with a salary or without;
        salaries are null where none is known.
    """
    locations = labels(window.postings["location"])
    known = np.flatnonzero(locations.codes >= 0)
    pay = group_values(locations.codes[known], salaries(window), len(locations.names), known)
    return pl.DataFrame(
        {
            "location": locations.names,
            "postings": locations.counts(),
            "average_salary": known_or_null(pay.mean()),
            "median_salary": known_or_null(pay.quantile(0.5)),
            "min_salary": known_or_null(pay.minimum()),
            "max_salary": known_or_null(pay.maximum()),
        },
        schema=LOCATION_SALARIES,
    )
