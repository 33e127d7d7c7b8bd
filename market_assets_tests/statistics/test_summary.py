"""The market summary beside plain counts."""

from __future__ import annotations

from datetime import timedelta
from statistics import fmean, median
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings

from market_assets.statistics.summary import MARKET_SUMMARY, market_summary
from market_assets.statistics.trends import TRENDING_SKILLS, trending_skills
from market_assets_tests.statistics import brute_force
from market_assets_tests.statistics.markets import AS_OF, TODAY, Market, Posting, market, markets

START = TODAY - timedelta(days=90)
REJECTIONS = pl.DataFrame({"reason": ["no title", "not decodable"], "postings": [3, 2]})
NO_TREND = pl.DataFrame(schema=TRENDING_SKILLS)


def _summary(given_market: Market, trending: pl.DataFrame = NO_TREND) -> dict[str, Any]:
    table = market_summary(
        given_market.window(),
        as_of=AS_OF,
        window_start=START,
        duplicates=4,
        rejections=REJECTIONS,
        trending=trending,
    )
    assert table.schema == MARKET_SUMMARY
    return table.row(named=True) if table.height == 1 else {}


@given(given_market=markets())
@settings(max_examples=60, deadline=None)
def test_headline_figures(given_market: Market) -> None:
    postings = given_market.postings
    trending = trending_skills(given_market.window(), AS_OF)
    pay = brute_force.known_salaries(postings)
    skills = brute_force.by_skill(postings)
    growing = [row for row in brute_force.trending_skills(given_market, AS_OF) if row["trend"] == "growing"]
    assert _summary(given_market, trending) == {
        "as_of": AS_OF,
        "window_start": START,
        "postings": len(postings),
        "duplicates": 4,
        "rejected": 5,
        "postings_with_salary": len(pay),
        "average_salary": pytest.approx(fmean(pay)) if pay else None,
        "median_salary": pytest.approx(median(pay)) if pay else None,
        "skills": len(skills),
        "industries": len({p.industry for p in postings} - {None}),
        "locations": len({p.location for p in postings} - {None}),
        "remote_share": sum(p.workplace == "remote" for p in postings) / len(postings) if postings else None,
        "top_skill": min(skills, key=lambda skill: (-len(skills[skill]), skill), default=None),
        "fastest_growing_skill": min(growing, key=lambda row: (-row["growth"], row["skill"]))["skill"]
        if growing
        else None,
    }


def test_no_postings_still_give_a_row() -> None:
    row = _summary(market([]))
    assert (row["postings"], row["duplicates"], row["rejected"]) == (0, 4, 5)
    for name in ("average_salary", "median_salary", "remote_share", "top_skill", "fastest_growing_skill"):
        assert row[name] is None


def test_emerging_and_steady_skills_are_not_the_fastest_growing() -> None:
    trending = pl.DataFrame(
        [("A", 9, 0, None, "emerging"), ("B", 11, 20, 0.1, "steady"), ("C", 0, 9, -1.0, "declining")],
        schema=TRENDING_SKILLS,
        orient="row",
    )
    assert _summary(market([Posting(("A",))]), trending)["fastest_growing_skill"] is None
