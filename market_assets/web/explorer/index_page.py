"""`/market`: the headline figures, and all skills in a table to filter, sort and page.

`/market/occupations`: how many postings each occupation has, and what it pays. `/market/search?q=…`: skills,
occupations, places, industries and companies by name or by another spelling.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import polars as pl
from starlette.responses import RedirectResponse, Response

from market_assets.report import numbers
from market_assets.report.numbers import Headline, headlines
from market_assets.store.tables.results import TRENDS
from market_assets.web.explorer.parameters import (
    FILTERS,
    Field,
    Filters,
    Link,
    Parameters,
    closest,
    filter_fields,
    page_of,
    read_filters,
)
from market_assets.web.explorer.view import Column, Table, View
from market_assets.web.market import queries
from market_assets.web.market.requests import Names

PAGE_SIZE = 50
#: Rows of the shorter tables.
MOST_LISTED = 10
#: Of the whole market, whatever the filters.
_GROWTH = (Column("growth", "Growth", numbers.growth, secondary=True), Column("trend", "Trend", secondary=True))
_SORTS = ("skill", "category", "postings", "growth", "median_salary")


class Page(NamedTuple):
    """A part of a long table, with the addresses of the parts around it."""

    first: int
    last: int
    total: int
    previous: str | None
    following: str | None


def show(view: View) -> Response:
    parameters = view.parameters(*FILTERS, "category", "trend", "sort", "page")
    filters = read_filters(parameters, view.market)
    trend = parameters.one_of("trend", TRENDS)
    category = parameters.one_of("category", view.market.categories.all)
    rows = skills(view, filters)
    if category:
        rows = rows.filter(pl.col("category") == category)
    if trend:
        rows = rows.filter(pl.col("trend") == trend)
    rows = sorted_rows(rows, parameters)
    table = skills_table(view, rows, filters, "Skills that postings ask for", _GROWTH)
    part, page = paged(table, parameters)
    return view.answer(
        "index.html",
        parameters,
        [table, *_overviews(view)],
        shown=part,
        page=page,
        fields=[*filter_fields(filters, view.market), *_fields(view, category, trend)],
        headlines=_headlines(view),
        sources=view.market.coverage.filter(pl.col("dimension") == "source")["value"].to_list(),
        sorts=_SORTS,
        filters=filters,
    )


def skills(view: View, filters: Filters) -> pl.DataFrame:
    """Demand, pay and growth of skills by rank; growth is always that of the whole market."""
    if set(filters.chosen) <= {"industry"}:
        rows = queries.skills(view.market, filters.industry, category=None)
    else:
        from market_assets.web.market.segment_queries import skills_in

        rows = view.explorer.postings.counted(view.market, view.segment(filters), skills_in, view.min_sample)
    return with_growth(view, rows)


def with_growth(view: View, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with growth and trend of their skills."""
    growth = view.market.trending.select("skill", "growth", "trend")
    return rows.join(growth, on="skill", how="left", maintain_order="left")


def skills_table(
    view: View, rows: pl.DataFrame, filters: Filters, caption: str, further: Sequence[Column]
) -> Table:
    """Skills with their demand, `further` columns, and their pay; each links to its page with the filters."""
    columns = [
        Column("skill", "Skill", link=lambda name: view.skill_page(name, filters)),
        Column("category", "Category", secondary=True),
        Column("postings", "Postings", numbers.count),
        Column("demand_share", "Share", numbers.share),
        *further,
        Column("median_salary", f"Median pay, {view.currency}", numbers.money),
        Column("postings_with_salary", "Salaries", numbers.count, secondary=True),
    ]
    return Table("skills", caption, columns, records(rows, columns))


def _overviews(view: View) -> list[Table]:
    """Where most postings are, what forms of employment pay, and what postings state, in the whole market."""
    market = view.market
    postings = Column("postings", "Postings", numbers.count)
    salaries = Column("postings_with_salary", "Salaries", numbers.count, secondary=True)
    pay = Column("median_salary", f"Median pay, {view.currency}", numbers.money)
    industry = Column("industry", "Industry", link=partial(page_of, "industries"))
    place = Column("location", "Place", link=partial(page_of, "places"))
    employment = Column("employment_type", "Employment")
    stated = [
        Column("value", "Source"),
        postings,
        Column("pay_share", "With pay", numbers.share),
        Column("date_share", "With a date", numbers.share),
        Column("place_share", "With a place", numbers.share),
        Column("skill_share", "With a skill", numbers.share),
    ]
    sources = market.coverage.filter(pl.col("dimension") == "source").sort(
        "postings", "value", descending=[True, False]
    )
    return [
        _table("industries", "Industries with most postings", [industry, postings], market.postings_of_industries),
        _table("places", "Places with most postings", [place, postings, pay, salaries], market.location_salaries),
        _table("employment", "Pay by form of employment", [employment, pay, salaries], market.pay_by_employment),
        _table("coverage", "What the postings of each source state", stated, sources),
    ]


