"""Pages of several skills: `/market/compare?skill=A&skill=B`, two to five side by side, and `/market/map`."""

from __future__ import annotations

from typing import Any, NamedTuple

from markupsafe import Markup
from starlette.responses import Response

from market_assets.report import numbers
from market_assets.statistics.demand import share_interval
from market_assets.statistics.window import Window
from market_assets.web.explorer import charts
from market_assets.web.explorer.parameters import (
    FILTERS,
    MARKET,
    Filters,
    PageProblem,
    address,
    filter_fields,
    read_filters,
)
from market_assets.web.explorer.skill_page import edges_among, graph, history_chart, pay_chart
from market_assets.web.explorer.view import Column, Table, View
from market_assets.web.market import queries
from market_assets.web.market.segment_queries import compared_in

LEAST, MOST = 2, 5
#: Skills that a community's graph shows; all are listed below it.
_DRAWN = 12


def show_comparison(view: View) -> Response:
    """Demand, pay and growth of two to five skills."""
    parameters = view.parameters("skill", *FILTERS, repeated=("skill",))
    names = list(dict.fromkeys(view.known_skill(name) for name in parameters.all_of("skill")))
    if len(names) > MOST:
        raise PageProblem(422, "Too many skills", f"At most {MOST} skills can be compared.")
    filters = read_filters(parameters, view.market)
    rows = []
    if names:
        inside = view.segment(filters).postings_of(view.window())
        rows = [_compared_row(view, name, filters, inside.of_skill(name)) for name in names]
    table = _comparison(view, rows, filters)
    return view.answer(
        "compare.html",
        parameters,
        [table],
        names=names,
        most=MOST,
        filters=filters,
        fields=filter_fields(filters, view.market),
        without={
            name: parameters.address_with("skill", [other for other in names if other != name]) for name in names
        },
        csv=parameters.address(format="csv"),
        history=history_chart(view, names) if len(names) >= LEAST else "",
        pay=pay_chart("Pay", table, "skill") if len(names) >= LEAST else "",
    )


def _compared_row(view: View, name: str, filters: Filters, inside: Window) -> dict[str, Any]:
    """The figures of a skill, None where nothing is known.

    `inside` holds the postings that the filters leave, with this skill alone.
    """
    if filters.chosen:
        demand, salaries = compared_in(inside, view.min_sample)
    else:
        figures = queries.skill(view.market, name)
        demand, salaries = figures["demand"] or {}, figures["salaries"] or {}
    lower, upper = share_interval(inside, name) or (None, None)
    trending = view.market.trending_by_skill.one(name) or {}
    pay_names = ("median_salary", "median_lower", "median_upper", "p25", "p75")
    return {
        "skill": name,
        "postings": demand.get("postings", 0),
        "demand_share": demand.get("demand_share", 0.0),
        "share_lower": lower,
        "share_upper": upper,
        "required_share": demand.get("required_share"),
        "postings_with_salary": salaries.get("postings_with_salary", 0),
        **{column: salaries.get(column) for column in pay_names},
        **{column: trending.get(column) for column in ("growth", "growth_lower", "growth_upper", "trend")},
    }


def _comparison(view: View, rows: list[dict[str, Any]], filters: Filters) -> Table:
    pay = f"Median pay, {view.currency}"
    columns = [
        Column("skill", "Skill", link=lambda name: view.skill_page(name, filters)),
        Column("postings", "Postings", numbers.count),
        Column("demand_share", "Share", numbers.share),
        Column("share_lower", "Share, from", numbers.share),
        Column("share_upper", "Share, to", numbers.share),
        Column("required_share", "Required", numbers.share),
        Column("median_salary", pay, numbers.money),
        Column("median_lower", "Median pay, from", numbers.money),
        Column("median_upper", "Median pay, to", numbers.money),
        Column("p25", "25th percentile", numbers.money),
        Column("p75", "75th percentile", numbers.money),
        Column("postings_with_salary", "Salaries known", numbers.count),
        Column("growth", "Growth", numbers.growth),
        Column("growth_lower", "Growth, from", numbers.growth),
        Column("growth_upper", "Growth, to", numbers.growth),
        Column("trend", "Trend"),
    ]
    return Table("comparison", "Skills compared", columns, rows)


class Community(NamedTuple):
    """Skills that are asked for together, the most central first."""

    name: str
    graph: Markup
    skills: list[str]


def show_map(view: View) -> Response:
    """The communities of skills as graphs, and the neighbourhood of one skill."""
    parameters = view.parameters("skill")
    written = parameters.get("skill")
    if written is not None:
        name = view.known_skill(written)
        return view.answer(
            "neighbours.html", parameters, name=name, graph=graph(view, name, on_map), on_map=on_map
        )
    communities = [_community(view, name) for name in view.market.communities.groups]
    communities.sort(key=lambda one: (-len(one.skills), one.name))
    rows = [{"skill": skill, "community": one.name} for one in communities for skill in one.skills]
    table = Table("communities", "Communities", [Column("skill", "Skill"), Column("community", "Community")], rows)
    return view.answer("map.html", parameters, [table], communities=communities, on_map=on_map)


def on_map(name: str) -> str:
    """The address of a skill's neighbourhood."""
    return address(f"{MARKET}/map", {"skill": name})


def _community(view: View, name: str) -> Community:
    rows = view.market.communities.of(name).head(_DRAWN)
    names, central = rows["skill"].to_list(), rows["centrality"].to_list()
    nodes = [charts.Node(skill, on_map(skill), size) for skill, size in zip(names, central, strict=True)]
    drawing = charts.wheel(f"Skills around {name}", None, nodes, edges_among(view, names))
    return Community(name, drawing, view.market.communities.of(name)["skill"].to_list())
