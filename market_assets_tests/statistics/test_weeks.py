"""What changed within a week: which postings are counted, and what is called a change."""

from __future__ import annotations

from datetime import timedelta

import pytest

from market_assets.statistics.trends import WEEK, weekly_changes
from market_assets_tests.statistics.markets import AS_OF, INSTANT, Posting, market, random_market

BEGINNING = AS_OF - WEEK


def test_each_posting_is_in_one_week() -> None:
    times = (AS_OF, BEGINNING, BEGINNING - INSTANT, BEGINNING - WEEK, BEGINNING - WEEK - INSTANT)
    window = market([Posting(("SQL",), posted_at=time) for time in times]).window()
    week = weekly_changes(window, AS_OF, ["sample"])
    assert (week.postings, week.postings_before) == (2, 2)
    (row,) = week.skills.to_dicts()
    assert (row["recent_postings"], row["previous_postings"], row["growth"]) == (2, 2, 0.0)


def test_postings_of_each_skill_are_those_of_the_compared_sources() -> None:
    drawn = random_market(3, postings=3_000, skills=20, categories=2)
    sources = {"source 1", "source 3"}
    week = weekly_changes(drawn.window(), AS_OF, sources)
    known = {row["skill"]: row for row in week.skills.to_dicts()}
    compared = [one for one in drawn.postings if one.source in sources and one.dated]
    recent = [one for one in compared if one.posted_at >= BEGINNING]
    before = [one for one in compared if BEGINNING - WEEK <= one.posted_at < BEGINNING]
    assert len(recent) > 50 < len(before)
    for skill, row in known.items():
        asking, asked = (sum(skill in one.skills for one in part) for part in (recent, before))
        assert (row["recent_postings"], row["previous_postings"]) == (asking, asked)
        assert row["recent_share"] == pytest.approx(asking / len(recent))
    assert week.postings == sum(one.posted_at >= BEGINNING for one in drawn.postings)


def test_a_change_beyond_chance_is_named() -> None:
    def week(having: int, of: int, days: float) -> list[Posting]:
        time = AS_OF - timedelta(days=days)
        return [Posting(("SQL",) if number < having else (), posted_at=time) for number in range(of)]

    changed = weekly_changes(market(week(90, 300, 3) + week(30, 300, 10)).window(), AS_OF, ["sample"])
    assert changed.skills["trend"].to_list() == ["growing"]
    unknown = weekly_changes(market(week(90, 300, 3) + week(30, 300, 10)).window(), AS_OF, [])
    assert unknown.skills["trend"].to_list() == ["insufficient_data"]
    assert (unknown.postings, unknown.postings_before) == (300, 300)
