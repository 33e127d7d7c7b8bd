"""Every table of the market database, declared on one `metadata` by importing this module, and views for people.

The views show the postings behind the result tables, and totals apart from breakdowns.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, MetaData, Table

import market_assets.store.tables.administration
import market_assets.store.tables.postings
import market_assets.store.tables.results  # noqa: F401
from market_assets.skills.weights import ASKED_FOR
from market_assets.store.tables.columns import metadata
from market_assets.store.tables.postings import job_postings, posting_facts, posting_skills
from market_assets.store.tables.results import employment_salaries, salary_statistics, skill_demand

__all__ = ["VIEWS", "metadata", "view_statements"]

_NULL, _NOT_NULL = "IS NULL", "IS NOT NULL"


def _view(name: str, table: Table, rows: dict[str, str]) -> Table:
    """The rows of a table in which some columns are null or not; those that are null everywhere are left out."""
    hidden = {column for column, condition in rows.items() if condition == _NULL}
    columns = [_copy(each) for each in table.columns if each.name not in hidden]
    condition = " AND ".join(f"{column} {each}" for column, each in rows.items())
    names = ", ".join(column.name for column in columns)
    query = f"SELECT {names} FROM {table.name} WHERE {condition}"
    return Table(name, MetaData(), *columns, info={"query": query})


def _copy(column: Column[Any], *, nullable: bool | None = None) -> Column[Any]:
    nullable = column.nullable if nullable is None else nullable
    return Column(column.name, column.type, nullable=nullable, info=column.info, comment=column.comment)


_COUNTED = """
FROM posting_facts f
JOIN market_summary m ON f.posted_at BETWEEN m.window_start AND m.as_of
WHERE f.duplicate_of IS NULL AND f.skills_version IS NOT NULL"""
_FACTS = ("posting_id", "source", "posted_at", "location", "country", "industry", "employment_type", "workplace")
_FURTHER_FACTS = ("seniority", "occupation", "language", "salary")
#: Null of a posting that has been archived since.
_TEXTS = ("title", "company", "url")

counted_postings = Table(
    "counted_postings",
    MetaData(),
    *(_copy(posting_facts.c[name]) for name in (*_FACTS, *_FURTHER_FACTS)),
    *(_copy(job_postings.c[name], nullable=True) for name in _TEXTS),
    comment="The postings that the result tables count.",
    info={
        "query": f"""
SELECT {", ".join(f"f.{name}" for name in (*_FACTS, *_FURTHER_FACTS))},
    {", ".join(f"p.{name}" for name in _TEXTS)}
{_COUNTED.replace("WHERE", "LEFT JOIN job_postings p ON p.posting_id = f.posting_id WHERE")}"""
    },
)

counted_skills = Table(
    "counted_skills",
    MetaData(),
    *(_copy(column) for column in posting_skills.columns),
    comment="The skills that the postings of counted_postings ask for.",
    info={
        "query": f"""
SELECT k.posting_id, s.skill, CAST(k.weight AS DOUBLE PRECISION) / 100 AS weight
FROM posting_skill_facts k
JOIN skills s ON s.skill_id = k.skill_id
WHERE k.weight >= {int(ASKED_FOR)} AND k.posting_id IN (SELECT f.posting_id {_COUNTED})"""
    },
)

#: Not among the tables to be made; the migration makes them by their queries.
VIEWS = (
    counted_postings,
    counted_skills,
    _view("total_skill_demand", skill_demand, {"industry": _NULL}),
    _view("industry_skill_demand", skill_demand, {"industry": _NOT_NULL}),
    _view("skill_salaries", salary_statistics, {"country": _NULL, "seniority": _NULL}),
    _view("skill_salaries_by_country", salary_statistics, {"country": _NOT_NULL, "seniority": _NULL}),
    _view("skill_salaries_by_seniority", salary_statistics, {"country": _NULL, "seniority": _NOT_NULL}),
    _view("employment_salaries_by_type", employment_salaries, {"employment_type": _NOT_NULL, "country": _NULL}),
)


def view_statements() -> Iterable[str]:
    """What makes the views."""
    return [f"CREATE VIEW {view.name} AS {view.info['query']}" for view in VIEWS]
