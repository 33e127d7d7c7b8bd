"""Demand: denominators, ranks and lists, by example."""

from __future__ import annotations

import json

import pytest

from market_assets.statistics.demand import industry_skills, skill_demand
from market_assets_tests.statistics.markets import Market, Posting, market


def test_postings_without_skills_count_in_the_share() -> None:
    window = market([Posting(("SQL",)), Posting(), Posting(), Posting()]).window()
    row = skill_demand(window, 1).row(0, named=True)
    assert (row["demand_share"], row["demand_score"]) == (0.25, 50.0)


def test_the_score_ends_at_a_hundred() -> None:
    window = market([Posting(("SQL",)), Posting(("SQL", "Zig")), Posting(("SQL",))]).window()
    assert skill_demand(window, 1)["demand_score"].to_list() == [100.0, pytest.approx(200 / 3)]


def test_ties_rank_by_code_point_within_each_industry() -> None:
    window = market(
        [
            Posting(("c", "C", "Ä"), industry="Health"),
            Posting(("Ä",), industry="Health"),
            Posting(("c",), industry="Law"),
        ]
    ).window()
    ranks = {(row["industry"], row["skill"]): row["rank"] for row in skill_demand(window, 1).to_dicts()}
    assert ranks == {
        (None, "c"): 1,
        (None, "Ä"): 2,
        (None, "C"): 3,
        ("Health", "Ä"): 1,
        ("Health", "C"): 2,
        ("Health", "c"): 3,
        ("Law", "c"): 1,
    }


def test_lists_hold_five_known_values_and_are_json() -> None:
    places = ['"a"', "b\\", "c\n", "d", "e", "f", "f", None, None, None]
    window = market(Posting(("SQL",), location=place) for place in places).window()
    row = skill_demand(window, 1).row(0, named=True)
    assert json.loads(row["top_locations"]) == [
        {"value": "f", "postings": 2},
        *({"value": place, "postings": 1} for place in ('"a"', "b\\", "c\n", "d")),
    ]
    assert row["top_industries"] == "[]"


def test_without_a_known_industry_there_are_only_rows_for_all() -> None:
    window = market([Posting(("SQL",))]).window()
    assert skill_demand(window, 1)["industry"].to_list() == [None]
    assert industry_skills(window, 1).is_empty()


def test_a_skill_that_is_not_asked_for_has_no_row() -> None:
    window = Market([Posting(("SQL",))], {"SQL": "data", "Zig": None}).window()
    assert skill_demand(window, 1)["skill"].to_list() == ["SQL"]


def test_salaries_that_are_no_number_are_unknown() -> None:
    window = market([Posting(("SQL",), salary=float("nan")), Posting(("SQL",), salary=float("inf"))]).window()
    row = skill_demand(window, 1).row(0, named=True)
    assert row["postings"] == 2
    assert row["average_salary"] is None
    assert row["max_salary"] is None


def test_pay_of_a_small_sample_is_counted_but_not_published() -> None:
    window = market([Posting(("SQL",), salary=50_000.0 + n, industry="Law") for n in range(4)]).window()
    for row in skill_demand(window, 5).to_dicts():
        assert (row["postings_with_salary"], row["average_salary"], row["median_salary"]) == (4, None, None)
        assert (row["min_salary"], row["max_salary"]) == (50_000, 50_003)
    assert skill_demand(window, 4)["median_salary"].to_list() == [50_001.5] * 2
    assert industry_skills(window, 5)["average_salary"].to_list() == [None]
    assert industry_skills(window, 5)["postings_with_salary"].to_list() == [4]
