"""Recommendations for one skill and for a set of skills."""

from __future__ import annotations

from collections import defaultdict

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.compute.relationships.pairs import skill_pairs
from market_assets.compute.relationships.recommendations import (
    RECOMMENDED,
    SKILL_RECOMMENDATIONS,
    recommend,
    skill_recommendations,
)
from market_assets_tests.compute.statistics.brute_force import assert_rows
from market_assets_tests.compute.statistics.facts_strategy import SKILLS, Market, Posting, market, markets

TABLE = pl.DataFrame(
    [
        ("A", "D", 0.5, 1),
        ("A", "C", 0.5, 2),
        ("A", "B", 0.25, 3),
        ("B", "C", 0.25, 1),
        ("B", "A", 0.25, 2),
        ("C", "E", 0.9, 1),
    ],
    schema=SKILL_RECOMMENDATIONS,
    orient="row",
)


def test_a_pair_seen_once_comes_after_one_seen_often() -> None:
    facts = market(
        [
            Posting(("SQL", "once")),
            *[Posting(("SQL", "often"))] * 9,
            *[Posting(("often",))] * 30,
        ]
    ).facts()
    found = skill_recommendations(skill_pairs(facts), facts).filter(pl.col("skill") == "SQL")
    assert found["recommended_skill"].to_list() == ["often", "once"]


def test_at_most_ten_and_ties_by_name() -> None:
    others = [f"skill {number:02d}" for number in range(12)]
    facts = market([Posting(("SQL", *reversed(others)))] * 2).facts()
    found = skill_recommendations(skill_pairs(facts), facts).filter(pl.col("skill") == "SQL")
    assert found["recommended_skill"].to_list() == others[:10]
    assert found["rank"].to_list() == list(range(1, 11))


@pytest.mark.parametrize(
    ("skills", "expected"),
    [
        (["A"], [("C", 0.5, 1), ("D", 0.5, 2), ("B", 0.25, 3)]),
        (["A", "B"], [("C", 0.75, 1), ("D", 0.5, 2)]),
        (["B", "A", "A", "unheard of"], [("C", 0.75, 1), ("D", 0.5, 2)]),
        (["a"], []),
        ([], []),
    ],
)
def test_recommend_by_the_sum_of_scores(skills: list[str], expected: list[tuple[str, float, int]]) -> None:
    found = recommend(skills, TABLE, 3)
    assert found.schema == RECOMMENDED
    assert found.rows() == expected


def test_recommend_at_most_k() -> None:
    assert recommend(["A"], TABLE, 0).is_empty()
    assert recommend(["A"], TABLE, 2).height == 2
    with pytest.raises(ValueError, match="negative"):
        recommend(["A"], TABLE, -1)


@given(given_market=markets(), skills=st.lists(st.sampled_from((*SKILLS, "unheard of")), max_size=4))
@settings(max_examples=40, deadline=None)
def test_recommend_beside_sums_in_a_loop(given_market: Market, skills: list[str]) -> None:
    facts = given_market.facts()
    table = skill_recommendations(skill_pairs(facts), facts)
    sums: dict[str, float] = defaultdict(float)
    for skill, other, score, _ in table.sort("skill").rows():
        if skill in skills and other not in skills:
            sums[other] += score
    best = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    expected = [
        {"recommended_skill": other, "score": score, "rank": rank} for rank, (other, score) in enumerate(best, 1)
    ]
    assert_rows(recommend(skills, table, 100), RECOMMENDED, expected)
