"""Names that postings list beside skills and the taxonomy lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from market_assets.defs.assets.market_reader import MarketReader
from market_assets.defs.assets.result_table import result_asset

if TYPE_CHECKING:
    import polars as pl

GROUP = "taxonomy"
#: How many postings are searched for names: reading texts is slow, and more of them show little that is new.
MOST_POSTINGS = 20_000


def skill_candidates_asset(rebuilt: dg.FreshnessPolicy | None) -> dg.AssetsDefinition:
    """The result table of group taxonomy, made by the rebuild."""
    return result_asset(
        "skill_candidates",
        _skill_candidates,
        group=GROUP,
        deps=["posting_skills"],
        description="Names that postings list beside skills and the taxonomy lacks, each with a line for it.",
        freshness=rebuilt,
        may_be_empty=True,
    )


def _skill_candidates(market: MarketReader) -> pl.DataFrame:
    from market_assets.skills.candidates import skill_candidates

    return skill_candidates(lambda: market.newest_texts(MOST_POSTINGS), market.matcher)
