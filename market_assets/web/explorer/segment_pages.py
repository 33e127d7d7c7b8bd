"""`/market/places/…`, `/occupations/…` and so on: what a part of the market asks for, and what it pays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import polars as pl
from starlette.responses import RedirectResponse, Response

from market_assets.postings.identity import company_keys
from market_assets.postings.occupations import known_occupations
from market_assets.report import numbers
from market_assets.statistics.occupations import occupation_salaries
from market_assets.statistics.window import Window
from market_assets.web.explorer.index_page import MOST_LISTED, paged, skills_table, sorted_rows, with_growth
from market_assets.web.explorer.parameters import (
    FILTERS,
    Filters,
    Link,
    PageProblem,
    address,
    closest,
    filter_fields,
    page_of,
    read_filters,
)
from market_assets.web.explorer.skill_page import pay_table
from market_assets.web.explorer.view import Column, Table, View, newest_postings
from market_assets.web.market import queries
from market_assets.web.market.requests import Names
from market_assets.web.market.segment_queries import companies_in, counts_of, pay_in, skills_in


@dataclass(frozen=True)
class Part:
    """A part of the market that has a page.

    Attributes:
        kind: of its address: 'places', 'industries', 'occupations' or 'companies'.
        name: as the tables, or the newest posting, spell it.
        fixed: what its postings have in common.
        filters: the filters that its page has.
    """

    kind: str
    name: str
    fixed: dict[str, str | int]
    filters: tuple[str, ...] = FILTERS


def show_place(view: View) -> Response:
    return _of_column(view, "places", "location", "Place", view.market.location_names)


def show_industry(view: View) -> Response:
    return _of_column(view, "industries", "industry", "Industry", view.market.industries)


def show_occupation(view: View) -> Response:
    return _of_column(view, "occupations", "occupation", "Occupation", view.market.occupations)


def show_company(view: View) -> Response:
    """A company goes by the name that is asked for: sources spell it differently."""
    name = " ".join(view.request.path_params["name"].split())
    key = company_keys(pl.Series([name], dtype=pl.String))[0]
    if key is None or not (view.window().postings["company_key"] == key).any():
        raise _not_found("companies", "Company", name, view.companies.names)
    return _show(view, Part("companies", name, {"company_key": key}))


def _of_column(view: View, kind: str, column: str, word: str, names: Names) -> Response:
    written = view.request.path_params["name"]
    name = queries.find_location(view.market, written) if kind == "places" else names.find(written)
    if name is None:
        raise _not_found(kind, word, written, names)
    # A place is in one country.
    fixed = "country" if kind == "places" else column
    return _show(view, Part(kind, name, {column: name}, tuple(each for each in FILTERS if each != fixed)))


def _not_found(kind: str, word: str, name: str, names: Names) -> PageProblem:
    links = [Link(one, page_of(kind, one)) for one in closest(name, names)]
    return PageProblem(404, f"{word} not found", f"No counted posting has “{name}”.", links)


def _show(view: View, part: Part) -> Response:
    parameters = view.parameters(*part.filters, "sort", "page")
    if part.name != view.request.path_params["name"]:
        target = address(page_of(part.kind, part.name), view.request.query_params.multi_items())
        return RedirectResponse(target, 307)
    filters = read_filters(parameters, view.market)
    whole = view.window()
    segment = view.segment(filters, **part.fixed)
    inside = segment.postings_of(whole)
    skills = _skills(view, part, filters, inside)
    table = _skills_table(view, sorted_rows(skills, parameters), part, filters)
    shown, page = paged(table, parameters)
    tables = [table, *_other_tables(view, part, inside)]
    return view.answer(
        "segment.html",
        parameters,
        tables,
        part=part,
        filters=filters,
        fields=filter_fields(filters, view.market, part.filters),
        count=len(inside),
        of_postings=replace(segment, **dict.fromkeys(part.fixed)).size_in(whole),
        pay=pay_in(inside, view.min_sample),
        remote=int((inside.postings["workplace"] == "remote").sum()),
        shown=shown,
        page=page,
        occupation=known_occupations().get(part.name) if part.kind == "occupations" else None,
        postings=newest_postings(inside),
    )


def _skills(view: View, part: Part, filters: Filters, inside: Window) -> pl.DataFrame:
    """Demand of the part by rank, as published where it is; `times` is the share ÷ that of the whole market."""
    if part.kind == "industries" and not filters.chosen:
        rows = queries.skills(view.market, part.name, category=None)
    else:
        rows = skills_in(inside, view.min_sample)
    market = view.market.demand.of(None).select("skill", market_share="demand_share")
    rows = with_growth(view, rows).join(market, on="skill", how="left", maintain_order="left")
    return rows.with_columns(times=pl.col("demand_share") / pl.col("market_share"))


def _skills_table(view: View, rows: pl.DataFrame, part: Part, filters: Filters) -> Table:
    passed: dict[str, Any] = {name: value for name, value in part.fixed.items() if name in FILTERS}
    times = Column("times", "× the market", numbers.ratio, secondary=True)
    caption = f"Skills that postings ask for: {part.name}"
    return skills_table(view, rows, replace(filters, **passed), caption, [times])


def _other_tables(view: View, part: Part, inside: Window) -> list[Table]:
    postings = Column("postings", "Postings", numbers.count)
    tables: list[Table] = []
    if part.kind == "occupations":
        pay = queries.split_pay(occupation_salaries(inside, view.min_sample))
        tables.append(pay_table(view, "seniority", pay["by_seniority"]))
        tables.append(pay_table(view, "country", pay["by_country"]))
    for kind, column, heading in (
        ("occupations", "occupation", "Occupation"),
        ("industries", "industry", "Industry"),
        ("places", "location", "Place"),
    ):
        if kind != part.kind:
            link = Column(column, heading, link=partial(page_of, kind))
            rows = counts_of(inside.postings, column).head(MOST_LISTED).to_dicts()
            tables.append(Table(kind, f"{kind.capitalize()} with most postings", [link, postings], rows))
    if part.kind != "companies":
        link = Column("company", "Company", link=partial(page_of, "companies"))
        rows = companies_in(inside, view.companies).head(MOST_LISTED).to_dicts()
        tables.append(Table("companies", "Companies with most postings", [link, postings], rows))
    return tables
