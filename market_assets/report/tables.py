"""The input of the report: the result tables of one refresh."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from market_assets.statistics.tables import (
    CATEGORY_RELATIONSHIPS,
    EMPLOYMENT_SALARIES,
    INDUSTRY_SKILLS,
    LOCATION_SALARIES,
    MARKET_SUMMARY,
    OCCUPATION_DEMAND,
    OCCUPATION_SALARIES,
    OCCUPATION_SKILLS,
    POSTING_COVERAGE,
    POSTING_STATISTICS,
    SALARY_STATISTICS,
    SALARY_TRENDS,
    SKILL_DEMAND,
    SKILL_RELATIONSHIPS,
    TRENDING_SKILLS,
)
from market_assets.statistics.trends import WeeklyChanges

SCHEMAS: dict[str, pl.Schema] = {
    "market_summary": MARKET_SUMMARY,
    "skill_demand": SKILL_DEMAND,
    "salary_statistics": SALARY_STATISTICS,
    "employment_salaries": EMPLOYMENT_SALARIES,
    "salary_trends": SALARY_TRENDS,
    "industry_skills": INDUSTRY_SKILLS,
    "location_salaries": LOCATION_SALARIES,
    "occupation_demand": OCCUPATION_DEMAND,
    "occupation_skills": OCCUPATION_SKILLS,
    "occupation_salaries": OCCUPATION_SALARIES,
    "trending_skills": TRENDING_SKILLS,
    "posting_statistics": POSTING_STATISTICS,
    "posting_coverage": POSTING_COVERAGE,
    "skill_relationships": SKILL_RELATIONSHIPS,
    "category_relationships": CATEGORY_RELATIONSHIPS,
    "rejections": pl.Schema({"reason": pl.String(), "postings": pl.Int64()}),
    "sources": pl.Schema({"source": pl.String(), "postings": pl.Int64(), "duplicates": pl.Int64()}),
}


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
