"""What postings state, against loops; and which days are called unusual: few where nothing changes."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from statistics import fmean

import numpy as np
import polars as pl
import pytest
from hypothesis import given

from market_assets.statistics.counts import posting_coverage, unusual_days
from market_assets.statistics.tables import POSTING_COVERAGE
from market_assets.statistics.window import WINDOW_POSTING, Window
from market_assets_tests.statistics.markets import AS_OF, Market, markets

YESTERDAY = AS_OF.date() - timedelta(days=1)


@given(markets())
def test_shares_by_source_and_language(market: Market) -> None:
    expected = []
    for dimension, values in (
        ("language", ["unknown"] if market.postings else []),
        ("source", sorted({posting.source for posting in market.postings})),
    ):
        for value in values:
            members = [each for each in market.postings if value in ("unknown", each.source)]
            shares = {
                "pay_share": fmean(each.salary is not None for each in members),
                "date_share": fmean(each.dated for each in members),
                "place_share": fmean(each.location is not None for each in members),
                "skill_share": fmean(bool(each.skills) for each in members),
            }
            expected.append({"dimension": dimension, "value": value, "postings": len(members), **shares})
    found = posting_coverage(market.window())
    assert found.schema == POSTING_COVERAGE
    assert found.drop(pl.selectors.ends_with("_share")).to_dicts() == [
        {name: row[name] for name in ("dimension", "value", "postings")} for row in expected
    ]
    for name in ("pay_share", "date_share", "place_share", "skill_share"):
        assert found[name].to_list() == pytest.approx([row[name] for row in expected])


def window(seed: int = 0, *, days: int = 28, weekend: float = 1.0, **changed: float) -> Window:
    """A source with 100 postings a day, of which half state pay; `changed`: what is otherwise yesterday."""
    random = np.random.default_rng(seed)
    rows = []
    for age in range(days + 1):
        day = YESTERDAY - timedelta(days=age)
        change = changed if age == 0 else {}
        mean = 100 * (weekend if day.isoweekday() > 5 else 1.0) * change.get("postings", 1.0)
        for _ in range(random.poisson(mean)):
            paid = random.random() < change.get("pay", 0.5)
            rows.append(posting_on(day, paid=paid, skilled=random.random() < change.get("skills", 0.9)))
    lengths = [row.pop("skills") for row in rows]
    columns = {name: [row.get(name) for row in rows] for name in WINDOW_POSTING}
    return Window(
        postings=pl.DataFrame(columns, schema=WINDOW_POSTING),
        offsets=np.concatenate(([0], np.cumsum(lengths))).astype(np.int64),
        codes=np.zeros(sum(lengths), dtype=np.int32),
        skills=pl.DataFrame({"skill": ["SQL"], "category": ["Databases"]}),
    )


def posting_on(day: date, *, paid: bool, skilled: bool) -> dict[str, object]:
    return {
        "source": "lever",
        "posted_at": datetime(day.year, day.month, day.day, 12, tzinfo=AS_OF.tzinfo),
        "dated": True,
        "partition_date": day,
        "location": "Berlin, DE",
        "salary": 50_000.0 if paid else None,
        "skills": int(skilled),
    }


def test_where_nothing_changes_hardly_a_day_is_unusual() -> None:
    called = [unusual_days(window(seed, weekend=0.3), AS_OF) for seed in range(60)]
    assert sum(map(bool, called)) <= 1


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"postings": 0.0}, "0 new postings, usually"),
        ({"postings": 2.5}, "new postings, usually"),
        ({"pay": 0.0}, "0% of them state pay, usually"),
        ({"skills": 0.3}, "of them state a skill, usually"),
    ],
)
def test_a_day_that_leaves_the_range_is_named(changed: dict[str, float], problem: str) -> None:
    (found,) = unusual_days(window(1, **changed), AS_OF)
    assert found.startswith(f"lever on {YESTERDAY}: ")
    assert problem in found


def test_a_new_source_is_not_judged() -> None:
    assert unusual_days(window(days=13, postings=5.0), AS_OF) == []
    assert len(unusual_days(window(days=14, postings=5.0), AS_OF)) == 1


def test_no_postings_no_problem() -> None:
    assert unusual_days(Market([]).window(), AS_OF) == []
    assert posting_coverage(Market([]).window()).schema == POSTING_COVERAGE
