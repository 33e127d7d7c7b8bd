"""The input of the report and of the terminal summary, and the rows that they show. Ties are ordered by name."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any

import polars as pl

from market_assets.statistics import pay
from market_assets.statistics import tables as schemas
from market_assets.statistics.counts import BAND_WIDTH
from market_assets.statistics.trends import WeeklyChanges

#: Pairs of fewer postings than this are mostly chance: they are shown after all others.
FEW = 10


@dataclass(frozen=True)
class ReportTables:
    """The result tables of one refresh, as the report reads them.

    Every table is cut to the columns of its schema in `SCHEMAS` and cast to their types. A frame without columns
    is an empty table. Attributes that are not listed below are the tables of the same names.

    Attributes:
        market_summary: one row, or none before the first refresh.
        rejections: reason, postings: what was rejected in the window, by reason.
        sources: source, postings (counted), duplicates: what each source gave in the window.
        currency: ISO 4217 code of every amount; all pay is per year.
        week: what changed within a week; None where nobody has counted it.
    """

    market_summary: pl.DataFrame
    skill_demand: pl.DataFrame
    salary_statistics: pl.DataFrame
    employment_salaries: pl.DataFrame
    salary_trends: pl.DataFrame
    industry_skills: pl.DataFrame
    location_salaries: pl.DataFrame
    occupation_demand: pl.DataFrame
    occupation_skills: pl.DataFrame
    occupation_salaries: pl.DataFrame
    trending_skills: pl.DataFrame
    posting_statistics: pl.DataFrame
    posting_coverage: pl.DataFrame
    skill_relationships: pl.DataFrame
    category_relationships: pl.DataFrame
    rejections: pl.DataFrame
    sources: pl.DataFrame
    currency: str
    week: WeeklyChanges | None = None

    def __post_init__(self) -> None:
        for name, schema in SCHEMAS.items():
            frame = getattr(self, name)
            columns = [pl.col(column).cast(dtype) for column, dtype in schema.items()]
            conformed = frame.select(columns) if frame.columns else pl.DataFrame(schema=schema)
            object.__setattr__(self, name, conformed)


#: The columns of each table, by its name.
SCHEMAS: dict[str, pl.Schema] = {
    field.name: vars(schemas)[field.name.upper()] for field in fields(ReportTables) if field.type == "pl.DataFrame"
}


def summary(tables: ReportTables) -> dict[str, Any]:
    """The row of market_summary; every value null where there is none yet."""
    frame = tables.market_summary
    return frame.row(0, named=True) if frame.height else dict.fromkeys(frame.columns)


def top_skills(tables: ReportTables, limit: int) -> pl.DataFrame:
    """The most asked skills over all industries: the columns of skill_demand, by rank."""
    overall = tables.skill_demand.filter(pl.col("industry").is_null())
    return overall.sort("rank", "skill").head(limit)


def leading_country(tables: ReportTables) -> str | None:
    """The country with most known salaries (ties by name), whose pay is shown first; None where none is known."""
    most = pay_by(tables, "country", 1)
    return str(most["country"][0]) if most.height else None


def paid_skills(tables: ReportTables, limit: int) -> pl.DataFrame:
    """The skills with most known salaries in the leading country (in all postings where no country is known).

    Columns of salary_statistics, highest median first.
    """
    percentiles = ["p10", "p25", "median_salary", "p75", "p90"]
    country = leading_country(tables)
    rows = pay.of_all_postings(tables.salary_statistics) if country is None else _in_country(tables, country)
    known = rows.drop_nulls(percentiles)
    most_known = known.sort("postings_with_salary", "skill", descending=[True, False]).head(limit)
    return most_known.sort("median_salary", "skill", descending=[True, False])


def _in_country(tables: ReportTables, country: str) -> pl.DataFrame:
    return tables.salary_statistics.filter(pl.col("country").eq(country) & pl.col("seniority").is_null())


def pay_by(tables: ReportTables, column: str, limit: int) -> pl.DataFrame:
    """Rows of employment_salaries by 'country' or 'employment_type' alone, the most known salaries first."""
    return pay.pay_by(tables.employment_salaries, column).head(limit)


def occupations(tables: ReportTables, limit: int) -> pl.DataFrame:
    """The occupations with most postings: occupation, skills, postings, demand_share and what they pay.

    `skills` are up to three that the occupation asks for more often than the market, by postings.
    """
    above = tables.occupation_skills.filter(pl.col("lift") > 1).sort("occupation", "rank")
    skills = above.group_by("occupation").agg(skills=pl.col("skill").head(3).str.join(", "))
    rows = (
        tables.occupation_demand.sort("rank")
        .head(limit)
        .join(
            pay.of_all_postings(tables.occupation_salaries).drop("country", "seniority"),
            on="occupation",
            how="left",
        )
    )
    return rows.join(skills, on="occupation", how="left").sort("rank")


def pay_trends(tables: ReportTables, limit: int) -> pl.DataFrame:
    """The months of the most asked skills that have a median in two months or more.

    Columns: skill, month, median_salary (never null), change, change_lower, change_upper, trend_direction; skills
    in order of rank.
    """
    known = tables.salary_trends.drop_nulls("median_salary").filter(pl.len().over("skill") >= 2)
    ranks = top_skills(tables, tables.skill_demand.height).select("skill", "rank")
    asked = known.select("skill").unique().join(ranks, on="skill").sort("rank", "skill").head(limit)
    changes = ["change", "change_lower", "change_upper"]
    columns = ["skill", "month", "median_salary", *changes, "trend_direction"]
    return asked.join(known, on="skill").sort("rank", "skill", "month").select(columns)


def trending(tables: ReportTables, trend: str, limit: int) -> pl.DataFrame:
    """The skills of one trend: growing and emerging from the top, declining from the bottom.

    Columns of trending_skills. Emerging skills go by recent postings, the others by growth.
    """
    skills = tables.trending_skills.filter(pl.col("trend") == trend)
    strength = "recent_postings" if trend == "emerging" else "growth"
    return skills.sort(strength, "skill", descending=[trend != "declining", False]).head(limit)


def not_compared(tables: ReportTables) -> dict[str, str]:
    """Each source that trends leave out, and the reason; {} before the first refresh."""
    left_out = summary(tables)["sources_left_out"]
    reasons: dict[str, str] = json.loads(left_out) if left_out else {}
    return reasons


def compared_sources(tables: ReportTables) -> list[str]:
    """The sources whose periods are compared; [] before the first refresh."""
    sources: list[str] = json.loads(summary(tables)["sources_compared"] or "[]")
    return sources


def is_compared(tables: ReportTables) -> bool:
    """Whether there is a source whose periods can be compared."""
    return bool(compared_sources(tables))


def strongest_pairs(tables: ReportTables, limit: int) -> pl.DataFrame:
    """The most closely related pairs of skills: the columns of skill_relationships, by npmi_lower.

    Pairs seen together fewer than `FEW` times come last.
    """
    few = pl.col("co_occurrences") < FEW
    order = [few, pl.col("npmi_lower"), pl.col("co_occurrences"), pl.col("skill_a"), pl.col("skill_b")]
    known = tables.skill_relationships.drop_nulls("npmi_lower")
    return known.sort(order, descending=[False, True, True, False, False]).head(limit)


def closest_categories(tables: ReportTables, limit: int) -> pl.DataFrame:
    """The pairs of categories that most postings ask for together: the columns of category_relationships."""
    order = ["co_occurrences", "category_a", "category_b"]
    return tables.category_relationships.sort(order, descending=[True, False, False]).head(limit)


def dimension(tables: ReportTables, name: str) -> pl.DataFrame:
    """One dimension of posting_statistics: value, postings, share of it; most postings first."""
    rows = tables.posting_statistics.filter(pl.col("dimension") == name)
    shares = rows.select("value", "postings", share=pl.col("postings") / pl.col("postings").sum())
    return shares.sort("postings", "value", descending=[True, False])


def industries(tables: ReportTables, limit: int) -> pl.DataFrame:
    """The industries with most postings: value, postings, share and `skills`, the three most asked."""
    named = (
        tables.industry_skills.sort("rank", "skill")
        .group_by("industry", maintain_order=True)
        .agg(pl.col("skill").head(3).str.join(", ").alias("skills"))
    )
    counted = dimension(tables, "industry").filter(pl.col("value") != "unknown")
    joined = counted.join(named, left_on="value", right_on="industry", how="left", maintain_order="left")
    return joined.head(limit)


def places(tables: ReportTables, limit: int) -> pl.DataFrame:
    """The places with most postings: the columns of location_salaries."""
    known = tables.location_salaries.filter(pl.col("location") != "unknown")
    return known.sort("postings", "location", descending=[True, False]).head(limit)


def salary_bands(tables: ReportTables) -> pl.DataFrame:
    """Postings with a salary by band, from the lowest with postings to the highest, gaps included.

    Columns: lower (Int64), label ('50–75k'), postings.
    """
    bands = dimension(tables, "salary_band").with_columns(
        lower=pl.col("value").str.extract(r"^(\d+)(?:-\d+|\+)$").cast(pl.Int64)
    )
    known = bands.drop_nulls("lower").sort("lower")
    if known.is_empty():
        return pl.DataFrame(schema={"lower": pl.Int64, "label": pl.String, "postings": pl.Int64})
    lowest, highest = known["lower"][0], known["lower"][-1]
    every = pl.DataFrame({"lower": range(lowest, highest + 1, BAND_WIDTH)})
    rows = every.join(known, on="lower", how="full", coalesce=True).sort("lower")
    return rows.select("lower", _band_label(), pl.col("postings").fill_null(0))


def _band_label() -> pl.Expr:
    lower = pl.col("lower") // 1000
    is_open = pl.col("value").str.ends_with("+").fill_null(False)
    closed = pl.format("{}–{}k", lower, lower + BAND_WIDTH // 1000)
    return pl.when(is_open).then(pl.format("{}k+", lower)).otherwise(closed).alias("label")


def daily_volume(tables: ReportTables) -> pl.DataFrame:
    """Postings of each day from the first with postings to the last, days without included.

    Columns: day (Date), postings.
    """
    stated = dimension(tables, "day").select(
        pl.col("value").str.to_date("%Y-%m-%d", strict=False).alias("day"), "postings"
    )
    known = stated.drop_nulls("day").sort("day")
    if known.is_empty():
        return known
    return known.upsample("day", every="1d").with_columns(pl.col("postings").fill_null(0))


def monthly_volume(tables: ReportTables) -> pl.DataFrame:
    """Postings by month: month ('YYYY-MM'), days (of it in the window), postings, daily_mean, busiest."""
    days = daily_volume(tables).with_columns(month=pl.col("day").dt.strftime("%Y-%m"))
    return days.group_by("month", maintain_order=True).agg(
        days=pl.len(),
        postings=pl.col("postings").sum(),
        daily_mean=pl.col("postings").mean(),
        busiest=pl.col("postings").max(),
    )


def coverage(tables: ReportTables, dimension: str) -> pl.DataFrame:
    """What the postings of each source, or of each language, state: columns of posting_coverage, most first."""
    rows = tables.posting_coverage.filter(pl.col("dimension") == dimension)
    return rows.sort("postings", "value", descending=[True, False])
