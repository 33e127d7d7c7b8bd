"""Views for people: a result table whose rows are totals and breakdowns, apart, so that each can be added up."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column, MetaData, Table

from market_assets.store.tables.results import employment_salaries, salary_statistics, skill_demand

_NULL, _NOT_NULL = "IS NULL", "IS NOT NULL"


def _view(name: str, table: Table, rows: dict[str, str]) -> Table:
    """The rows of a table in which some columns are null or not; those that are null everywhere are left out."""
    hidden = {column for column, condition in rows.items() if condition == _NULL}
    columns = [
        Column(each.name, each.type, nullable=each.nullable, info=each.info, comment=each.comment)
        for each in table.columns
        if each.name not in hidden
    ]
    condition = " AND ".join(f"{column} {each}" for column, each in rows.items())
    names = ", ".join(column.name for column in columns)
    query = f"SELECT {names} FROM {table.name} WHERE {condition}"
    return Table(name, MetaData(), *columns, info={"query": query})


#: Not among the tables to be made; the migration makes them by their queries.
VIEWS = (
    _view("total_skill_demand", skill_demand, {"industry": _NULL}),
    _view("industry_skill_demand", skill_demand, {"industry": _NOT_NULL}),
    _view("skill_salaries", salary_statistics, {"country": _NULL, "seniority": _NULL}),
    _view("skill_salaries_by_country", salary_statistics, {"country": _NOT_NULL, "seniority": _NULL}),
    _view("skill_salaries_by_seniority", salary_statistics, {"country": _NULL, "seniority": _NOT_NULL}),
    _view("employment_salaries_by_type", employment_salaries, {"employment_type": _NOT_NULL, "country": _NULL}),
)


def statements() -> Iterable[str]:
    """What makes the views."""
    return [f"CREATE VIEW {view.name} AS {view.info['query']}" for view in VIEWS]
