"""Every result table: which function computes it, from what, and when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import dagster as dg

from market_assets.defs.assets.asset_metadata import demand_plot, growth_plot, pay_plot
from market_assets.defs.assets.market_reader import MarketReader
from market_assets.defs.assets.result_asset import ResultTable, result_asset

if TYPE_CHECKING:
    import polars as pl

    from market_assets.statistics.window import Window


def has_postings(window: Window) -> bool:
    return len(window) > 0


def has_skills(window: Window) -> bool:
    return len(window.codes) > 0


def unusual_days(market: MarketReader) -> list[str]:
    """The sources that left their own range."""
    from market_assets.statistics.counts import unusual_days

    return unusual_days(market.window, market.as_of)


def revised_months(history: pl.DataFrame, as_of: datetime) -> list[str]:
    """The closed months that were counted again at a time, since they have been filled back."""
    revised = history.filter(history["revised_at"] == as_of)
    return revised["month"].unique().sort().to_list()


def skills_by(rows: pl.DataFrame, column: str, *values: str) -> dict[str, int]:
    """How many skills have each value of a column."""
    return {value: rows.filter(rows[column] == value)["skill"].n_unique() for value in values}


def headline_figures(summary: pl.DataFrame) -> dict[str, float]:
    """The numbers of the summary's one row, which Dagster plots over time."""
    return {name: value for name, value in summary.row(0, named=True).items() if isinstance(value, int | float)}


def least(*columns: str) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """The smallest values of some columns first; null before all others."""
    return lambda rows: rows.sort(columns)


def most(*columns: str) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """The greatest values of some columns first."""
    return lambda rows: rows.sort(columns, descending=True, nulls_last=True)


def significant(change: str) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """The greatest changes that a test has shown first, up or down."""

    def by_change(rows: pl.DataFrame) -> pl.DataFrame:
        from market_assets.statistics.trends import FALSE_DISCOVERY_RATE

        shown = rows["q_value"].fill_null(1) <= FALSE_DISCOVERY_RATE
        return rows.sort(shown, rows[change].abs(), descending=True, nulls_last=True)

    return by_change


STATISTICS = (
    ResultTable(
        "skill_demand",
        "statistics.demand",
        "How many postings ask for a skill, overall and by industry, and what they pay.",
        inputs=("window", "min_sample"),
        first=least("industry", "rank"),
        draws=demand_plot,
        rows_expected=has_skills,
    ),
    ResultTable(
        "salary_statistics",
        "statistics.pay",
        "What postings pay that ask for a skill, by percentile, country and seniority.",
        inputs=("window", "min_sample"),
        first=most("postings_with_salary"),
        draws=pay_plot,
    ),
    ResultTable(
        "employment_salaries",
        "statistics.pay",
        "What full-time and part-time work, internships and contracts pay.",
        inputs=("window", "min_sample"),
        first=most("postings_with_salary"),
        # No posting may state pay.
        may_be_empty=True,
    ),
    ResultTable(
        "salary_trends",
        "statistics.pay_trends",
        "What postings pay that ask for a skill, month by month, and whether that has changed.",
        inputs=("window", "min_sample"),
        window="pay_trend_window",
        # It needs the most memory: before anything is kept for other tables.
        priority=1,
        first=significant("change"),
        rows_expected=has_skills,
        metadata=lambda _inputs, rows: skills_by(rows, "trend_direction", "increasing", "decreasing", "stable"),
    ),
    ResultTable(
        "industry_skills",
        "statistics.demand",
        "What each industry asks for.",
        inputs=("window", "min_sample"),
        first=least("rank", "industry"),
    ),
    ResultTable(
        "location_salaries",
        "statistics.pay",
        "What postings pay in each place.",
        inputs=("window", "min_sample"),
        first=most("postings_with_salary"),
    ),
    ResultTable(
        "occupation_demand",
        "statistics.occupations",
        "How many postings each occupation has.",
        first=least("rank"),
        # No title may say.
        may_be_empty=True,
    ),
    ResultTable(
        "occupation_skills",
        "statistics.occupations",
        "What each occupation asks for, and how much more often than the market does.",
        first=least("rank", "occupation"),
        may_be_empty=True,
    ),
    ResultTable(
        "occupation_salaries",
        "statistics.occupations",
        "What each occupation pays, by country and seniority.",
        inputs=("window", "min_sample"),
        first=most("postings_with_salary"),
        may_be_empty=True,
    ),
    ResultTable(
        "trending_skills",
        "statistics.trends",
        "Which skills are asked for more, or less, than in the two months before, by their share.",
        inputs=("window", "compared"),
        window="growth_window",
        first=significant("growth"),
        draws=growth_plot,
        rows_expected=has_skills,
        metadata=lambda inputs, rows: {
            "sources_compared": list(inputs["compared"].sources),
            "sources_left_out": inputs["compared"].left_out,
            **skills_by(rows, "trend", "growing", "declining", "emerging"),
        },
    ),
    ResultTable(
        "skill_history",
        "statistics.history",
        "Demand and pay of each skill by month, kept when the postings have been archived.",
        inputs=("window", "filled", "as_of", "min_sample"),
        tables={"stored": "skill_history"},
        window="history_window",
        first=most("month", "postings"),
        metadata=lambda inputs, rows: {"months_revised": revised_months(rows, inputs["as_of"])},
    ),
    ResultTable(
        "posting_statistics",
        "statistics.counts",
        "Postings by source, industry, salary band, day, employment type and place of work.",
        first=most("postings"),
        rows_expected=has_postings,
    ),
    ResultTable(
        "posting_coverage",
        "statistics.counts",
        "How many postings state pay, a date, a place and skills, by source and by language.",
        first=most("postings"),
        rows_expected=has_postings,
        warning=(
            "volume_and_coverage_as_usual",
            "Yesterday, the number of a source's postings and what they state were as in the 28 days before.",
            unusual_days,
        ),
    ),
    ResultTable(
        "market_summary",
        "statistics.summary",
        "The headline figures, and the time and window that all tables are about.",
        inputs=("window", "as_of", "window_start", "duplicates", "rejections", "compared", "min_sample"),
        tables={"trending": "trending_skills"},
        first=most("as_of"),
        rows_expected=lambda _window: True,
        metadata=lambda _inputs, rows: headline_figures(rows),
    ),
)

