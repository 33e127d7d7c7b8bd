"""Trends of skills: what is counted, what is called a change, and what is not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from market_assets.statistics.comparison import comparison
from market_assets.statistics.trends import trending_skills
from market_assets.statistics.window import WINDOW_POSTING, Window
from market_assets_tests.statistics.changes_by_hand import Row
from market_assets_tests.statistics.markets import AS_OF, TODAY, Posting, market

BOUNDARY = TODAY - timedelta(days=30)
RECENT, PREVIOUS = (0, 1, 2), (3, 4, 5, 6, 7, 8)


def spread(number: int, parts: tuple[int, ...], **more: object) -> list[Posting]:
    """Postings evenly over some of the nine ten days, the last ones first."""
    days = [10 * part + 4 for part in parts]
    times = [TODAY - timedelta(days=days[place % len(days)]) for place in range(number)]
    return [Posting(posted_at=time, **more) for time in times]  # type: ignore[arg-type]


def of_share(
    skills: tuple[str, ...], having: int, of: int, parts: tuple[int, ...], **more: object
) -> list[Posting]:
    return [*spread(having, parts, skills=skills, **more), *spread(of - having, parts, **more)]


def trends(postings: Iterable[Posting]) -> dict[str, Row]:
    window = market(postings).window()
    return {row["skill"]: row for row in trending_skills(window, comparison(window, AS_OF)).to_dicts()}


@pytest.mark.parametrize(
    ("recent", "previous", "trend"),
    [
        (90, 60, "growing"),
        (20, 160, "declining"),
        (6, 0, "emerging"),
        (4, 0, "uncertain"),
        (100, 200, "steady"),
        (12, 20, "uncertain"),
        (0, 3, "uncertain"),
    ],
)
def test_what_a_change_is_called(recent: int, previous: int, trend: str) -> None:
    row = trends(of_share(("SQL",), recent, 300, RECENT) + of_share(("SQL",), previous, 600, PREVIOUS))["SQL"]
    assert row["trend"] == trend
    assert (row["recent_postings"], row["previous_postings"]) == (recent, previous)
    assert (row["recent_share"], row["previous_share"]) == (recent / 300, previous / 600)
    assert row["growth"] == (pytest.approx(2 * recent / previous - 1) if previous else None)
    assert (row["growth_lower"] is None) == (previous == 0)


def test_a_significant_change_below_a_quarter_is_none_that_matters() -> None:
    row = trends(of_share(("SQL",), 1_200, 3_000, RECENT) + of_share(("SQL",), 2_000, 6_000, PREVIOUS))["SQL"]
    assert row["q_value"] < 1e-6
    assert row["growth"] == pytest.approx(0.2)
    assert row["trend"] == "uncertain"


def test_five_recent_postings_without_significance_are_not_emerging() -> None:
    row = trends(of_share(("SQL",), 5, 300, RECENT) + of_share(("SQL",), 0, 300, PREVIOUS))["SQL"]
    assert row["q_value"] > 0.05
    assert row["trend"] == "uncertain"


def test_twice_as_many_postings_of_the_same_shares_are_no_growth() -> None:
    ordinary = of_share(("SQL",), 60, 200, RECENT) + of_share(("SQL",), 120, 400, PREVIOUS)
    doubled = ordinary + of_share(("SQL",), 60, 200, RECENT)
    assert trends(ordinary)["SQL"]["growth"] == trends(doubled)["SQL"]["growth"] == 0.0
    assert trends(doubled)["SQL"]["trend"] == "steady"


def test_one_employer_that_posts_two_hundred_copies_is_not_a_market() -> None:
    background = [
        posting
        for number in range(50)
        for posting in (
            *of_share(("SQL",), 1, 10, RECENT, employer=f"company {number}"),
            *of_share(("SQL",), 2, 20, PREVIOUS, employer=f"company {number}"),
        )
    ]
    copies = spread(200, RECENT, skills=("SQL",), employer="Bunch & Co")
    row = trends(background + copies)["SQL"]
    assert row["growth"] > 1
    assert row["q_value"] > 0.05
    assert row["trend"] == "uncertain"
    many = [Posting(each.skills, posted_at=each.posted_at, employer=f"new {n}") for n, each in enumerate(copies)]
    assert trends(background + many)["SQL"]["trend"] == "growing"


def test_a_source_that_appears_changes_nothing() -> None:
    ordinary = of_share(("SQL",), 60, 200, RECENT) + of_share(("SQL",), 120, 400, PREVIOUS)
    appeared = spread(300, RECENT, skills=("Zig",), source="new board")
    vanished = spread(300, PREVIOUS, skills=("C",), source="old board")
    assert trends(ordinary + appeared + vanished) == trends(ordinary)


def test_a_change_of_the_mix_of_sources_is_none_of_demand() -> None:
    postings = [
        *of_share(("SQL",), 72, 240, RECENT, source="grown"),
        *of_share(("SQL",), 36, 100, PREVIOUS, source="grown"),
        *of_share(("SQL",), 2, 60, RECENT, source="shrunk"),
        *of_share(("SQL",), 20, 500, PREVIOUS, source="shrunk"),
    ]
    row = trends(postings)["SQL"]
    assert row["growth"] > 1, "although it falls in either source"
    assert (row["p_value"], row["trend"]) == (1.0, "uncertain")


@pytest.mark.parametrize("days", [40, 60, 79])
def test_a_short_history_is_insufficient(days: int) -> None:
    postings = of_share(("SQL",), 90, 300, RECENT) + of_share(("SQL",), 60, 600, PREVIOUS)
    since = TODAY - timedelta(days=days)
    row = trends(posting for posting in postings if posting.posted_at >= since)["SQL"]
    assert row["trend"] == "insufficient_data"
    assert row["recent_postings"] == 90
    names = ("recent_share", "previous_share", "growth", "growth_lower", "growth_upper", "p_value", "q_value")
    assert [row[name] for name in names] == [None] * 7


def test_undated_postings_have_no_trends() -> None:
    postings = of_share(("SQL",), 90, 300, RECENT, dated=False)
    assert [row["trend"] for row in trends(postings).values()] == ["insufficient_data"]


def test_false_discoveries_are_counted_over_all_skills() -> None:
    one = of_share(("SQL",), 45, 300, RECENT) + of_share(("SQL",), 57, 600, PREVIOUS)
    row = trends(one)["SQL"]
    assert (row["p_value"], row["trend"]) == (row["q_value"], "growing")
    steady = tuple(f"skill {number:02d}" for number in range(30))
    others = [
        Posting((*posting.skills, *(steady if place % 3 == 0 else ())), posted_at=posting.posted_at)
        for place, posting in enumerate(one)
    ]
    found = trends(others)["SQL"]
    assert found["p_value"] == pytest.approx(row["p_value"])
    assert found["q_value"] > 0.05
    assert found["trend"] == "uncertain"


def test_rows_are_by_skill() -> None:
    postings = of_share(("c", "C", "Ä"), 30, 60, RECENT) + of_share((), 0, 60, PREVIOUS)
    window = market(postings).window()
    table = trending_skills(window, comparison(window, AS_OF))
    assert table["skill"].to_list() == ["C", "c", "Ä"]
    assert table.schema["trend"] == pl.String()


def test_hundreds_of_thousands_of_postings_overflow_nothing() -> None:
    recent, previous, having = 150_000, 300_000, 3
    number = recent + previous
    times = pl.DataFrame({"row": range(number)}).select(
        pl.when(pl.col("row") < recent)
        .then(pl.lit(TODAY) - pl.duration(days=pl.col("row") % 30))
        .otherwise(pl.lit(TODAY) - pl.duration(days=pl.col("row") % 60 + 31))
        .cast(pl.Datetime("us", "UTC"))
    )
    columns = {"source": "any", "posted_at": times.to_series(), "dated": True}
    postings = pl.DataFrame({"posting_id": range(number), **columns})
    nothing = [pl.lit(None).alias(name) for name in WINDOW_POSTING if name not in postings]
    postings = postings.with_columns(nothing).select(WINDOW_POSTING.names()).cast(dict(WINDOW_POSTING))
    # Every third posting has the skill, and of the recent ones a few more.
    has_skill = (np.arange(number) % having == 0) | (np.arange(number) < 1_500)
    window = Window(
        postings=postings,
        offsets=np.concatenate(([0], np.cumsum(has_skill))).astype(np.int64),
        codes=np.zeros(int(has_skill.sum()), dtype=np.int32),
        skills=pl.DataFrame({"skill": ["SQL"], "category": ["data"]}),
    )
    row = trending_skills(window, comparison(window, AS_OF)).row(0, named=True)
    assert (row["recent_postings"], row["previous_postings"]) == (51_000, 100_000)
    # scipy.stats.chi2_contingency([[51_000, 99_000], [100_000, 200_000]], correction=True).pvalue, SciPy 1.17.1
    assert row["p_value"] == pytest.approx(8.142523498633166e-06, rel=1e-3)
