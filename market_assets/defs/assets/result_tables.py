"""Every result table: which function computes it, from what, and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from market_assets.defs.assets.market_reader import MarketReader
from market_assets.defs.assets.result_asset import Input, ResultTable, result_asset

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl

    from market_assets.statistics.window import Window

#: The counted postings of the window that most tables are about.
WINDOW = Input(lambda market: market.window, ("posting_skills",))
#: Those of the months that pay trends cover, and of the days that growth compares.
PAY_TREND_WINDOW = Input(lambda market: market.pay_trend_window, ("posting_skills",))
GROWTH_WINDOW = Input(lambda market: market.growth_window, ("posting_skills",))
#: Those of the months that skill_history counts again.
HISTORY_WINDOW = Input(lambda market: market.history_window, ("posting_skills",))

MIN_SAMPLE = Input(lambda market: market.min_sample)
#: The sources whose postings can be compared over time.
COMPARED = Input(lambda market: market.compared, ("posting_skills",))
AS_OF = Input(lambda market: market.as_of)
WINDOW_START = Input(lambda market: market.window_start)
DUPLICATES = Input(lambda market: market.duplicates(), ("job_postings",))
REJECTIONS = Input(lambda market: market.rejections(), ("job_postings",))
#: A function that reads the newest texts; they are read twice.
NEWEST_TEXTS = Input(lambda market: market.newest_texts, ("job_postings",))
MATCHER = Input(lambda market: market.matcher)


def stored(table: str) -> Input:
    """A result table as another asset has written it."""
    return Input(lambda market: market.table(table), (table,))


def has_postings(window: Window) -> bool:
    return len(window) > 0


def has_skills(window: Window) -> bool:
    return len(window.codes) > 0


def unusual_days(market: MarketReader, inputs: Mapping[str, Any]) -> list[str]:
    """The sources that left their own range."""
    from market_assets.statistics.counts import unusual_days

    return unusual_days(inputs["window"], market.as_of)


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
        module="statistics.demand",
        inputs={"window": WINDOW, "min_sample": MIN_SAMPLE},
        description="How many postings ask for a skill, overall and by industry, and what they pay.",
        first=least("industry", "rank"),
        rows_expected=has_skills,
    ),
    ResultTable(
        "salary_statistics",
        module="statistics.pay",
        inputs={"window": WINDOW, "min_sample": MIN_SAMPLE},
        description="What postings pay that ask for a skill, by percentile, country and seniority.",
        first=most("postings_with_salary"),
    ),
    ResultTable(
        "employment_salaries",
        module="statistics.pay",
        inputs={"window": WINDOW, "min_sample": MIN_SAMPLE},
        description="What full-time and part-time work, internships and contracts pay.",
        first=most("postings_with_salary"),
        # No posting may state pay.
        may_be_empty=True,
    ),
    ResultTable(
        "salary_trends",
        module="statistics.pay_trends",
        inputs={"window": PAY_TREND_WINDOW, "min_sample": MIN_SAMPLE},
        description="What postings pay that ask for a skill, month by month, and whether that has changed.",
        first=significant("change"),
        rows_expected=has_skills,
        metadata=lambda _inputs, rows: skills_by(rows, "trend_direction", "increasing", "decreasing", "stable"),
    ),
    ResultTable(
        "industry_skills",
        module="statistics.demand",
        inputs={"window": WINDOW, "min_sample": MIN_SAMPLE},
        description="What each industry asks for.",
        first=least("rank", "industry"),
    ),
    ResultTable(
        "location_salaries",
        module="statistics.pay",
        inputs={"window": WINDOW, "min_sample": MIN_SAMPLE},
        description="What postings pay in each place.",
        first=most("postings_with_salary"),
    ),
    ResultTable(
        "occupation_demand",
        module="statistics.occupations",
        inputs={"window": WINDOW},
        description="How many postings each occupation has.",
        first=least("rank"),
        # No title may say.
        may_be_empty=True,
    ),
    ResultTable(
        "occupation_skills",
        module="statistics.occupations",
        inputs={"window": WINDOW},
        description="What each occupation asks for, and how much more often than the market does.",
        first=least("rank", "occupation"),
        may_be_empty=True,
    ),
    ResultTable(
        "occupation_salaries",
        module="statistics.occupations",
        inputs={"window": WINDOW, "min_sample": MIN_SAMPLE},
        description="What each occupation pays, by country and seniority.",
        first=most("postings_with_salary"),
        may_be_empty=True,
    ),
    ResultTable(
        "trending_skills",
        module="statistics.trends",
        inputs={"window": GROWTH_WINDOW, "compared": COMPARED},
        description="Which skills are asked for more, or less, than in the two months before, by their share.",
        first=significant("growth"),
        rows_expected=has_skills,
        metadata=lambda inputs, rows: {
            "sources_compared": list(inputs["compared"].sources),
            "sources_left_out": inputs["compared"].left_out,
            **skills_by(rows, "trend", "growing", "declining", "emerging"),
        },
    ),
    ResultTable(
        "skill_history",
        module="statistics.history",
        inputs={
            "window": HISTORY_WINDOW,
            "stored": Input(lambda market: market.table("skill_history")),
            "filled": Input(lambda market: market.filled_months),
            "as_of": AS_OF,
            "min_sample": MIN_SAMPLE,
        },
        description="Demand and pay of each skill by month, kept when the postings have been archived.",
        first=most("month", "postings"),
        metadata=lambda inputs, rows: {"months_revised": revised_months(rows, inputs["as_of"])},
    ),
    ResultTable(
        "posting_statistics",
        module="statistics.counts",
        inputs={"window": WINDOW},
        description="Postings by source, industry, salary band, day, employment type and place of work.",
        first=most("postings"),
        rows_expected=has_postings,
    ),
    ResultTable(
        "posting_coverage",
        module="statistics.counts",
        inputs={"window": WINDOW},
        description="How many postings state pay, a date, a place and skills, by source and by language.",
        first=most("postings"),
        rows_expected=has_postings,
        warnings=unusual_days,
        warns_of="Yesterday, the number of a source's postings and what they state were as in the 28 days before.",
    ),
    ResultTable(
        "market_summary",
        module="statistics.summary",
        inputs={
            "window": WINDOW,
            "as_of": AS_OF,
            "window_start": WINDOW_START,
            "duplicates": DUPLICATES,
            "rejections": REJECTIONS,
            "trending": stored("trending_skills"),
            "compared": COMPARED,
            "min_sample": MIN_SAMPLE,
        },
        description="The headline figures, and the time and window that all tables are about.",
        first=most("as_of"),
        rows_expected=lambda _window: True,
        metadata=lambda _inputs, rows: headline_figures(rows),
    ),
)

RELATIONSHIPS = (
    ResultTable(
        "skill_pairs",
        module="statistics.pairs",
        inputs={"window": WINDOW},
        description="How many postings ask for both of two skills.",
        first=most("co_occurrences"),
    ),
    ResultTable(
        "skill_relationships",
        module="statistics.relationships",
        inputs={"pairs": stored("skill_pairs"), "window": WINDOW},
        description="How strongly two skills belong together: support, confidence, lift, npmi.",
        first=most("npmi_lower"),
    ),
    ResultTable(
        "category_relationships",
        module="statistics.pairs",
        inputs={"window": WINDOW},
        description="How many postings ask for skills of both of two categories.",
        first=most("co_occurrences"),
    ),
    ResultTable(
        "skill_recommendations",
        module="statistics.recommendations",
        inputs={"pairs": stored("skill_pairs"), "window": WINDOW, "min_sample": MIN_SAMPLE},
        description="Up to ten skills that go most closely with each skill.",
        first=most("score"),
        weekly=True,
    ),
    ResultTable(
        "skill_affinities",
        module="statistics.recommendations",
        inputs={"pairs": stored("skill_pairs"), "window": WINDOW},
        description="How much each skill adds to the score of each other one in recommendations for a set.",
        first=most("weight"),
        weekly=True,
    ),
    ResultTable(
        "skill_communities",
        module="statistics.communities",
        inputs={"relationships": stored("skill_relationships")},
        description="Groups of skills that are asked for together, as the roles on the market want them.",
        first=most("centrality"),
        weekly=True,
        # In a small market no two skills are surely close.
        may_be_empty=True,
    ),
)

TAXONOMY = (
    ResultTable(
        "skill_candidates",
        module="skills.candidates",
        inputs={"read": NEWEST_TEXTS, "matcher": MATCHER},
        description="Names that postings list beside skills and the taxonomy lacks, each with a line for it.",
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
