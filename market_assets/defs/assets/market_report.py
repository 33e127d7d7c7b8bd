"""The market report: one HTML page made of the result tables."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from market_assets.defs.assets.asset_metadata import code_in
from market_assets.defs.assets.market_reader import MarketReader
from market_assets.defs.partitions import OWNERS, POOL, as_of
from market_assets.defs.resources import MarketStore
from market_assets.defs.retries import retry_transient_errors

if TYPE_CHECKING:
    from market_assets.report.selections import ReportTables

#: The tables that the report shows.
SHOWN = (
    "market_summary",
    "skill_demand",
    "salary_statistics",
    "employment_salaries",
    "salary_trends",
    "industry_skills",
    "location_salaries",
    "occupation_demand",
    "occupation_skills",
    "occupation_salaries",
    "trending_skills",
    "posting_statistics",
    "posting_coverage",
    "skill_relationships",
    "category_relationships",
)


def market_report_asset(freshness: dg.FreshnessPolicy) -> dg.AssetsDefinition:
    """The page in the data folder, replaced whole."""

    @dg.asset(
        deps=[*SHOWN, "job_postings"],
        group_name="statistics",
        owners=OWNERS,
        pool=POOL,
        kinds={"html"},
        description="A self-contained HTML page: top skills, pay, trends, growth, relationships, data quality.",
        metadata={
            "market": dg.MetadataValue.url("/market"),
            "api": dg.MetadataValue.url("/api/docs"),
            **code_in("report.page"),
        },
        freshness_policy=freshness,
    )
    @retry_transient_errors
    def market_report(
        context: dg.AssetExecutionContext, store: dg.ResourceParam[MarketStore]
    ) -> dg.MaterializeResult:
        from market_assets.report.page import render_report
        from market_assets.report.selections import compared_sources

        with store.alone() as connection:
            market = MarketReader(store, connection, as_of(context))
            tables = report_tables(market)
            page = render_report(replace(tables, week=market.weekly_changes(compared_sources(tables))))
        path = store.settings.report_path
        _replace_file(path, page)
        return dg.MaterializeResult(
            metadata={
                "report": dg.MetadataValue.url("/market/report"),
                "path": dg.MetadataValue.path(path.resolve()),
                "bytes": len(page.encode()),
            }
        )

    return market_report


def report_tables(market: MarketReader) -> "ReportTables":
    """The input of the report and the terminal summary, read from the store."""
    from market_assets.report.selections import ReportTables

    shown: dict[str, Any] = {name: market.table(name) for name in SHOWN}
    return ReportTables(**shown, rejections=market.rejections, sources=market.sources, currency=market.currency)


def _replace_file(path: Path, page: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_text(page, encoding="utf-8")
    unfinished.replace(path)
