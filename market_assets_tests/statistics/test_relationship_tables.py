"""Every relationship table beside the same table counted in loops."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations
from statistics import NormalDist, median

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from market_assets.statistics import pairs as pairs_module
from market_assets.statistics.pairs import STRIP_CELLS, category_relationships, skill_pairs
from market_assets.statistics.recommendations import skill_recommendations
from market_assets.statistics.relationships import skill_relationships
from market_assets.statistics.tables import (
    CATEGORY_RELATIONSHIPS,
    SKILL_PAIRS,
    SKILL_RECOMMENDATIONS,
    SKILL_RELATIONSHIPS,
)
from market_assets_tests.statistics.brute_force import Row, assert_rows, by_skill
from market_assets_tests.statistics.markets import Market, Posting, markets, random_market


def _pair_counts(market: Market) -> Counter[tuple[str, str]]:
    return Counter(pair for posting in market.postings for pair in combinations(sorted(posting.skills), 2))


def _pairs(market: Market) -> list[Row]:
    return [
        {"skill_a": a, "skill_b": b, "co_occurrences": both}
        for (a, b), both in sorted(_pair_counts(market).items())
    ]


def _categories(market: Market) -> list[Row]:
    counts: Counter[tuple[str, str]] = Counter()
    for posting in market.postings:
        held = {category for skill in posting.skills if (category := market.categories[skill]) is not None}
        counts.update(combinations(sorted(held), 2))
    return [{"category_a": a, "category_b": b, "co_occurrences": both} for (a, b), both in sorted(counts.items())]


def _relationships(market: Market) -> list[Row]:
    postings, with_skill = len(market.postings), {s: len(found) for s, found in by_skill(market.postings).items()}
    rows: list[Row] = []
    for (a, b), both in sorted(_pair_counts(market).items()):
        if both < 2:
            continue
        support, lift = both / postings, (both / postings) / (with_skill[a] / postings * with_skill[b] / postings)
        npmi = _npmi(both, with_skill[a], with_skill[b], postings)
        lower = _lower(both, with_skill[a], with_skill[b], postings)
        rows.append(
            {
                "skill_a": a,
                "skill_b": b,
                "co_occurrences": both,
                "support": support,
                "confidence_ab": both / with_skill[a],
                "confidence_ba": both / with_skill[b],
                "lift": lift,
                "npmi": npmi,
                "strength": _strength(round(npmi, 12)),
                "lift_lower": lower * postings / (with_skill[a] * with_skill[b]),
                "npmi_lower": _npmi(lower, with_skill[a], with_skill[b], postings),
                "log_likelihood": _surprise(both, with_skill[a], with_skill[b], postings),
            }
        )
    return rows


def _lower(both: int, a: int, b: int, n: int) -> float:
    """Where Wilson's interval with continuity correction ends, found by bisection instead of the formula."""
    z = NormalDist().inv_cdf(0.9995)
    low, high = 0.0, both / n
    for _ in range(200):
        middle = (low + high) / 2
        # The bound is where the observed share, half a posting nearer, lies z deviations above it.
        if both / n - 1 / (2 * n) - middle > z * math.sqrt(middle * (1 - middle) / n):
            low = middle
        else:
            high = middle
    return min(max(low * n, a + b - n), both)


def _npmi(both: float, a: int, b: int, n: int) -> float:
    return 1.0 if both == n else math.log(both * n / (a * b)) / -math.log(both / n)


def _surprise(both: int, a: int, b: int, n: int) -> float:
    each = [(both, a * b), (a - both, a * (n - b)), (b - both, b * (n - a)), (n - a - b + both, (n - a) * (n - b))]
    total = sum(2 * seen * math.log(seen * n / by_chance) for seen, by_chance in each if seen)
    return max(total, 0.0) if both * n > a * b else 0.0


def _strength(npmi: float) -> str:
    if npmi < 0.05:
        return "very_weak"
    if npmi < 0.15:
        return "weak"
    if npmi < 0.3:
        return "moderate"
    return "strong" if npmi < 0.5 else "very_strong"


