"""Which skills belong together: pairs, their strength, categories, recommendations and what they add up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import dagster as dg

from market_assets.defs.assets.market_reader import MarketReader
from market_assets.defs.assets.result_table import result_asset

if TYPE_CHECKING:
    import polars as pl

GROUP = "relationships"
#: A run with this tag makes recommendations only where there are none yet.
KEEP_RECOMMENDATIONS_TAG = "market_assets/keep_recommendations"


def relationships_assets(
    refreshed: dg.FreshnessPolicy | None, rebuilt: dg.FreshnessPolicy | None
) -> list[dg.AssetsDefinition]:
    """The result tables of group relationships; recommendations and affinities are only made by the rebuild."""
    return [
        result_asset(
            "skill_pairs",
            _skill_pairs,
            group=GROUP,
            deps=["posting_skills"],
            description="How many postings ask for both of two skills.",
            freshness=refreshed,
        ),
        result_asset(
            "skill_relationships",
            _skill_relationships,
            group=GROUP,
            deps=["skill_pairs"],
            description="How strongly two skills belong together: support, confidence, lift, npmi.",
            freshness=refreshed,
        ),
        result_asset(
            "category_relationships",
            _category_relationships,
            group=GROUP,
            deps=["posting_skills"],
            description="How many postings ask for skills of both of two categories.",
            freshness=refreshed,
        ),
        result_asset(
            "skill_recommendations",
            _skill_recommendations,
            group=GROUP,
            deps=["skill_pairs"],
            description="Up to ten skills that go most closely with each skill.",
            freshness=rebuilt,
            skip=_unless_empty("skill_recommendations"),
        ),
        result_asset(
            "skill_affinities",
            _skill_affinities,
            group=GROUP,
            deps=["skill_pairs"],
            description="How much each skill speaks for each other one: what recommendations for a set add up.",
            freshness=rebuilt,
            skip=_unless_empty("skill_affinities"),
        ),
        result_asset(
            "skill_communities",
            _skill_communities,
            group=GROUP,
            deps=["skill_relationships"],
            description="Groups of skills that are asked for together, as the roles on the market want them.",
            freshness=rebuilt,
            skip=_unless_empty("skill_communities"),
            # In a small market no two skills are surely close.
            may_be_empty=True,
        ),
    ]


def _unless_empty(name: str) -> Callable[[dg.AssetExecutionContext, MarketReader], str | None]:
    def skip(context: dg.AssetExecutionContext, market: MarketReader) -> str | None:
        from market_assets.store.tables.catalog import metadata

        if KEEP_RECOMMENDATIONS_TAG in context.run.tags and market.count(metadata.tables[name]):
            return "the weekly rebuild makes it anew"
        return None

    return skip


def _skill_pairs(market: MarketReader) -> pl.DataFrame:
    from market_assets.statistics.pairs import skill_pairs

    return skill_pairs(market.window)


def _skill_relationships(market: MarketReader) -> pl.DataFrame:
    from market_assets.statistics.relationships import skill_relationships

    return skill_relationships(_skill_pairs(market), market.window)


def _category_relationships(market: MarketReader) -> pl.DataFrame:
    from market_assets.statistics.categories import category_relationships

    return category_relationships(market.window)


def _skill_recommendations(market: MarketReader) -> pl.DataFrame:
    from market_assets.statistics.recommendations import skill_recommendations

    return skill_recommendations(_skill_pairs(market), market.window)


def _skill_affinities(market: MarketReader) -> pl.DataFrame:
    from market_assets.statistics.affinities import skill_affinities

    return skill_affinities(_skill_pairs(market), market.window)


def _skill_communities(market: MarketReader) -> pl.DataFrame:
    from market_assets.statistics.communities import skill_communities

    return skill_communities(_skill_relationships(market))
