"""The input of the report: the result tables of one refresh."""

from __future__ import annotations

from dataclasses import dataclass, fields

import polars as pl

from market_assets.statistics import tables
from market_assets.statistics.trends import WeeklyChanges


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
    field.name: vars(tables)[field.name.upper()] for field in fields(ReportTables) if field.type == "pl.DataFrame"
}
