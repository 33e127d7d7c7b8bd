"""Mentions that ask for nothing: counted apart, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings

from market_assets.statistics.demand import industry_skills, skill_demand
from market_assets.statistics.pairs import skill_pairs
from market_assets_tests.statistics.markets import Market, Posting, market, markets


@given(market=markets())
def test_mentions_are_counted_beside_the_demand_of_the_skill(market: Market) -> None:
    for row in skill_demand(market.window(), 1).iter_rows(named=True):
        among = [each for each in market.postings if row["industry"] in (None, each.industry)]
        assert row["postings"] == sum(row["skill"] in each.skills for each in among)
        assert row["mentions_only"] == sum(row["skill"] in each.mentions_only for each in among)


@settings(max_examples=30, deadline=None)
@given(market=markets())
def test_mentions_change_no_other_figure(market: Market) -> None:
    silent = Market([replace(each, mentions=()) for each in market.postings], market.categories)
    with_mentions, without = market.window(), silent.window()
    demand = skill_demand(with_mentions, 1).drop("mentions_only")
    assert demand.equals(skill_demand(without, 1).drop("mentions_only"))
    assert industry_skills(with_mentions, 1).equals(industry_skills(without, 1))
    assert skill_pairs(with_mentions).equals(skill_pairs(without))


def test_a_skill_that_is_only_mentioned_has_no_row() -> None:
    postings = [Posting(("SQL",), mentions=("Zig",)), Posting(mentions=("SQL",))]
    window = Market(postings, {"SQL": "data", "Zig": "languages"}).window()
    rows = skill_demand(window, 1).select("skill", "postings", "mentions_only").rows()
    assert rows == [("SQL", 1, 1)]
    assert skill_demand(market([]).window(), 1).is_empty()
