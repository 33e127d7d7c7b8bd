"""Numbers, times and names as text for people, and the headline figures of the market with a note on each.

The report and the pages of the market show them alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from rich.cells import cell_len, set_cell_size

Row = Mapping[str, Any]


def count(number: int) -> str:
    """12345 → '12,345'."""
    return f"{number:,}"


def money(amount: float) -> str:
    """Whole units of the currency: 123456.7 → '123,457'."""
    return f"{amount:,.0f}"


def short_money(amount: float) -> str:
    """For axes and labels: 950 → '950', 123456.7 → '123k', 1250000 → '1.25M'."""
    if abs(amount) >= 999_500:
        return f"{amount / 1e6:.3g}M"
    if abs(amount) >= 1_000:
        return f"{amount / 1e3:.0f}k"
    return f"{amount:.0f}"


def share(part: float) -> str:
    """0.1234 → '12.3%'."""
    return f"{part:.1%}"


def growth(change: float) -> str:
    """0.25 → '+25%', -0.5 → '-50%', -0.001 → '+0%'."""
    return f"{round(change, 2) + 0.0:+,.0%}"


def mean(number: float) -> str:
    """One decimal: 1234.56 → '1,234.6'."""
    return f"{number:,.1f}"


def ratio(number: float) -> str:
    """Two decimals: 1.2345 → '1.23'."""
    return f"{number:.2f}"


def day(time: datetime) -> str:
    """The UTC day: '2026-07-31'."""
    return f"{time:%Y-%m-%d}"


def printable(text: str) -> str:
    """The text on one line, without control or invisible characters.

    Names come from outside: an escape sequence would steer a terminal, and XML cannot hold most
    control characters.
    """
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(text.split())


def shortened(text: str, width: int) -> str:
    """`printable(text)`, cut with an ellipsis to `width` columns; wide characters take two."""
    text = printable(text)
    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"


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
            f"{count(duplicates)} duplicates and {count(rejected)} rejected left out",
        ),
        _pay(summary, lead, currency),
        Headline(
            "Most asked skill",
            summary["top_skill"],
            "none found yet" if top_share is None else f"asked for in {share(top_share)} of postings",
        ),
        Headline("Fastest growing skill", summary["fastest_growing_skill"], _growth_note(fastest, is_compared)),
        Headline(
            "Remote",
            None if summary["remote_share"] is None else share(summary["remote_share"]),
            "of the counted postings are known to be remote",
        ),
        Headline(
            "Skills found",
            _shown(summary["skills"]),
            f"in {count(summary['industries'] or 0)} industries and {count(summary['locations'] or 0)} places",
        ),
    ]


def _pay(summary: Row, lead: Row | None, currency: str) -> Headline:
    """The median of the leading country where it is published, else that of all."""
    median, countries = summary["median_salary"], summary["salary_countries"] or 0
    known = summary["postings_with_salary"] or 0
    if lead is not None and lead["median_salary"] is not None:
        note = f"known for {count(lead['postings_with_salary'])} postings there"
        if countries > 1 and median is not None:
            note += f"; {money(median)} over {countries} countries and {count(known)} postings"
        return Headline(f"Median pay, {lead['country']}, {currency} a year", money(lead["median_salary"]), note)
    if median is not None:
        note = f"known for {count(known)} postings"
        note += f" from {countries} countries" if countries > 1 else ""
    elif known:
        note = f"too few counted postings state a salary: {count(known)}"
    else:
        note = "no counted posting states a salary"
    return Headline(f"Median pay, {currency} a year", None if median is None else money(median), note)


def _growth_note(fastest: Row | None, is_compared: bool) -> str:
    if fastest is None:
        return "no skill is growing beyond chance" if is_compared else "the days that are compared are not covered"
    interval = f"{growth(fastest['growth_lower'])} to {growth(fastest['growth_upper'])}"
    recent = count(fastest["recent_postings"])
    return f"{growth(fastest['growth'])} ({interval}), {recent} postings in the last 30 days"


def _shown(number: int | None) -> str | None:
    return None if number is None else count(number)