RELATIONSHIPS = (
    ResultTable(
        "skill_pairs",
        "statistics.pairs",
        "How many postings ask for both of two skills.",
        first=most("co_occurrences"),
    ),
    ResultTable(
        "skill_relationships",
        "statistics.relationships",
        "How strongly two skills belong together: support, confidence, lift, npmi.",
        tables={"pairs": "skill_pairs"},
        first=most("npmi_lower"),
    ),
    ResultTable(
        "category_relationships",
        "statistics.pairs",
        "How many postings ask for skills of both of two categories.",
        first=most("co_occurrences"),
    ),
    ResultTable(
        "skill_recommendations",
        "statistics.recommendations",
        "Up to ten skills that go most closely with each skill.",
        inputs=("window", "min_sample"),
        tables={"pairs": "skill_pairs"},
        first=most("score"),
        weekly=True,
    ),
    ResultTable(
        "skill_affinities",
        "statistics.recommendations",
        "How much each skill adds to the score of each other one in recommendations for a set.",
        tables={"pairs": "skill_pairs"},
        first=most("weight"),
        weekly=True,
    ),
    ResultTable(
        "skill_communities",
        "statistics.communities",
        "Groups of skills that are asked for together, as the roles on the market want them.",
        inputs=(),
        tables={"relationships": "skill_relationships"},
        first=most("centrality"),
        weekly=True,
        # In a small market no two skills are surely close.
        may_be_empty=True,
    ),
)

TAXONOMY = (
    ResultTable(
        "skill_candidates",
        "skills.candidates",
        "Names that postings list beside skills and the taxonomy lacks, each with a line for it.",
        inputs=("read", "matcher"),
        first=least("rank"),
        weekly=True,
        may_be_empty=True,
    ),
)


def result_assets(refreshed: dg.FreshnessPolicy, weekly: dg.FreshnessPolicy) -> list[dg.AssetsDefinition]:
    """The assets of all result tables, with the age that each may reach."""
    groups = {"statistics": STATISTICS, "relationships": RELATIONSHIPS, "taxonomy": TAXONOMY}
    return [
        result_asset(table, group, weekly if table.weekly else refreshed)
        for group, tables in groups.items()
        for table in tables
    ]
