"""The tables of a skill's page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from market_assets.report import numbers
from market_assets.web.explorer.parameters import Filters, country_name, page_of
from market_assets.web.explorer.tables import Column, Table
from market_assets.web.explorer.view import View

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
