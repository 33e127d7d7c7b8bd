"""Recommendations beside each single skill."""

from __future__ import annotations

import polars as pl

from market_assets.statistics.pairs import skill_pairs
from market_assets.statistics.recommendations import skill_recommendations
from market_assets_tests.statistics.markets import Posting, market


def test_a_pair_seen_once_comes_after_one_seen_often() -> None:
    window = market(
        [
            Posting(("SQL", "once")),
            *[Posting(("SQL", "often"))] * 9,
            *[Posting(("often",))] * 30,
        ]
    ).window()
    found = skill_recommendations(skill_pairs(window), window, 1).filter(pl.col("skill") == "SQL")
    assert found["recommended_skill"].to_list() == ["often", "once"]


def test_at_most_ten_and_ties_by_name() -> None:
    others = [f"skill {number:02d}" for number in range(12)]
    window = market([Posting(("SQL", *reversed(others)))] * 2).window()
    found = skill_recommendations(skill_pairs(window), window, 1).filter(pl.col("skill") == "SQL")
    assert found["recommended_skill"].to_list() == others[:10]
    assert found["rank"].to_list() == list(range(1, 11))
