"""The report as one HTML document that needs nothing else: styles and plots are in it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from string import Template

import polars as pl

from market_assets.report import market_sections, numbers, selections, skill_sections
from market_assets.report.markup import text, tile
from market_assets.report.svg import plot_style
from market_assets.report.tables import ReportTables

_FOLDER = Path(__file__).parent

#: The sections in their order: the anchor, the name in the table of contents, and what makes it.
_SECTIONS = (
    ("demand", "Skills", skill_sections.demand),
    ("pay", "Pay", skill_sections.pay),
    ("pay-trends", "Pay trends", skill_sections.pay_trends),
    ("growth", "Growth", skill_sections.growth),
    ("relationships", "Relationships", skill_sections.relationships),
    ("market", "Industries and places", market_sections.market),
    ("volume", "Volume", market_sections.volume),
    ("quality", "Data quality", market_sections.quality),
)


@cache
def _template() -> Template:
    return Template((_FOLDER / "page.html").read_text(encoding="utf-8"))


@cache
def _style() -> str:
    return (_FOLDER / "style.css").read_text(encoding="utf-8")


def render_report(tables: ReportTables) -> str:
    """The market report as an HTML document.

    It asks for nothing from elsewhere and runs no script; everything from data is escaped. The same
    tables give the same document. An empty table gives a section that says so.
    """
    with plot_style():
        body = "\n\n".join(section(tables) for _, _, section in _SECTIONS)
    contents = "".join(f'<li><a href="#{anchor}">{name}</a></li>' for anchor, name, _ in _SECTIONS)
    return _template().substitute(
        style=_style(),
        period=_period(tables),
        tiles="\n".join(_tiles(tables)),
        contents=contents,
        sections=body,
        currency=text(tables.currency),
    )


def _period(tables: ReportTables) -> str:
    """What the report covers, in a sentence."""
    figures = selections.summary(tables)
    if figures["as_of"] is None:
        return "Nothing has been counted yet: the statistics have not been refreshed."
    start = "" if figures["window_start"] is None else f"from {numbers.day(figures['window_start'])} "
    end = f"{numbers.day(figures['as_of'])}, {figures['as_of']:%H:%M} UTC"
    return f"{numbers.count(figures['postings'] or 0)} postings {start}to {end}"


def _tiles(tables: ReportTables) -> list[str]:
    figures = selections.summary(tables)
    counts = {
        name: None if figures[name] is None else numbers.count(figures[name])
        for name in ("postings", "duplicates", "rejected", "skills", "industries", "locations")
    }
    return [
        tile(
            "Postings counted",
            counts["postings"],
            f"{counts['duplicates'] or 0} duplicates and {counts['rejected'] or 0} rejected left out",
        ),
        tile(f"Median pay, {tables.currency} a year", *_median_pay(tables)),
        tile("Most asked skill", figures["top_skill"], _top_skill_note(tables)),
        tile("Fastest growing skill", figures["fastest_growing_skill"], _growth_note(tables)),
        tile(
            "Remote",
            None if figures["remote_share"] is None else numbers.share(figures["remote_share"]),
            "of the counted postings are known to be remote",
        ),
        tile(
            "Skills found",
            counts["skills"],
            f"in {counts['industries'] or 0} industries and {counts['locations'] or 0} places",
        ),
    ]


def _median_pay(tables: ReportTables) -> tuple[str | None, str]:
    figures = selections.summary(tables)
    if figures["median_salary"] is None:
        return None, "no counted posting states a salary"
    average = "" if figures["average_salary"] is None else f"average {numbers.money(figures['average_salary'])}, "
    known = numbers.count(figures["postings_with_salary"] or 0)
    return numbers.money(figures["median_salary"]), f"{average}known for {known} postings"


def _top_skill_note(tables: ReportTables) -> str:
    top = selections.top_skills(tables, 1)
    return f"asked for in {numbers.share(top['demand_share'][0])} of postings" if top.height else "none found yet"


def _growth_note(tables: ReportTables) -> str:
    name = selections.summary(tables)["fastest_growing_skill"]
    row = tables.trending_skills.filter(pl.col("skill").eq_missing(pl.lit(name))).drop_nulls("growth")
    if row.is_empty():
        return "no skill is growing by a quarter or more"
    recent = numbers.count(row["recent_postings"][0])
    return f"{numbers.growth(row['growth'][0])}, {recent} postings in the last 30 days"
