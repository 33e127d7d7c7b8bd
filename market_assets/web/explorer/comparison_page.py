"""`/market/compare?skill=A&skill=B`: two to five skills side by side."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from market_assets.report import numbers
from market_assets.statistics.demand import share_interval
from market_assets.statistics.window import Window
from market_assets.web.explorer.parameters import FILTERS, Filters, PageProblem, filter_fields, read_filters
from market_assets.web.explorer.skill_page import history_chart, pay_chart
from market_assets.web.explorer.tables import Column, Table
from market_assets.web.explorer.view import View
from market_assets.web.market import queries
from market_assets.web.market.segment_queries import compared_in

LEAST, MOST = 2, 5


def show(view: View) -> Response:
    parameters = view.parameters("skill", *FILTERS, repeated=("skill",))
    names = list(dict.fromkeys(view.known_skill(name) for name in parameters.all_of("skill")))
    if len(names) > MOST:
        raise PageProblem(422, "Too many skills", f"At most {MOST} skills can be compared.")
    filters = read_filters(parameters, view.market)
    table = _table(view, _rows(view, names, filters) if names else [], filters)
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


def _rows(view: View, names: list[str], filters: Filters) -> list[dict[str, Any]]:
    inside = view.segment(filters).postings_of(view.window())
    return [_row(view, name, filters, inside.of_skill(name)) for name in names]


def _row(view: View, name: str, filters: Filters, inside: Window) -> dict[str, Any]:
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


def _table(view: View, rows: list[dict[str, Any]], filters: Filters) -> Table:
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