def _recommendations(market: Market, limit: int) -> list[Row]:
    counts, with_skill = _pair_counts(market), {s: len(f) for s, f in by_skill(market.postings).items()}
    rows: list[Row] = []
    n = len(market.postings)
    for skill in with_skill:
        scores: list[tuple[float, str]] = []
        for (a, b), both in counts.items():
            if skill in (a, b):
                score = both / math.sqrt(with_skill[a] * with_skill[b]) * (both / (both + 5))
                scores.append((-score, b if skill == a else a))
        for rank, (score, other) in enumerate(sorted(scores)[:limit], start=1):
            both, a, b = counts[min(skill, other), max(skill, other)], with_skill[skill], with_skill[other]
            salaries = [p.salary for p in market.postings if other in p.skills and p.salary is not None]
            rows.append(
                {
                    "skill": skill,
                    "recommended_skill": other,
                    "score": -score,
                    "rank": rank,
                    "co_occurrences": both,
                    "npmi_lower": _npmi(_lower(both, a, b, n), a, b, n),
                    "strength": _strength(round(_npmi(both, a, b, n), 12)),
                    "postings_with_salary": len(salaries),
                    "median_salary": float(median(salaries)) if len(salaries) >= 2 else None,
                }
            )
    return rows


def _assert_all(market: Market) -> None:
    window = market.window()
    pairs = skill_pairs(window)
    assert_rows(pairs, SKILL_PAIRS, _pairs(market))
    assert_rows(category_relationships(window), CATEGORY_RELATIONSHIPS, _categories(market))
    found, expected = skill_relationships(pairs, window), _relationships(market)
    assert found.schema == SKILL_RELATIONSHIPS
    # Large terms of a sum near zero: what is left of them has fewer sure digits than the rest.
    surprise = [row.pop("log_likelihood") for row in expected]
    assert found["log_likelihood"].to_list() == pytest.approx(surprise, rel=1e-9, abs=1e-6)
    kept = pl.Schema({name: dtype for name, dtype in found.schema.items() if name != "log_likelihood"})
    assert_rows(found.drop("log_likelihood"), kept, expected)


@given(market=markets())
def test_tables_of_small_markets(market: Market) -> None:
    _assert_all(market)


@given(market=markets())
def test_recommendations_of_small_markets(market: Market) -> None:
    window = market.window()
    for limit in (3, 10):
        found = skill_recommendations(skill_pairs(window), window, 2, limit)
        assert_rows(found, SKILL_RECOMMENDATIONS, _recommendations(market, limit))


def test_tables_of_a_larger_market() -> None:
    market = random_market(9, postings=3_000, skills=60, categories=5)
    _assert_all(market)
    window = market.window()
    found = skill_recommendations(skill_pairs(window), window, 2)
    assert_rows(found, SKILL_RECOMMENDATIONS, _recommendations(market, 10))


@pytest.mark.thorough
def test_tables_of_a_market_with_more_skills_than_a_strip_holds() -> None:
    market = random_market(10, postings=14_000, skills=7_500, categories=400)
    assert len(by_skill(market.postings)) ** 2 > STRIP_CELLS
    _assert_all(market)


@given(market=markets(), cells=st.integers(1, 20))
def test_pairs_at_the_edges_of_strips_and_blocks(market: Market, cells: int) -> None:
    with pytest.MonkeyPatch.context() as smaller:
        smaller.setattr(pairs_module, "STRIP_CELLS", cells)
        smaller.setattr(pairs_module, "BLOCK_PAIRS", 7)
        assert_rows(skill_pairs(market.window()), SKILL_PAIRS, _pairs(market))


def test_pairs_of_more_postings_than_a_block_holds() -> None:
    skills = [f"skill {number:02d}" for number in range(20)]
    postings = [Posting(tuple(skills[number % 5 : number % 5 + 15])) for number in range(12_000)]
    market = Market(postings, dict.fromkeys(skills, "any"))
    assert_rows(skill_pairs(market.window()), SKILL_PAIRS, _pairs(market))


@pytest.mark.parametrize("postings", [[], [Posting()], [Posting(("SQL",)), Posting(("Zig",))]])
def test_without_pairs_every_table_is_empty(postings: list[Posting]) -> None:
    window = Market(postings, {"SQL": "data", "Zig": "languages"}).window()
    pairs = skill_pairs(window)
    assert_frame_equal(pairs, pl.DataFrame(schema=SKILL_PAIRS))
    assert_frame_equal(skill_relationships(pairs, window), pl.DataFrame(schema=SKILL_RELATIONSHIPS))
    assert_frame_equal(skill_recommendations(pairs, window, 2), pl.DataFrame(schema=SKILL_RECOMMENDATIONS))
    assert_frame_equal(category_relationships(window), pl.DataFrame(schema=CATEGORY_RELATIONSHIPS))
