"""The market report as one HTML document that needs nothing else: styles and plots are in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from market_assets.report import numbers, plots, selections
from market_assets.report.numbers import Headline, headlines
from market_assets.report.search_script import SEARCH_SCRIPT, SEARCH_SCRIPT_HASH
from market_assets.report.selections import ReportTables

#: Skills that are listed of those whose share changed within a week.
_MOST_CHANGED = 12


class Column(NamedTuple):
    """A column of a table in the page.

    Attributes:
        name: the key in each row.
        heading: as shown.
        show: formats a number; None for a column of text.
        meter: draw a bar beside the number, its length relative to the largest of the column.
        secondary: leave it out on the narrowest screens.
    """

    name: str
    heading: str
    show: Callable[[Any], str] | None = None
    meter: bool = False
    secondary: bool = False


def render_report(tables: ReportTables) -> str:
    """The market report as an HTML document.

    It loads nothing from elsewhere, and runs no script but `SEARCH_SCRIPT`; everything from data is escaped. The
    same tables give the same document. An empty table gives a section with the reason.
    """
    return _template().render(
        currency=tables.currency,
        summary=selections.summary(tables),
        few=selections.FEW,
        headlines=_headlines(tables),
        script=Markup(SEARCH_SCRIPT),
        script_hash=Markup(SEARCH_SCRIPT_HASH),
        week=_week(tables),
        every_skill=_every_skill(tables),
        demand=_demand(tables),
        pay=_pay(tables),
        occupations=selections.occupations(tables, 20).to_dicts(),
        pay_trends=_pay_trends(tables),
        growth=_growth(tables),
        relationships=_relationships(tables),
        market=_market(tables),
        volume=_volume(tables),
        quality=_quality(tables),
    )


@cache
def _template() -> Template:
    """The page; every string that is not markup is escaped and has no control characters."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for show in (numbers.count, numbers.money, numbers.share, numbers.growth):
        environment.filters[show.__name__] = _unless_none(show)
    environment.globals |= {"column": Column, "number": numbers}
    return environment.get_template("page.html")


def _printable(value: object) -> object:
    return numbers.printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _unless_none(show: Callable[[Any], str]) -> Callable[[Any], str | None]:
    return lambda value: None if value is None else show(value)


def _headlines(tables: ReportTables) -> list[Headline]:
    summary, top = selections.summary(tables), selections.top_skills(tables, 1)
    name, lead = summary["fastest_growing_skill"], selections.pay_by(tables, "country", 1)
    fastest = tables.trending_skills.filter(pl.col("skill").eq_missing(pl.lit(name))).drop_nulls("growth")
    return headlines(
        summary,
        top_share=top["demand_share"][0] if top.height else None,
        fastest=fastest.row(0, named=True) if fastest.height else None,
        lead=lead.row(0, named=True) if lead.height else None,
        is_compared=selections.is_compared(tables),
        currency=tables.currency,
    )


def _week(tables: ReportTables) -> dict[str, Any] | None:
    week = tables.week
    if week is None or not (week.postings or week.postings_before):
        return None
    changed = week.skills.filter(pl.col("trend").is_in(["growing", "declining", "emerging"]))
    # New skills, which have no growth, come first.
    order = [pl.col("growth").is_not_null(), pl.col("growth").abs(), pl.col("skill")]
    most = changed.sort(order, descending=[False, True, False]).head(_MOST_CHANGED)
    skills = most.with_columns(interval=_interval(pl.col("growth_lower"), pl.col("growth_upper")))
    return {
        "postings": week.postings,
        "postings_before": week.postings_before,
        "change": week.postings / week.postings_before - 1 if week.postings_before else None,
        "is_compared": (week.skills["trend"] != "insufficient_data").any(),
        "skills": skills.to_dicts(),
    }


def _every_skill(tables: ReportTables) -> list[dict[str, Any]]:
    skills = selections.top_skills(tables, tables.skill_demand.height)
    growth = tables.trending_skills.select("skill", "growth", pl.col("trend").str.replace_all("_", " "))
    return skills.join(growth, on="skill", how="left", maintain_order="left").to_dicts()


def _demand(tables: ReportTables) -> dict[str, Any]:
    skills = selections.top_skills(tables, 15)
    return {
        "skills": skills.to_dicts(),
        "plot": plots.demand_bars(skills, tables.currency) if skills.height else None,
    }


