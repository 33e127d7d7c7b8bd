"""`/market/occupations`: how many postings each occupation has, and what it pays."""

from __future__ import annotations

from functools import partial

from starlette.responses import Response

from market_assets.report import numbers
from market_assets.web.explorer.index_page import paged, records, sorted_rows
from market_assets.web.explorer.parameters import page_of
from market_assets.web.explorer.tables import Column, Table
from market_assets.web.explorer.view import View
from market_assets.web.market import queries

_SORTS = ("occupation", "postings", "median_salary")


def show(view: View) -> Response:
    parameters = view.parameters("sort", "page")
    rows = sorted_rows(queries.occupations(view.market, search=None), parameters, _SORTS, "occupation")
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
    return view.answer("occupations.html", parameters, [table], shown=shown, page=page, sorts=_SORTS)
