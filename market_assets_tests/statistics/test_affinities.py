"""Affinities beside the regressions that they are, solved posting by posting."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from market_assets.statistics import recommendations
from market_assets.statistics.pairs import skill_pairs
from market_assets.statistics.recommendations import DIGITS, skill_affinities
from market_assets.statistics.tables import SKILL_AFFINITIES
from market_assets_tests.statistics.markets import Market, Posting, market, markets, random_market


def _by_least_squares(given_market: Market, penalty: float) -> dict[tuple[str, str], float]:
    """For each skill a ridge regression on all others, with an intercept that is not punished."""
    used = sorted({skill for posting in given_market.postings for skill in posting.skills})
    has = np.array([[float(skill in posting.skills) for skill in used] for posting in given_market.postings])
    weights: dict[tuple[str, str], float] = {}
    for place, skill in enumerate(used):
        others = [number for number in range(len(used)) if number != place]
        centred = has[:, others] - has[:, others].mean(axis=0)
        # The penalty as further rows of a plain least-squares problem.
        rows = np.vstack([centred, np.sqrt(penalty) * np.eye(len(others))])
        wanted = np.concatenate([has[:, place] - has[:, place].mean(), np.zeros(len(others))])
        solved = np.linalg.lstsq(rows, wanted, rcond=None)[0]
        weights |= {(used[other], skill): value for other, value in zip(others, solved, strict=True)}
        weights[skill, skill] = has[:, place].mean() - has[:, others].mean(axis=0) @ solved
    return weights


def _assert_solved(given_market: Market, penalty: float) -> None:
    window = given_market.window()
    found = skill_affinities(skill_pairs(window), window, penalty=penalty)
    assert found.schema == SKILL_AFFINITIES
    assert found.equals(found.sort("skill", "recommended_skill"))
    weights = {(skill, other): weight for skill, other, weight in found.rows()}
    assert len(weights) == found.height
    expected = _by_least_squares(given_market, penalty) if skill_pairs(window).height else {}
    for pair, weight in expected.items():
        assert weights.get(pair, 0.0) == pytest.approx(weight, abs=10 ** (1 - DIGITS)), pair
    assert weights.keys() <= expected.keys()
    assert {skill for skill, other in weights if skill == other} == {skill for skill, _ in expected}


@given(given_market=markets(), penalty=st.sampled_from((0.5, 20.0)))
def test_small_markets(given_market: Market, penalty: float) -> None:
    _assert_solved(given_market, penalty)


@pytest.mark.parametrize(("postings", "skills"), [(800, 25), pytest.param(2_000, 40, marks=pytest.mark.thorough)])
def test_a_larger_market(postings: int, skills: int) -> None:
    _assert_solved(random_market(11, postings=postings, skills=skills, categories=3), 20)


def test_only_the_greatest_weights_are_kept_and_the_intercept_makes_up_for_the_rest() -> None:
    window = random_market(12, postings=1_000, skills=30, categories=3).window()
    pairs = skill_pairs(window)
    everything, kept = skill_affinities(pairs, window), skill_affinities(pairs, window, kept=7)
    own = pl.col("skill") == pl.col("recommended_skill")
    size = pl.col("weight").abs()
    greatest = everything.filter(~own).filter(size.rank("ordinal", descending=True).over("recommended_skill") <= 7)
    assert_frame_equal(kept.filter(~own), greatest)
    # On average a skill's score is its share, whatever was left out.
    share = {
        skill: count / len(window)
        for skill, count in zip(
            window.skills["skill"], np.bincount(window.codes, minlength=window.skills.height), strict=True
        )
    }
    for skill, rows in kept.group_by("recommended_skill"):
        mean = sum(w * (1 if other == skill[0] else share[other]) for other, _, w in rows.rows())
        assert mean == pytest.approx(share[str(skill[0])], abs=1e-6)


def test_of_too_many_skills_the_most_asked_for_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recommendations, "MOST_SKILLS", 3)
    postings = [Posting(("A", "B", "C"))] * 3 + [Posting(("B", "C", "Z"))] * 5 + [Posting(("A", "D"))] * 2
    window = market(postings).window()
    found = skill_affinities(skill_pairs(window), window)
    # A, D and Z have 5, 2 and 5 postings: of A and Z the first by name.
    assert set(found["skill"]) == {"A", "B", "C"}


@pytest.mark.parametrize("postings", [[], [Posting()], [Posting(("SQL",)), Posting(("Zig",))]])
def test_without_pairs_there_are_none(postings: list[Posting]) -> None:
    window = Market(postings, {"SQL": "data", "Zig": "languages"}).window()
    assert_frame_equal(skill_affinities(skill_pairs(window), window), pl.DataFrame(schema=SKILL_AFFINITIES))
