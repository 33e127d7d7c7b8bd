"""Markets in which nothing changes are called so, and changes that are real are found."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from itertools import chain

import polars as pl
import pytest

from market_assets.statistics.comparison import comparison
from market_assets.statistics.pay_trends import salary_trends
from market_assets.statistics.trends import trending_skills, weekly_changes
from market_assets_tests.statistics.markets import AS_OF, TODAY, Market, Posting

#: Fifty skills whose shares fall as in real markets.
SHARES = {f"skill {number:02d}": 0.4 / number**0.8 for number in range(1, 51)}
BOUNDARY = TODAY - timedelta(days=30)
CHANGES = ("growing", "declining", "emerging")


def market(
    seed: int,
    per_day: int,
    days: int = 180,
    *,
    shares: Mapping[str, float] | None = None,
    pay: Mapping[str, float] | None = None,
) -> list[Posting]:
    """Made-up postings. `shares`: factors of shares in the last 30 days, `pay`: of pay in the last 90."""
    draw = random.Random(seed)
    postings = []
    for _ in range(per_day * days):
        age = draw.uniform(0, days)
        factors = shares if shares and age < 30 else {}
        asked = tuple(skill for skill, share in SHARES.items() if draw.random() < share * factors.get(skill, 1))
        salary = 60_000 * draw.lognormvariate(0, 0.35)
        for skill, factor in (pay or {}).items():
            salary *= factor if skill in asked and age < 90 else 1
        postings.append(
            Posting(
                asked,
                posted_at=AS_OF - timedelta(days=age),
                salary=salary,
                country=draw.choice(("DE", "US")),
                employer=f"company {draw.randrange(80)}",
            )
        )
    return postings


def compared(postings: Iterable[Posting]) -> pl.DataFrame:
    window = Market(list(postings), dict.fromkeys(SHARES, "any")).window()
    return trending_skills(window, comparison(window, AS_OF)).filter(pl.col("previous_postings") > 0)


def trends(postings: Iterable[Posting]) -> dict[str, str]:
    return dict(compared(postings).select("skill", "trend").iter_rows())


def directions(postings: Iterable[Posting]) -> dict[str, str]:
    window = Market(list(postings), dict.fromkeys(SHARES, "any")).window()
    return dict(salary_trends(window, 5).select("skill", "trend_direction").iter_rows())


def weekly(postings: Iterable[Posting]) -> dict[str, str]:
    window = Market(list(postings), dict.fromkeys(SHARES, "any")).window()
    week = weekly_changes(window, AS_OF, comparison(window, AS_OF).sources)
    return dict(week.skills.filter(pl.col("previous_postings") > 0).select("skill", "trend").iter_rows())


@pytest.mark.parametrize(
    ("called", "words"),
    [(trends, CHANGES), (weekly, CHANGES), (directions, ("increasing", "decreasing"))],
    ids=["demand", "week", "pay"],
)
def test_where_nothing_changes_little_is_called_a_change(
    called: Callable[[list[Posting]], dict[str, str]], words: tuple[str, ...]
) -> None:
    found = list(chain.from_iterable(called(market(seed, per_day=15)).values() for seed in range(6)))
    assert sum(word in words for word in found) <= 0.05 * len(found)
    assert "insufficient_data" not in found[:20], "although it is compared"


@pytest.mark.parametrize(("factor", "trend"), [(3.0, "growing"), (1 / 3, "declining")])
def test_shares_that_triple_or_fall_to_a_third_are_found(factor: float, trend: str) -> None:
    changed = ("skill 05", "skill 06", "skill 07")
    said = [
        trends(market(seed, per_day=40, days=91, shares=dict.fromkeys(changed, factor)))[skill]
        for seed in range(4)
        for skill in changed
    ]
    assert said.count(trend) >= 0.9 * len(said)


def test_pay_that_rises_by_half_is_found_in_thirty_postings_a_month() -> None:
    changed = ("skill 12", "skill 13", "skill 14")
    said = [
        directions(market(seed, per_day=20, pay=dict.fromkeys(changed, 1.5)))[skill]
        for seed in range(4)
        for skill in changed
    ]
    assert said.count("increasing") >= 0.9 * len(said)


@pytest.mark.parametrize("recent", [True, False])
@pytest.mark.parametrize("times", [2, 3])
def test_more_postings_of_the_same_shares_make_nothing_grow(times: int, recent: bool) -> None:
    for seed in range(3):
        postings = market(seed, per_day=6, days=91)
        more = [
            posting
            for posting in postings
            for _ in range(times if (posting.posted_at >= BOUNDARY) == recent else 1)
        ]
        before, after = compared(postings), compared(more)
        assert after["growth"].to_list() == pytest.approx(before["growth"].to_list())
        growing = [set(table.filter(pl.col("trend") == "growing")["skill"]) for table in (before, after)]
        assert growing[1] <= growing[0]
