"""Recommendations for sets of skills."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.statistics.pairs import skill_pairs
from market_assets.statistics.recommendations import DIGITS, skill_affinities
from market_assets.statistics.recommender import Recommender
from market_assets.statistics.relationships import related_skills, skill_relationships
from market_assets.statistics.tables import SKILL_AFFINITIES, SKILL_RELATIONSHIPS
from market_assets_tests.statistics.markets import SKILLS, Market, Posting, market, markets

AFFINITIES = pl.DataFrame(
    [
        *[("A", "A", 0.3), ("B", "B", 0.2), ("C", "C", 0.1), ("D", "D", 0.25), ("E", "E", 0.9)],
        *[("A", "C", 0.3), ("B", "C", 0.25), ("A", "D", 0.15), ("B", "D", -0.2), ("C", "A", 0.5)],
    ],
    schema=SKILL_AFFINITIES,
    orient="row",
)
#: skill_a, skill_b, co_occurrences, npmi, npmi_lower; those below 0.05 are very weak
RELATED = [
    ("A", "B", 9, 0.4, 0.3),
    ("A", "C", 5, 0.6, 0.1),
    ("A", "D", 4, 0.2, -0.1),
    ("B", "C", 8, 0.5, 0.2),
    ("B", "D", 2, -0.1, -0.3),
    ("B", "E", 2, 0.04, -0.4),
]
PAY = pl.DataFrame({"skill": ["C", "E"], "postings_with_salary": [12, 5], "median_salary": [100_000.0, 1.0]})


def related() -> pl.DataFrame:
    rest = dict.fromkeys(
        ("support", "confidence_ab", "confidence_ba", "lift", "lift_lower", "log_likelihood"), 0.5
    )
    names = ("skill_a", "skill_b", "co_occurrences", "npmi", "npmi_lower")
    rows = [
        {**dict(zip(names, row, strict=True)), **rest, "strength": "weak" if row[3] >= 0.05 else "very_weak"}
        for row in RELATED
    ]
    return related_skills(pl.DataFrame(rows, schema=SKILL_RELATIONSHIPS))


def reason(skill: str, co_occurrences: int, npmi_lower: float) -> dict[str, Any]:
    return {"skill": skill, "co_occurrences": co_occurrences, "npmi_lower": npmi_lower, "strength": "weak"}


A_C, A_D, B_C = reason("A", 5, 0.1), reason("A", 4, -0.1), reason("B", 8, 0.2)


@pytest.mark.parametrize(
    ("skills", "expected"),
    [
        # B has no weight from A, but an intercept and a reason. E is frequent, but goes with no given skill.
        (["A"], [("C", 0.4, 1, 100_000.0, [A_C]), ("D", 0.4, 2, None, [A_D]), ("B", 0.2, 3, None, ["A"])]),
        (["B", "A", "A", "unheard of"], [("C", 0.65, 1, 100_000.0, [B_C, A_C]), ("D", 0.2, 2, None, [A_D])]),
        (["a"], []),
        ([], []),
    ],
)
def test_recommend_by_the_sum_of_affinities(skills: list[str], expected: list[tuple[Any, ...]]) -> None:
    found = Recommender(AFFINITIES, related(), PAY).recommend(skills, 3)
    for row, (name, score, rank, pay, reasons) in zip(found, expected, strict=True):
        assert (row["recommended_skill"], row["rank"], row["median_salary"]) == (name, rank, pay)
        assert row["postings_with_salary"] == (0 if pay is None else 12)
        assert row["score"] == pytest.approx(score)
        assert row["goes_with"] == reasons or [each["skill"] for each in row["goes_with"]] == reasons


def test_a_skill_hardly_seen_gets_nothing_rather_than_chance() -> None:
    """R is twice with A, which is everywhere; S is three times with B, which is rare."""
    postings = [Posting(("A", "R"))] * 2 + [Posting(("B", "S"))] * 3 + [Posting(("A", "C"))] * 30
    window = market(postings).window()
    pairs = skill_pairs(window)
    table = related_skills(skill_relationships(pairs, window))
    recommender = Recommender(skill_affinities(pairs, window), table, PAY)
    assert recommender.recommend(["R"], 5) == []
    assert [row["recommended_skill"] for row in recommender.recommend(["S"], 5)] == ["B"]


def test_one_question_leaves_nothing_behind_for_the_next() -> None:
    """D has no intercept here: it is recommended only where a given skill has a weight for it."""
    weighed = AFFINITIES.filter(~((pl.col("skill") == "D") | (pl.col("recommended_skill") == "D")))
    weighed = pl.concat([weighed, pl.DataFrame([("B", "D", 0.9)], schema=SKILL_AFFINITIES, orient="row")])
    recommender = Recommender(weighed, related(), PAY)

    def names(*skills: str) -> list[str]:
        return [row["recommended_skill"] for row in recommender.recommend(skills, 9)]

    alone = names("A")
    assert "D" not in alone
    assert "D" in names("A", "B")
    assert names("A") == alone


def test_recommend_at_most_k_and_three_reasons() -> None:
    recommender = Recommender(AFFINITIES, related(), PAY)
    assert recommender.recommend(["A"], 0) == []
    assert len(recommender.recommend(["A"], 2)) == 2
    with pytest.raises(ValueError, match="negative"):
        recommender.recommend(["A"], -1)
    window = market([Posting(("A", "B", "C", "D", "E"))] * 4 + [Posting()] * 9).window()
    table = related_skills(skill_relationships(skill_pairs(window), window))
    recommender = Recommender(skill_affinities(skill_pairs(window), window), table, PAY)
    (row,) = recommender.recommend(["E", "B", "A", "D"], 5)
    assert row["recommended_skill"] == "C"
    assert [each["skill"] for each in row["goes_with"]] == ["A", "B", "D"]


@given(given_market=markets(), skills=st.lists(st.sampled_from((*SKILLS, "unheard of")), max_size=4))
def test_recommend_beside_sums_in_a_loop(given_market: Market, skills: list[str]) -> None:
    window = given_market.window()
    pairs = skill_pairs(window)
    affinities, table = skill_affinities(pairs, window), related_skills(skill_relationships(pairs, window))
    lengths = [len(skill) for skill in SKILLS]
    pay = pl.DataFrame(
        {"skill": SKILLS, "postings_with_salary": lengths, "median_salary": [float(length) for length in lengths]}
    )
    reasons: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(table.to_dicts(), key=lambda row: (-row["npmi_lower"], -row["npmi"], row["skill"])):
        is_evidence = row["co_occurrences"] >= 3 or row["npmi_lower"] > 0
        if row["skill"] in skills and row["related_skill"] not in skills and is_evidence:
            reason = {name: row[name] for name in ("skill", "co_occurrences", "npmi_lower", "strength")}
            reasons.setdefault(row["related_skill"], []).append(reason)
    sums = dict.fromkeys(reasons, 0.0)
    for skill, other, weight in affinities.rows():
        if other in sums and (skill in skills or skill == other):
            sums[other] += weight
    best = sorted(
        ((other, round(sum_, DIGITS)) for other, sum_ in sums.items()), key=lambda item: (-item[1], item[0])
    )
    found = Recommender(affinities, table, pay).recommend(skills, 100)
    assert found == Recommender(affinities.reverse(), table.reverse(), pay).recommend(skills[::-1], 100)
    assert found == [
        {
            "recommended_skill": other,
            "score": score,
            "rank": rank,
            "postings_with_salary": len(other),
            "median_salary": float(len(other)),
            "goes_with": reasons[other][:3],
        }
        for rank, (other, score) in enumerate(best, 1)
    ]