def _pay(tables: ReportTables) -> dict[str, Any]:
    skills, bands = selections.paid_skills(tables, 12), selections.salary_bands(tables)
    return {
        "country": selections.leading_country(tables),
        "skills": skills.to_dicts(),
        "countries": selections.pay_by(tables, "country", 8).to_dicts(),
        "employment_types": selections.pay_by(tables, "employment_type", 8)
        .with_columns(pl.col("employment_type").str.replace_all("_", " "))
        .to_dicts(),
        "ranges_plot": plots.pay_ranges(skills, tables.currency) if skills.height else None,
        "bands_plot": plots.salary_bands(bands, tables.currency) if bands.height else None,
    }


def _pay_trends(tables: ReportTables) -> dict[str, Any]:
    months = selections.pay_trends(tables, 8)
    skills = months.group_by("skill", maintain_order=True).agg(
        first=pl.col("median_salary").first(),
        last=pl.col("median_salary").last(),
        months=pl.len(),
        change=pl.col("change").first(),
        interval=_interval(pl.col("change_lower").first(), pl.col("change_upper").first()),
        direction=pl.col("trend_direction").first().str.replace("_", " "),
    )
    return {"skills": skills.to_dicts(), "plot": plots.pay_trends(months) if months.height else None}


def _growth(tables: ReportTables) -> dict[str, Any]:
    growing, declining = (selections.trending(tables, trend, 8) for trend in ("growing", "declining"))
    emerging = selections.trending(tables, "emerging", 6)
    skills, moving = pl.concat([growing, emerging, declining]), pl.concat([growing, declining.reverse()])
    return {
        "skills": skills.with_columns(
            interval=_interval(pl.col("growth_lower"), pl.col("growth_upper"))
        ).to_dicts(),
        "plot": plots.growth_bars(moving, emerging) if skills.height else None,
        "is_compared": selections.is_compared(tables),
        "left_out": selections.not_compared(tables),
        "is_cut": (moving["growth"] > plots.LONGEST_GROWTH).any(),
        "longest": plots.LONGEST_GROWTH,
    }


def _interval(lower: pl.Expr, upper: pl.Expr) -> pl.Expr:
    """The two ends of the interval of a change as text, null where they are not known."""
    shown = (each.map_elements(numbers.growth, return_dtype=pl.String) for each in (lower, upper))
    return pl.concat_str(*shown, separator=" to ")


def _relationships(tables: ReportTables) -> dict[str, Any]:
    skills = selections.top_skills(tables, 12)["skill"].to_list()
    pairs = selections.strongest_pairs(tables, 12).with_columns(
        _both("skill_a", "skill_b"), pl.col("strength").str.replace("_", " ")
    )
    categories = selections.closest_categories(tables, 8).with_columns(_both("category_a", "category_b"))
    has_plot = pairs.height > 0 and len(skills) > 1
    return {
        "pairs": pairs.to_dicts(),
        "plot": plots.relationship_heat_map(skills, tables.skill_relationships) if has_plot else None,
        "categories": categories.to_dicts(),
    }


def _both(a: str, b: str) -> pl.Expr:
    return pl.concat_str(a, pl.lit(" + "), b).alias("pair")


def _market(tables: ReportTables) -> dict[str, Any]:
    dimensions = {"remote": "remote", "employment_types": "employment_type"}
    return {
        "industries": selections.industries(tables, 10).to_dicts(),
        "places": selections.places(tables, 10).to_dicts(),
        **{
            name: selections.dimension(tables, dimension)
            .with_columns(pl.col("value").str.replace_all("_", " "))
            .to_dicts()
            for name, dimension in dimensions.items()
        },
    }


def _volume(tables: ReportTables) -> dict[str, Any]:
    days = selections.daily_volume(tables)
    return {
        "months": selections.monthly_volume(tables).to_dicts(),
        "plot": plots.daily_volume(days) if days.height else None,
        "mean_days": plots.MEAN_DAYS,
    }


def _quality(tables: ReportTables) -> dict[str, Any]:
    return {
        "of_sources": selections.coverage(tables, "source").to_dicts(),
        "of_languages": selections.coverage(tables, "language").to_dicts(),
        "sources": tables.sources.sort("postings", "source", descending=[True, False]).to_dicts(),
        "rejections": tables.rejections.sort("postings", "reason", descending=[True, False]).to_dicts(),
    }
