"""Pay by skill, location and type of employment. Salaries are annual, in the reporting currency."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from market_assets.statistics.groups import Labels, SkillGroups, labels, pay_in_order, pay_of
from market_assets.statistics.segments import places
from market_assets.statistics.tables import EMPLOYMENT_SALARIES, LOCATION_SALARIES, SALARY_STATISTICS
from market_assets.statistics.window import Window, coded


def salary_statistics(window: Window, min_sample: int) -> pl.DataFrame:
    """The distribution of salaries by skill, country and seniority.

    Args:
        window: counted postings.
        min_sample: averages and percentiles of fewer salaries are null.

    Returns:
        Schema `SALARY_STATISTICS`, by skill, country and seniority (null, which is all postings, first), for those
        with at least one salary: of all postings, of each country, of each seniority, and of each seniority in
        each country. `countries` is how many known countries the salaries are from: above 1, the figure mixes
        them. Percentiles are exact, with linear interpolation; median_lower and median_upper are the 95 % interval
        of the median.
    """
    tables = [
        pl.DataFrame({**groups.names(), **groups.pay(SALARY_STATISTICS, min_sample)})
        for groups in (SkillGroups.of(window, segments) for segments in combined(window, "country", "seniority"))
    ]
    rows = pl.concat(tables, how="diagonal").filter(pl.col("postings_with_salary") > 0)
    # In a row of all countries, those of the rows that are about one.
    of_all = pl.col("country").count().over("skill", "seniority")
    countries = pl.when(pl.col("country").is_null()).then(of_all).otherwise(1).cast(pl.Int64)
    rows = rows.with_columns(countries=countries).match_to_schema(SALARY_STATISTICS)
    return rows.sort("skill", "country", "seniority")


def of_all_postings(pay: pl.DataFrame) -> pl.DataFrame:
    """The rows of salary_statistics that are about all countries and seniorities: one a skill."""
    return pay.filter(pl.col("country").is_null() & pl.col("seniority").is_null())


def combined(window: Window, *columns: str, always: tuple[str, ...] = ()) -> Iterator[Labels]:
    """The labels by every choice of two columns, none and both included, beside those that are `always` there."""
    first, second = columns
    for chosen in ((), (first,), (second,), (first, second)):
        yield labels(window, *always, *chosen)


def location_salaries(window: Window, min_sample: int) -> pl.DataFrame:
    """Postings and salaries of each known location; a posting counts at each of its places.

    Args:
        window: counted postings.
        min_sample: average and median of fewer postings with a salary are null.

    Returns:
        Schema `LOCATION_SALARIES`, by location. `postings` are all of the location, with a salary or without;
        salaries are null where none is known.
    """
    found = places(window)
    codes, names = coded(found["location"])
    salaries = window.salaries[found["row"].to_numpy()]
    # Those that are not known come last.
    order = np.argsort(salaries, kind="stable")[: np.count_nonzero(np.isfinite(salaries))]
    pay = pay_in_order(codes[order], salaries[order], len(names), min_sample)
    postings = np.bincount(codes, minlength=len(names))
    rows = {"location": names, "postings": postings, **pay.figures(LOCATION_SALARIES)}
    return pl.DataFrame(rows, LOCATION_SALARIES)


def employment_salaries(window: Window, min_sample: int) -> pl.DataFrame:
    """Salaries by type of employment and country: internships, part-time work and contracts apart.

    Args:
        window: counted postings.
        min_sample: averages and percentiles of fewer salaries are null.

    Returns:
        Schema `EMPLOYMENT_SALARIES`, by employment_type and country (null, which is all postings, first), for
        those with at least one salary. Rates are annual, as if they were paid for a full year. median_lower and
        median_upper are the 95 % interval of the median.
    """
    rows = pl.concat(
        pay_table(window, each, EMPLOYMENT_SALARIES, min_sample)
        for each in combined(window, "employment_type", "country")
    )
    return rows.sort("employment_type", "country")


def pay_of_all(window: Window, min_sample: int) -> pl.DataFrame:
    """The row of `employment_salaries` that is about all postings; none without a salary."""
    return pay_table(window, labels(window), EMPLOYMENT_SALARIES, min_sample)


def pay_by(employment_salaries: pl.DataFrame, column: str) -> pl.DataFrame:
    """The rows by 'country' or 'employment_type' alone, the most known salaries first, ties by name."""
    other = {"country": "employment_type", "employment_type": "country"}[column]
    rows = employment_salaries.filter(pl.col(other).is_null()).drop_nulls(column)
    return rows.sort("postings_with_salary", column, descending=[True, False])


def pay_table(window: Window, segments: Labels, schema: pl.Schema, min_sample: int) -> pl.DataFrame:
    """The rows of a table of pay about segments with a salary; null in the columns that these do not name."""
    figures = pay_of(window, segments, min_sample).figures(schema)
    rows = pl.DataFrame({**segments.values, **figures}).filter(pl.col("postings_with_salary") > 0)
    return rows.match_to_schema(schema, missing_columns="insert")
