"""The input of the report: the result tables, with the columns and types that the report reads."""

from __future__ import annotations

from dataclasses import dataclass, fields

import polars as pl

from market_assets.postings.schemas import UTC_DATETIME

_TEXT, _COUNT, _NUMBER = pl.String(), pl.Int64(), pl.Float64()

#: The columns that the report reads from each table. A table may have more.
COLUMNS: dict[str, dict[str, pl.DataType]] = {
    "market_summary": {
        "as_of": UTC_DATETIME,
        "window_start": UTC_DATETIME,
        "postings": _COUNT,
        "duplicates": _COUNT,
        "rejected": _COUNT,
        "postings_with_salary": _COUNT,
        "average_salary": _NUMBER,
        "median_salary": _NUMBER,
        "skills": _COUNT,
        "industries": _COUNT,
        "locations": _COUNT,
        "remote_share": _NUMBER,
        "top_skill": _TEXT,
        "fastest_growing_skill": _TEXT,
    },
    "skill_demand": {
        "skill": _TEXT,
        "category": _TEXT,
        "industry": _TEXT,
        "postings": _COUNT,
        "demand_share": _NUMBER,
        "median_salary": _NUMBER,
        "rank": _COUNT,
    },
    "salary_statistics": {
        "skill": _TEXT,
        "postings_with_salary": _COUNT,
        "average_salary": _NUMBER,
        "p10": _NUMBER,
        "p25": _NUMBER,
        "median_salary": _NUMBER,
        "p75": _NUMBER,
        "p90": _NUMBER,
    },
    "salary_trends": {
        "skill": _TEXT,
        "month": _TEXT,
        "postings": _COUNT,
        "median_salary": _NUMBER,
        "trend_direction": _TEXT,
    },
    "industry_skills": {
        "industry": _TEXT,
        "skill": _TEXT,
        "postings": _COUNT,
        "demand_share": _NUMBER,
        "average_salary": _NUMBER,
        "rank": _COUNT,
    },
    "location_salaries": {
        "location": _TEXT,
        "postings": _COUNT,
        "average_salary": _NUMBER,
        "median_salary": _NUMBER,
        "min_salary": _NUMBER,
        "max_salary": _NUMBER,
    },
    "trending_skills": {
        "skill": _TEXT,
        "recent_postings": _COUNT,
        "previous_postings": _COUNT,
        "growth": _NUMBER,
        "trend": _TEXT,
    },
    "posting_statistics": {"dimension": _TEXT, "value": _TEXT, "postings": _COUNT},
    "skill_relationships": {
        "skill_a": _TEXT,
        "skill_b": _TEXT,
        "co_occurrences": _COUNT,
        "support": _NUMBER,
        "confidence_ab": _NUMBER,
        "confidence_ba": _NUMBER,
        "lift": _NUMBER,
        "npmi": _NUMBER,
        "strength": _TEXT,
        "npmi_lower": _NUMBER,
    },
    "category_relationships": {"category_a": _TEXT, "category_b": _TEXT, "co_occurrences": _COUNT},
    "rejections": {"reason": _TEXT, "postings": _COUNT},
    "sources": {"source": _TEXT, "postings": _COUNT, "duplicates": _COUNT},
}


@dataclass(frozen=True)
class ReportTables:
    """The result tables of one refresh, as the report reads them.

    Every table is cut to the columns in `COLUMNS` and cast to their types, so that what an empty or
    all-null column was inferred to be does not matter; numbers that are not finite become null, and a
    time without a zone is UTC. A frame without columns stands for an empty table.

    Attributes:
        market_summary: one row, or none before the first refresh.
        skill_demand, salary_statistics, salary_trends, industry_skills, location_salaries,
            trending_skills, posting_statistics, skill_relationships, category_relationships: the tables
            of those names.
        rejections: reason, postings: what was rejected in the window, and why.
        sources: source, postings (counted), duplicates: what each source gave in the window.
        currency: ISO 4217 code of every amount; all pay is per year.

    Raises:
        ValueError: a table lacks a column, or holds a value that is not of the column's type.
    """

    market_summary: pl.DataFrame
    skill_demand: pl.DataFrame
    salary_statistics: pl.DataFrame
    salary_trends: pl.DataFrame
    industry_skills: pl.DataFrame
    location_salaries: pl.DataFrame
    trending_skills: pl.DataFrame
    posting_statistics: pl.DataFrame
    skill_relationships: pl.DataFrame
    category_relationships: pl.DataFrame
    rejections: pl.DataFrame
    sources: pl.DataFrame
    currency: str

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name in COLUMNS:
                frame = _conform(field.name, getattr(self, field.name))
                object.__setattr__(self, field.name, frame)


def _conform(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    columns = COLUMNS[table]
    if not frame.columns:
        return pl.DataFrame(schema=columns)
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise ValueError(f"{table} lacks the column {', '.join(missing)}")
    try:
        return frame.select(_cast(name, frame.schema[name], wanted) for name, wanted in columns.items())
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"{table} does not hold what the report reads: {error}") from error


def _cast(name: str, stated: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if wanted == UTC_DATETIME:
        if isinstance(stated, pl.String):
            return column.str.to_datetime(time_unit="us", time_zone="UTC")
        if isinstance(stated, pl.Datetime) and stated.time_zone is not None:
            return column.dt.convert_time_zone("UTC").cast(wanted)
        return column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    if wanted == _NUMBER:
        number = column.cast(wanted)
        return pl.when(number.is_finite()).then(number).alias(name)
    return column.cast(wanted)
