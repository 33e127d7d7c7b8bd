"""`/market/skills/{name}`: demand, pay, growth, who asks for a skill, and what goes with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import polars as pl
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from market_assets.report import numbers
from market_assets.statistics.demand import share_interval
from market_assets.statistics.segments import counts_by
from market_assets.statistics.window import Window
from market_assets.web.explorer import charts
from market_assets.web.explorer.index_page import MOST_LISTED
from market_assets.web.explorer.parameters import (
    FILTERS,
    Filters,
    address,
    country_name,
    filter_fields,
    page_of,
    read_filters,
)
from market_assets.web.explorer.view import Column, Table, View, newest_postings
from market_assets.web.market import queries
from market_assets.web.market.segment_queries import companies_in, skill_in

#: Skills that go with one.
_RELATED = 12
#: Edges that a graph shows for each of its skills.
_EDGES_OF_SKILL = 2
#: A month with fewer postings than this has no point in the history.
LEAST_OF_MONTH = 50


def show(view: View) -> Response:
    parameters = view.parameters(*FILTERS)
    written = view.request.path_params["name"]
    name = view.known_skill(written)
    if name != written:
        return RedirectResponse(address(page_of("skills", name), view.request.query_params.multi_items()), 307)
    filters = read_filters(parameters, view.market)
    inside = view.segment(filters).postings_of(view.window().of_skill(name))
    figures = figures_of(view, name, filters, inside)
    tables = _tables(view, name, filters, figures, inside)
    return view.answer(
        "skill.html",
        parameters,
        tables,
        name=name,
        category=(view.market.skill_demand.one(name) or {}).get("category"),
        spellings=view.other_spellings(name),
        filters=filters,
        fields=filter_fields(filters, view.market),
        figures=figures,
        interval=share_interval(inside, name),
        of_postings=len(inside),
        trending=view.market.trending_by_skill.one(name),
        pay_trend=view.market.trends.one(name),
        months=tables[2],
        history=history_chart(view, [name]),
        countries=pay_chart("Pay by country", tables[0], "country"),
        seniorities=pay_chart("Pay by seniority", tables[1], "seniority"),
        graph=graph(view, name, view.skill_page),
        least_of_month=LEAST_OF_MONTH,
        postings=newest_postings(inside.asking()),
    )


def figures_of(view: View, name: str, filters: Filters, inside: Window) -> dict[str, Any]:
    """Demand and pay of a skill as `queries.skill` has them: as published, or counted where there are filters.

    `inside` holds the postings that the filters leave, with this skill alone.
    """
    if not filters.chosen:
        return queries.skill(view.market, name)
    return skill_in(inside, view.min_sample)


def _tables(view: View, name: str, filters: Filters, figures: dict[str, Any], inside: Window) -> list[Table]:
    market = view.market
    places = counts_by(inside, "location").head(MOST_LISTED)
    reasons = queries.skill_recommendations(market, name)["recommendations"]
    return [
        pay_table(view, "country", figures["by_country"]),
        pay_table(view, "seniority", figures["by_seniority"]),
        history_table(view, queries.history(market, name)["months"]),
        places_table(places.to_dicts(), filters),
        industries_table(view, figures["industries"], filters),
        companies_table(companies_in(inside.asking(), view.companies).head(MOST_LISTED).to_dicts()),
        related_table(view, queries.related(market, name).head(_RELATED).to_dicts()),
        recommendations_table(view, name, reasons),
    ]


def history_chart(view: View, names: list[str]) -> Markup:
    """The share of postings that ask for each skill, by month; without months that have too few postings."""
    shares = {
        name: {
            row["month"]: row["share"]
            for row in queries.history(view.market, name)["months"]
            if row["market_postings"] >= LEAST_OF_MONTH
        }
        for name in names
    }
    axis = sorted({month for of_skill in shares.values() for month in of_skill})
    lines = [charts.Line(name, [shares[name].get(month) for month in axis]) for name in names]
    title = f"Share of postings by month: {', '.join(names)}"
    return charts.line_chart(title, axis, lines, lambda share: f"{share * 100:.3g}%")


def pay_chart(title: str, table: Table, by: str) -> Markup:
    """The ranges of pay of a table's first rows that have a published median."""
    known = [row for row in table.rows if row["median_salary"] is not None][:MOST_LISTED]
    return charts.range_chart(
        title,
        [
            charts.Range(
                str(row[by]),
                row["p25"],
                row["median_salary"],
                row["p75"],
                None if row["median_lower"] is None else (row["median_lower"], row["median_upper"]),
            )
            for row in known
        ],
    )


