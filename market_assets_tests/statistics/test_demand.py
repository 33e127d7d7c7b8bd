"""Demand: denominators, ranks and lists, by example."""

from __future__ import annotations

import json

import pytest

from market_assets.statistics.demand import industry_skills, skill_demand
from market_assets_tests.statistics.facts_strategy import Market, Posting, market


def test_postings_without_skills_count_in_the_share() -> None:
    facts = market([Posting(("SQL",)), Posting(), Posting(), Posting()]).facts()
    row = skill_demand(facts).row(0, named=True)
    assert (row["demand_share"], row["demand_score"]) == (0.25, 50.0)


def test_the_score_ends_at_a_hundred() -> None:
    facts = market([Posting(("SQL",)), Posting(("SQL", "Zig")), Posting(("SQL",))]).facts()
    assert skill_demand(facts)["demand_score"].to_list() == [100.0, pytest.approx(200 / 3)]


def test_ties_rank_by_code_point_within_each_industry() -> None:
    facts = market(
        [
            Posting(("c", "C", "Ä"), industry="Health"),
            Posting(("Ä",), industry="Health"),
            Posting(("c",), industry="Law"),
        ]
    ).facts()
    ranks = {(row["industry"], row["skill"]): row["rank"] for row in skill_demand(facts).to_dicts()}
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
    facts = market(Posting(("SQL",), location=place) for place in places).facts()
    row = skill_demand(facts).row(0, named=True)
    assert json.loads(row["top_locations"]) == [
        {"value": "f", "postings": 2},
        *({"value": place, "postings": 1} for place in ('"a"', "b\\", "c\n", "d")),
    ]
    assert row["top_industries"] == "[]"


def test_without_a_known_industry_there_are_only_rows_for_all() -> None:
    facts = market([Posting(("SQL",))]).facts()
    assert skill_demand(facts)["industry"].to_list() == [None]
    assert industry_skills(facts).is_empty()


def test_a_skill_that_is_not_asked_for_has_no_row() -> None:
    facts = Market([Posting(("SQL",))], {"SQL": "data", "Zig": None}).facts()
    assert skill_demand(facts)["skill"].to_list() == ["SQL"]


def test_salaries_that_are_no_number_are_unknown() -> None:
    facts = market([Posting(("SQL",), salary=float("nan")), Posting(("SQL",), salary=float("inf"))]).facts()
    row = skill_demand(facts).row(0, named=True)
    assert row["postings"] == 2
    assert row["average_salary"] is None
    assert row["max_salary"] is None