def _table(name: str, caption: str, columns: list[Column], rows: pl.DataFrame) -> Table:
    return Table(name, caption, columns, records(rows.head(MOST_LISTED), columns))


def records(rows: pl.DataFrame, columns: list[Column]) -> list[dict[str, Any]]:
    return rows.select(column.name for column in columns).to_dicts()


def sorted_rows(
    rows: pl.DataFrame, parameters: Parameters, sorts: Sequence[str] = _SORTS, name: str = "skill"
) -> pl.DataFrame:
    """By the column that `sort` names, downwards with a '-' before it; by rank without it. Nulls come last."""
    sort = parameters.one_of("sort", [f"{sign}{column}" for column in sorts for sign in ("", "-")])
    if sort is None:
        return rows
    by = [sort.removeprefix("-"), name]
    return rows.sort(by, descending=[sort.startswith("-"), False], nulls_last=True)


def paged(table: Table, parameters: Parameters) -> tuple[Table, Page]:
    """The rows of the page that `page` names, and where the others are."""
    total = len(table.rows)
    last = max(-(-total // PAGE_SIZE), 1)
    number = parameters.whole("page", last) or 1
    first = (number - 1) * PAGE_SIZE
    rows = table.rows[first : first + PAGE_SIZE]
    return Table(table.name, table.caption, table.columns, rows), Page(
        first=first + 1 if rows else 0,
        last=first + len(rows),
        total=total,
        previous=parameters.address(page=number - 1 if number > 2 else None) if number > 1 else None,
        following=parameters.address(page=number + 1) if number < last else None,
    )


def _fields(view: View, category: str | None, trend: str | None) -> list[Field]:
    categories = [(name, name) for name in view.market.categories.all]
    trends = [(name, name.replace("_", " ")) for name in TRENDS]
    return [
        Field("category", "Category", category, categories, "all categories"),
        Field("trend", "Trend", trend, trends, "any trend"),
    ]


def _headlines(view: View) -> list[Headline]:
    market = view.market
    summary = queries.summary(market)
    top = market.demand.of(None)
    fastest = market.trending_by_skill.one(summary["fastest_growing_skill"] or "")
    lead = market.pay_by_country
    return headlines(
        summary,
        top_share=top["demand_share"][0] if top.height else None,
        fastest=fastest if fastest and fastest["growth"] is not None else None,
        lead=lead.row(0, named=True) if lead.height else None,
        is_compared=bool(summary["sources_compared"]),
        currency=view.currency,
    )


_OCCUPATION_SORTS = ("occupation", "postings", "median_salary")


def show_occupations(view: View) -> Response:
    parameters = view.parameters("sort", "page")
    rows = sorted_rows(view.market.occupation_demand, parameters, _OCCUPATION_SORTS, "occupation")
    columns = [
        Column("occupation", "Occupation", link=partial(page_of, "occupations")),
        Column("code", "Code", secondary=True),
        Column("postings", "Postings", numbers.count),
        Column("demand_share", "Share", numbers.share),
        Column("p25", "25th", numbers.money, secondary=True),
        Column("median_salary", f"Median pay, {view.currency}", numbers.money),
        Column("p75", "75th", numbers.money, secondary=True),
        Column("postings_with_salary", "Salaries", numbers.count, secondary=True),
    ]
    table = Table("occupations", "Occupations of the postings", columns, records(rows, columns))
    shown, page = paged(table, parameters)
    return view.answer("occupations.html", parameters, [table], shown=shown, page=page, sorts=_OCCUPATION_SORTS)


_MOST_FOUND = 8


def search(view: View) -> Response:
    parameters = view.parameters("q")
    wanted = parameters.get("q")
    if wanted is None:
        return view.answer("search.html", parameters, wanted="", found={})
    meant = _meant(view, wanted)
    if meant:
        return RedirectResponse(meant, 303)
    market = view.market
    found = {
        "Skills": _links("skills", wanted, market.skills),
        "Occupations": _links("occupations", wanted, market.occupations),
        "Places": _links("places", wanted, market.location_names),
        "Industries": _links("industries", wanted, market.industries),
        "Companies": _links("companies", wanted, view.companies.names),
    }
    found = {kind: links for kind, links in found.items() if links}
    return view.answer("search.html", parameters, wanted=wanted, found=found)


def _meant(view: View, wanted: str) -> str | None:
    """The page of what has exactly this name, where there is one."""
    if skill := view.market.skills.find(wanted):
        return page_of("skills", skill)
    if occupation := view.market.occupations.find(wanted):
        return page_of("occupations", occupation)
    if place := queries.find_location(view.market, wanted):
        return page_of("places", place)
    if industry := view.market.industries.find(wanted):
        return page_of("industries", industry)
    company = view.companies.names.find(wanted)
    return page_of("companies", company) if company else None


def _links(kind: str, wanted: str, names: Names) -> list[Link]:
    return [Link(one, page_of(kind, one)) for one in closest(wanted, names, _MOST_FOUND)]