def graph(view: View, name: str, link: Callable[[str], str]) -> Markup:
    """The skills that go most closely with one, and which of them go together."""
    rows = view.market.related.of(name).filter(pl.col("npmi_lower") > 0).head(_RELATED)
    names = rows["related_skill"].to_list()
    strength = rows["npmi_lower"].to_list()
    nodes = [charts.Node(other, link(other), size) for other, size in zip(names, strength, strict=True)]
    if not nodes:
        return Markup("")
    centre = charts.Node(name, link(name), 1.0)
    return charts.wheel(f"Skills that go with {name}", centre, nodes, edges_among(view, names))


def edges_among(view: View, names: list[str]) -> list[tuple[int, int, float]]:
    """The pairs of some skills that go together most closely: their positions and npmi_lower."""
    places = {name: place for place, name in enumerate(names)}
    found = [
        (place, places[other], sure)
        for name, place in places.items()
        for other, sure in view.market.related.of(name).select("related_skill", "npmi_lower").iter_rows()
        if sure > 0 and places.get(other, -1) > place
    ]
    return sorted(found, key=lambda edge: -edge[2])[: _EDGES_OF_SKILL * len(names)]


Rows = Sequence[dict[str, Any]]


def pay_table(view: View, by: str, rows: Rows) -> Table:
    """Pay by 'country' or 'seniority', with the interval of the median."""
    columns = [
        Column(by, by.capitalize(), country_name if by == "country" else None),
        Column("postings_with_salary", "Salaries", numbers.count),
        Column("p25", "25th", numbers.money, secondary=True),
        Column("median_salary", f"Median, {view.currency}", numbers.money),
        Column("median_lower", "From", numbers.money, secondary=True),
        Column("median_upper", "To", numbers.money, secondary=True),
        Column("p75", "75th", numbers.money, secondary=True),
    ]
    return Table(f"pay_by_{by}", f"Pay by {by}", columns, rows)


def history_table(view: View, months: Rows) -> Table:
    columns = [
        Column("month", "Month"),
        Column("postings", "Postings", numbers.count),
        Column("share", "Share", numbers.share),
        Column("postings_with_salary", "Salaries", numbers.count, secondary=True),
        Column("median_salary", f"Median pay, {view.currency}", numbers.money),
    ]
    return Table("history", "Month by month", columns, months)


def places_table(rows: Rows, filters: Filters) -> Table:
    columns = [
        Column("location", "Place", link=lambda name: page_of("places", name, _without(filters, "country"))),
        Column("postings", "Postings", numbers.count),
        Column("share", "Share there", numbers.share),
    ]
    return Table("places", "Places with most postings", columns, rows)


def industries_table(view: View, rows: Rows, filters: Filters) -> Table:
    columns = [
        Column(
            "industry", "Industry", link=lambda name: page_of("industries", name, _without(filters, "industry"))
        ),
        Column("postings", "Postings", numbers.count),
        Column("demand_share", "Share there", numbers.share),
        Column("median_salary", f"Median pay, {view.currency}", numbers.money, secondary=True),
    ]
    return Table("industries", "Industries", columns, rows)


def companies_table(rows: Rows) -> Table:
    columns = [
        Column("company", "Company", link=lambda name: page_of("companies", name)),
        Column("postings", "Postings", numbers.count),
    ]
    return Table("companies", "Companies that ask most", columns, rows)


def related_table(view: View, rows: Rows) -> Table:
    columns = [
        Column("related_skill", "Skill", link=view.skill_page),
        Column("co_occurrences", "Together", numbers.count),
        Column("confidence", "Also asked for", numbers.share),
        Column("npmi_lower", "npmi at least", numbers.ratio, secondary=True),
        Column("strength", "Strength"),
    ]
    return Table("related", "Closest skills", columns, rows)


def recommendations_table(view: View, name: str, rows: Rows) -> Table:
    """What to learn next, each with its reason in words."""
    columns = [
        Column("recommended_skill", "Skill", link=view.skill_page),
        Column("reason", "Why"),
        Column("median_salary", f"Median pay, {view.currency}", numbers.money),
        Column("postings_with_salary", "Salaries", numbers.count, secondary=True),
    ]
    reasons = [{**row, "reason": _reason(name, row)} for row in rows]
    return Table("recommendations", "What to learn next", columns, reasons)


def _reason(name: str, row: dict[str, Any]) -> str:
    together = numbers.count(row["co_occurrences"])
    return f"{together} postings ask for it together with {name}: {row['strength'].replace('_', ' ')} tie"


def _without(filters: Filters, name: str) -> dict[str, str]:
    """The filters that still apply on a page that is itself about one of them."""
    return {other: value for other, value in filters.chosen.items() if other != name}
