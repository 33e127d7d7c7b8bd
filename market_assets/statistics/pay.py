"""Pay by skill and by location. Salaries are annual, in the reporting currency."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.statistics.groups import Labels, SkillGroups, group_values, labels, salaries, skill_groups
from market_assets.statistics.published_pay import PublishedPay, published_pay
from market_assets.statistics.window import Window, places

SALARY_STATISTICS = pl.Schema(
    {
        "skill": pl.String(),
        "country": pl.String(),
        "seniority": pl.String(),
        "postings_with_salary": pl.Int64(),
        "countries": pl.Int64(),
        "average_salary": pl.Float64(),
        "p10": pl.Float64(),
        "p25": pl.Float64(),
        "median_salary": pl.Float64(),
        "median_lower": pl.Float64(),
        "median_upper": pl.Float64(),
        "p75": pl.Float64(),
        "p90": pl.Float64(),
    }
)

EMPLOYMENT_SALARIES = pl.Schema(
    {
        "employment_type": pl.String(),
        "country": pl.String(),
        "postings_with_salary": pl.Int64(),
        "average_salary": pl.Float64(),
        "p25": pl.Float64(),
        "median_salary": pl.Float64(),
        "median_lower": pl.Float64(),
        "median_upper": pl.Float64(),
        "p75": pl.Float64(),
    }
)

LOCATION_SALARIES = pl.Schema(
    {
        "location": pl.String(),
        "postings": pl.Int64(),
        "postings_with_salary": pl.Int64(),
        "average_salary": pl.Float64(),
        "median_salary": pl.Float64(),
        "min_salary": pl.Float64(),
        "max_salary": pl.Float64(),
    }
)

#: Divides the names of a country and a seniority that make one segment.
_SEPARATOR = "\x1f"


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
    rows = pl.concat(_distribution(window, each, min_sample) for each in _segments(window, "country", "seniority"))
    return rows.match_to_schema(SALARY_STATISTICS).sort("skill", "country", "seniority")


def of_all_postings(pay: pl.DataFrame) -> pl.DataFrame:
    """The rows of salary_statistics that are about all countries and seniorities: one a skill."""
    return pay.filter(pl.col("country").is_null() & pl.col("seniority").is_null())


def _segments(window: Window, first: str, second: str) -> list[Labels]:
    """All postings, each value of either column, and each combination; named by both, '' where it is all."""
    one, other, nothing = pl.col(first), pl.col(second), pl.lit("")
    names = (nothing + _SEPARATOR, one + _SEPARATOR, _SEPARATOR + other, one + _SEPARATOR + other)
    frame = window.postings.select(name.alias(f"{place}") for place, name in enumerate(names))
    return [labels(column) for column in frame]


def _parts(names: pl.Series, first: str, second: str) -> pl.DataFrame:
    """The names of segments as two columns, null where it is all."""
    parts = names.str.split_exact(_SEPARATOR, 1).struct.rename_fields([first, second]).struct.unnest()
    return parts.select(pl.all().replace("", None))


def _distribution(window: Window, segments: Labels, min_sample: int) -> pl.DataFrame:
    members = skill_groups(window, segments)
    pay = published_pay(window, members, min_sample)
    paid = np.flatnonzero(pay.counts)
    segment, skill = np.divmod(paid, max(members.skills, 1))
    lower, upper = pay.median_interval()
    figures = {
        "average_salary": pay.average(),
        "p10": pay.quantile(0.10),
        "p25": pay.quantile(0.25),
        "median_salary": pay.quantile(0.50),
        "median_lower": lower,
        "median_upper": upper,
        "p75": pay.quantile(0.75),
        "p90": pay.quantile(0.90),
    }
    return _parts(segments.names.gather(segment), "country", "seniority").with_columns(
        window.skills["skill"].gather(skill).alias("skill"),
        pl.Series("postings_with_salary", pay.counts[paid]),
        pl.Series("countries", _countries(window, members)[paid]),
        *(figure.gather(paid).alias(name) for name, figure in figures.items()),
    )


def _countries(window: Window, members: SkillGroups) -> npt.NDArray[np.int64]:
    """From how many known countries the salaries of each group are."""
    country = labels(window.postings["country"])
    code = country.codes[members.rows]
    known = (code >= 0) & np.isfinite(salaries(window))[members.rows]
    found = np.unique(members.groups[known] * len(country.names) + code[known])
    return np.bincount(found // max(len(country.names), 1), minlength=members.size)


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
    locations = labels(found["location"])
    paid = group_values(locations.codes, salaries(window), len(locations.names), found["row"].to_numpy())
    pay = PublishedPay(paid, min_sample)
    return pl.DataFrame(
        {
            "location": locations.names,
            "postings": locations.counts(),
            "postings_with_salary": pay.counts,
            "average_salary": pay.average(),
            "median_salary": pay.quantile(0.5),
            "min_salary": pay.minimum(),
            "max_salary": pay.maximum(),
        },
        schema=LOCATION_SALARIES,
    )


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
        _by_employment(window, each, min_sample) for each in _segments(window, "employment_type", "country")
    )
    return rows.match_to_schema(EMPLOYMENT_SALARIES).sort("employment_type", "country")


def pay_of_all(window: Window, min_sample: int) -> pl.DataFrame:
    """The row of `employment_salaries` that is about all postings; none without a salary."""
    all_postings = labels(pl.repeat(_SEPARATOR, len(window), dtype=pl.String, eager=True))
    return _by_employment(window, all_postings, min_sample).match_to_schema(EMPLOYMENT_SALARIES)


def pay_by(employment_salaries: pl.DataFrame, column: str) -> pl.DataFrame:
    """The rows by 'country' or 'employment_type' alone, the most known salaries first, ties by name."""
    other = {"country": "employment_type", "employment_type": "country"}[column]
    rows = employment_salaries.filter(pl.col(other).is_null()).drop_nulls(column)
    return rows.sort("postings_with_salary", column, descending=[True, False])


def _by_employment(window: Window, segments: Labels, min_sample: int) -> pl.DataFrame:
    pay = _pay_of(window, segments, min_sample)
    lower, upper = pay.median_interval()
    return (
        _parts(segments.names, "employment_type", "country")
        .with_columns(
            pl.Series("postings_with_salary", pay.counts),
            pay.average().alias("average_salary"),
            pay.quantile(0.25).alias("p25"),
            pay.quantile(0.50).alias("median_salary"),
            lower.alias("median_lower"),
            upper.alias("median_upper"),
            pay.quantile(0.75).alias("p75"),
        )
        .filter(pl.col("postings_with_salary") > 0)
    )


def _pay_of(window: Window, segments: Labels, min_sample: int) -> PublishedPay:
    """The salaries of the postings of each segment."""
    known = np.flatnonzero(segments.codes >= 0)
    return PublishedPay(
        group_values(segments.codes[known], salaries(window), len(segments.names), known), min_sample
    )
