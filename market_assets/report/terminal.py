"""The market summary for the terminal, and the same figures for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import polars as pl
from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from market_assets.report import numbers, selections
from market_assets.report.selections import ReportTables

_TOP_SKILLS = 10
_MOVING = 5
_PAIRS = 5


def summary_renderables(
    tables: ReportTables, *, postings_in: int, rejected: int, duplicates: int, window_note: str | None
) -> list[RenderableType]:
    """The results of a run, as lines and tables of at most 80 columns.

    Args:
        postings_in: postings that the run read, including rejected ones and duplicates.
        rejected: postings that could not be read or have no title.
        duplicates: postings of jobs that have another posting already.
        window_note: a remark on the window, such as where its end comes from.
    """
    figures = {"Postings in": postings_in, "Rejected": rejected, "Duplicates": duplicates}
    return [
        Text("Market summary", style="bold"),
        Text("  ".join(f"{name} {numbers.count(number)}" for name, number in figures.items())),
        *_window(tables, window_note),
        *_made_up(tables),
        *_coverage(tables),
        *_top_skills(tables),
        *_trending(tables),
        *_strongest_pairs(tables),
        Text(""),
    ]


def summary_json(tables: ReportTables) -> dict[str, Any]:
    """The figures of the market in `summary_renderables`, fit for `json.dumps`.

    Unknown values are null, times are ISO 8601 in UTC, names are as they are stored.
    """
    figures = selections.summary(tables)
    trending = ["skill", "recent_postings", "previous_postings", "growth", "growth_lower", "growth_upper"]
    pairs = ["skill_a", "skill_b", "co_occurrences", "npmi", "npmi_lower", "strength"]
    counts = (
        "postings",
        "sample_postings",
        "postings_with_salary",
        "median_salary",
        "average_salary",
        "remote_share",
    )
    return {
        **{
            name: None if figures[name] is None else figures[name].isoformat()
            for name in ("as_of", "window_start")
        },
        "currency": tables.currency,
        **{name: figures[name] for name in counts},
        "top_skills": selections.top_skills(tables, _TOP_SKILLS)
        .select("rank", "skill", "postings", "demand_share", "postings_with_salary", "median_salary")
        .to_dicts(),
        "sources_compared": json.loads(figures["sources_compared"] or "[]"),
        "sources_left_out": selections.not_compared(tables),
        "coverage": selections.coverage(tables, "source").drop("dimension").to_dicts(),
        **{
            trend: selections.trending(tables, trend, _MOVING).select(trending).to_dicts()
            for trend in ("growing", "declining", "emerging")
        },
        "strongest_pairs": selections.strongest_pairs(tables, _PAIRS).select(pairs).to_dicts(),
    }


def _window(tables: ReportTables, note: str | None) -> Iterator[RenderableType]:
    figures = selections.summary(tables)
    if figures["as_of"] is None:
        yield Text("Nothing counted yet: the statistics have not been refreshed.")
    else:
        start = "?" if figures["window_start"] is None else numbers.day(figures["window_start"])
        counted = numbers.count(figures["postings"] or 0)
        yield Text(f"Window {start} to {numbers.day(figures['as_of'])}: {counted} postings counted")
        yield from _median_pay(tables)
    if note:
        yield Text(numbers.printable(note))


def _median_pay(tables: ReportTables) -> Iterator[RenderableType]:
    """The median of the leading country, then of all; each with its number of salaries."""
    figures, country = selections.summary(tables), selections.leading_country(tables)
    medians: list[tuple[str | None, float | None, int]] = []
    if country is not None and figures["salary_countries"] > 1:
        lead = selections.pay_by(tables, "country", 1).row(0, named=True)
        medians.append((country, lead["median_salary"], lead["postings_with_salary"]))
        country = f"all {figures['salary_countries']} countries"
    medians.append((country, figures["median_salary"], figures["postings_with_salary"]))
    for place, median, known in medians:
        if median is not None:
            where = f" in {place}" if place else ""
            amount = f"{numbers.money(median)} {tables.currency}"
            yield Text(f"Median pay {amount}{where} ({numbers.count(known)} salaries)")


def _made_up(tables: ReportTables) -> Iterator[RenderableType]:
    if invented := selections.summary(tables)["sample_postings"]:
        yield Text(f"Made up: {numbers.count(invented)} of the postings are invented by the sample source.")


def _coverage(tables: ReportTables) -> Iterator[RenderableType]:
    """What all counted postings state, as parts of them."""
    sources = selections.coverage(tables, "source")
    postings = pl.col("postings")
    parts = sources.select((pl.col("^.*_share$") * postings).sum() / postings.sum()).rename(
        lambda name: name.removesuffix("_share")
    )
    if sources.height:
        shown = [f"{what} {numbers.share(part)}" for what, part in parts.row(0, named=True).items()]
        yield Text(f"Stated by postings: {', '.join(shown)}")


def _top_skills(tables: ReportTables) -> Iterator[RenderableType]:
    skills = selections.top_skills(tables, _TOP_SKILLS)
    yield Text("")
    if skills.is_empty():
        yield Text("No skill found yet.")
        return
    grid = _grid("#", ("Skill", 40), "Share", f"Median pay, {tables.currency}", "Salaries")
    columns = ["rank", "skill", "demand_share", "median_salary", "postings_with_salary"]
    for rank, name, part, median, known in skills.select(columns).iter_rows():
        pay = "-" if median is None else numbers.money(median)
        grid.add_row(str(rank), Text(numbers.printable(name)), numbers.share(part), pay, numbers.count(known))
    yield grid


def _trending(tables: ReportTables) -> Iterator[RenderableType]:
    """A line for each of growing, declining and emerging skills; the last only if there are any."""
    yield Text("")
    left_out = [f"{source}: {reason}" for source, reason in selections.not_compared(tables).items()]
    if left_out and not selections.is_compared(tables):
        yield _labelled("Growth", f"nothing can be compared yet ({'; '.join(left_out)})")
        return
    for trend in ("growing", "declining", "emerging"):
        skills = selections.trending(tables, trend, _MOVING)
        moves = [
            f"{numbers.shortened(name, 24)} {_move(growth, recent)}"
            for name, growth, recent in skills.select("skill", "growth", "recent_postings").iter_rows()
        ]
        if moves or trend != "emerging":
            yield _labelled(trend.capitalize(), ", ".join(moves) or "none")


def _move(growth: float | None, recent: int) -> str:
    return f"({numbers.count(recent)} postings)" if growth is None else numbers.growth(growth)


def _labelled(label: str, content: str) -> RenderableType:
    """The content beside its label, wrapped within its own column."""
    line = Table.grid(padding=(0, 2))
    line.add_column(width=9)
    line.add_column()
    line.add_row(label, Text(content))
    return line


def _strongest_pairs(tables: ReportTables) -> Iterator[RenderableType]:
    pairs = selections.strongest_pairs(tables, _PAIRS)
    yield Text("")
    if pairs.is_empty():
        yield Text("No two skills were asked for together yet.")
        return
    grid = _grid(("Strongest pairs", 52), "npmi", "at least", "Together")
    columns = ["skill_a", "skill_b", "npmi", "npmi_lower", "co_occurrences"]
    for skill_a, skill_b, npmi, npmi_lower, number in pairs.select(columns).iter_rows():
        names = f"{numbers.shortened(skill_a, 24)} + {numbers.shortened(skill_b, 24)}"
        grid.add_row(Text(names), numbers.ratio(npmi), numbers.ratio(npmi_lower), numbers.count(number))
    yield grid


def _grid(*headings: str | tuple[str, int]) -> Table:
    """A table of figures, and of texts, whose headings come with their greatest width."""
    grid = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_edge=False)
    for heading in headings:
        if isinstance(heading, str):
            grid.add_column(heading, justify="right", no_wrap=True)
        else:
            text, width = heading
            grid.add_column(text, no_wrap=True, overflow="ellipsis", max_width=width)
    return grid
