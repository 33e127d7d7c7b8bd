"""The statistics of the market: demand, pay, growth, counts, and the headline figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import dagster as dg

from market_assets.defs.assets.market_reader import MarketReader
from market_assets.defs.assets.result_table import result_asset

if TYPE_CHECKING:
    import polars as pl

GROUP = "statistics"


def statistics_assets(freshness: dg.FreshnessPolicy | None) -> list[dg.AssetsDefinition]:
    """The result tables of group statistics."""

    def of_skills(
        name: str,
        compute: Callable[[MarketReader], pl.DataFrame],
        description: str,
        *,
        must_have_rows: Callable[[MarketReader], bool] = lambda _market: False,
        deps: tuple[str, ...] = ("posting_skills",),
    ) -> dg.AssetsDefinition:
        return result_asset(
            name,
            compute,
            group=GROUP,
            deps=deps,
            description=description,
            must_have_rows=must_have_rows,
            freshness=freshness,
        )

    return [
        of_skills(
            "skill_demand",
            _skill_demand,
            "How many postings ask for a skill, overall and by industry, and what they pay.",
            must_have_rows=_skills_in_window,
        ),
        of_skills(
            "salary_statistics", _salary_statistics, "What postings pay that ask for a skill, by percentile."
        ),
        of_skills(
            "salary_trends",
            _salary_trends,
            "What postings pay that ask for a skill, month by month.",
            must_have_rows=lambda market: len(market.history.codes) > 0,
        ),
        of_skills("industry_skills", _industry_skills, "What each industry asks for."),
        of_skills("location_salaries", _location_salaries, "What postings pay in each place."),
        of_skills(
            "trending_skills",
            _trending_skills,
            "Which skills are asked for more, or less, than in the two months before.",
            must_have_rows=lambda market: len(market.trending.codes) > 0,
        ),
        of_skills(
            "posting_statistics",
            _posting_statistics,
            "Postings by source, industry, salary band, day, employment type and place of work.",
            must_have_rows=lambda market: len(market.window) > 0,
        ),
        of_skills(
            "market_summary",
            _market_summary,
            "The headline figures, and the moment and window that all tables are about.",
            must_have_rows=lambda _market: True,
            deps=("posting_skills", "trending_skills"),
        ),
    ]


def _skills_in_window(market: MarketReader) -> bool:
    return len(market.window.codes) > 0


def _skill_demand(market: MarketReader) -> pl.DataFrame:
    from market_assets.statistics.demand import skill_demand

    return skill_demand(market.window)


def _salary_statistics(market: MarketReader) -> pl.DataFrame:
    from market_assets.statistics.pay import salary_statistics

    return salary_statistics(market.window)


def _salary_trends(market: MarketReader) -> pl.DataFrame:
    from market_assets.statistics.trends import salary_trends

    return salary_trends(market.history)


def _industry_skills(market: MarketReader) -> pl.DataFrame:
    from market_assets.statistics.demand import industry_skills

    return industry_skills(market.window)


def _location_salaries(market: MarketReader) -> pl.DataFrame:
    from market_assets.statistics.pay import location_salaries

    return location_salaries(market.window)


def _trending_skills(market: MarketReader) -> pl.DataFrame:
    from market_assets.statistics.trends import trending_skills

    return trending_skills(market.trending, market.as_of)


def _posting_statistics(market: MarketReader) -> pl.DataFrame:
    from market_assets.statistics.counts import posting_statistics

    return posting_statistics(market.window)


def _market_summary(market: MarketReader) -> pl.DataFrame:
    from market_assets.statistics.summary import market_summary
    from market_assets.store.tables.results import trending_skills

    return market_summary(
        market.window,
        as_of=market.as_of,
        window_start=market.window_start,
        duplicates=market.duplicates(),
        rejected=int(market.rejections()["postings"].sum()),
        trending=market.table(trending_skills),
    )
