"""The market summary beside plain counts."""

from __future__ import annotations

from datetime import timedelta
from statistics import fmean, median
from typing import Any

import polars as pl
import pytest
from hypothesis import given

from market_assets.statistics.comparison import Comparison
from market_assets.statistics.summary import market_summary
from market_assets.statistics.tables import MARKET_SUMMARY, TRENDING_SKILLS
from market_assets_tests.statistics import brute_force
from market_assets_tests.statistics.markets import AS_OF, TODAY, Market, Posting, market, markets
from market_assets_tests.statistics.pay_by_hand import pay_of

START = TODAY - timedelta(days=90)
REJECTIONS = pl.DataFrame({"reason": ["no title", "not decodable"], "postings": [3, 2]})
NO_TREND = pl.DataFrame(schema=TRENDING_SKILLS)


COMPARED = Comparison(AS_OF, TODAY - timedelta(days=30), START, ("adzuna", "sample_jobs"), {"usajobs": "a reason"})


def _summary(given_market: Market, trending: pl.DataFrame = NO_TREND) -> dict[str, Any]:
    table = market_summary(
        given_market.window(),
        as_of=AS_OF,
        window_start=START,
        duplicates=4,
        rejections=REJECTIONS,
        trending=trending,
        compared=COMPARED,
        min_sample=3,
    )
    assert table.schema == MARKET_SUMMARY
    return table.row(named=True) if table.height == 1 else {}


@given(given_market=markets())
def test_headline_figures(given_market: Market) -> None:
    postings = given_market.postings
    pay = pay_of(postings)
    skills = brute_force.by_skill(postings)
    assert _summary(given_market) == {
        "as_of": AS_OF,
        "window_start": START,
        "postings": len(postings),
        "duplicates": 4,
        "rejected": 5,
        "postings_with_salary": len(pay),
        "average_salary": pytest.approx(fmean(pay)) if len(pay) >= 3 else None,
        "median_salary": pytest.approx(median(pay)) if len(pay) >= 3 else None,
        "skills": len(skills),
        "industries": len({p.industry for p in postings} - {None}),
        "locations": len({place for p in postings for place in p.places}),
        "remote_share": sum(p.workplace == "remote" for p in postings) / len(postings) if postings else None,
        "top_skill": min(skills, key=lambda skill: (-len(skills[skill]), skill), default=None),
        "fastest_growing_skill": None,
        "salary_countries": len({p.country for p in postings if p.salary is not None} - {None}),
        "sources_compared": '["adzuna", "sample_jobs"]',
        "sources_left_out": '{"usajobs": "a reason"}',
        "sample_postings": sum(p.source == "sample_jobs" for p in postings),
    }


def test_no_postings_still_give_a_row() -> None:
    row = _summary(market([]))
    assert (row["postings"], row["duplicates"], row["rejected"]) == (0, 4, 5)
    for name in ("average_salary", "median_salary", "remote_share", "top_skill", "fastest_growing_skill"):
        assert row[name] is None


def trending(**trends: tuple[str, float | None]) -> pl.DataFrame:
    nothing = dict.fromkeys(TRENDING_SKILLS) | {"recent_postings": 9, "previous_postings": 9}
    rows = [
        nothing | {"skill": skill, "trend": trend, "growth": growth} for skill, (trend, growth) in trends.items()
    ]
    return pl.DataFrame(rows, schema=TRENDING_SKILLS)


def test_only_a_growing_skill_can_be_the_fastest_growing() -> None:
    none = trending(
        A=("emerging", None),
        B=("steady", 0.1),
        C=("declining", -1.0),
        D=("uncertain", 9.0),
        E=("insufficient_data", None),
    )
    assert _summary(market([Posting(("A",))]), none)["fastest_growing_skill"] is None
    some = trending(A=("growing", 0.5), Z=("growing", 2.0), B=("growing", 2.0), D=("uncertain", 9.0))
    assert _summary(market([Posting(("A",))]), some)["fastest_growing_skill"] == "B"
