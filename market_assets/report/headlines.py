"""The headline figures of the market with a note on each, as the report and the page of the market show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from market_assets.report import numbers

Row = Mapping[str, Any]


class Headline(NamedTuple):
    """A headline figure: what it is, its value (None where it is not known), and a note on it."""

    label: str
    value: str | None
    note: str


def headlines(
    summary: Row,
    *,
    top_share: float | None,
    fastest: Row | None,
    lead: Row | None,
    is_compared: bool,
    currency: str,
) -> list[Headline]:
    """The headline figures.

    Args:
        summary: the row of market_summary; every value None before the first refresh.
        top_share: the share of postings that ask for the most asked skill.
        fastest: the row of trending_skills of the fastest growing skill.
        lead: the row of employment_salaries of the country with most known salaries.
        is_compared: whether there is a source whose periods can be compared.
        currency: ISO 4217 code of every amount.
    """
    duplicates, rejected = summary["duplicates"] or 0, summary["rejected"] or 0
    return [
        Headline(
            "Postings counted",
            _shown(summary["postings"]),
            f"{numbers.count(duplicates)} duplicates and {numbers.count(rejected)} rejected left out",
        ),
        _pay(summary, lead, currency),
        Headline(
            "Most asked skill",
            summary["top_skill"],
            "none found yet" if top_share is None else f"asked for in {numbers.share(top_share)} of postings",
        ),
        Headline("Fastest growing skill", summary["fastest_growing_skill"], _growth(fastest, is_compared)),
        Headline(
            "Remote",
            None if summary["remote_share"] is None else numbers.share(summary["remote_share"]),
            "of the counted postings are known to be remote",
        ),
        Headline(
            "Skills found",
            _shown(summary["skills"]),
            f"in {numbers.count(summary['industries'] or 0)} industries and "
            f"{numbers.count(summary['locations'] or 0)} places",
        ),
    ]


def _pay(summary: Row, lead: Row | None, currency: str) -> Headline:
    """The median of the leading country where it is published, else that of all."""
    median, countries = summary["median_salary"], summary["salary_countries"] or 0
    known = summary["postings_with_salary"] or 0
    if lead is not None and lead["median_salary"] is not None:
        note = f"known for {numbers.count(lead['postings_with_salary'])} postings there"
        if countries > 1 and median is not None:
            note += f"; {numbers.money(median)} over {countries} countries and {numbers.count(known)} postings"
        return Headline(
            f"Median pay, {lead['country']}, {currency} a year", numbers.money(lead["median_salary"]), note
        )
    if median is not None:
        note = f"known for {numbers.count(known)} postings"
        note += f" from {countries} countries" if countries > 1 else ""
    elif known:
        note = f"too few counted postings state a salary: {numbers.count(known)}"
    else:
        note = "no counted posting states a salary"
    return Headline(f"Median pay, {currency} a year", None if median is None else numbers.money(median), note)


def _growth(fastest: Row | None, is_compared: bool) -> str:
    if fastest is None:
        return "no skill is growing beyond chance" if is_compared else "the days that are compared are not covered"
    interval = f"{numbers.growth(fastest['growth_lower'])} to {numbers.growth(fastest['growth_upper'])}"
    recent = numbers.count(fastest["recent_postings"])
    return f"{numbers.growth(fastest['growth'])} ({interval}), {recent} postings in the last 30 days"


def _shown(number: int | None) -> str | None:
    return None if number is None else numbers.count(number)
