"""Every statistic table beside the same table counted in loops."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import polars as pl
import pytest
from hypothesis import given, settings
from polars.testing import assert_frame_equal

from market_assets.statistics import counts, demand, groups, occupations, pay, pay_trends, tables, trends, window
from market_assets.statistics.comparison import comparison
from market_assets.statistics.window import Window
from market_assets_tests.statistics import brute_force, changes_by_hand, occupations_by_hand, pay_by_hand
from market_assets_tests.statistics.brute_force import Row, assert_rows
from market_assets_tests.statistics.markets import AS_OF, Market, markets, random_market

Table = tuple[Callable[[Window], pl.DataFrame], pl.Schema, Callable[[Market], list[Row]]]


def _trending(window: Window) -> pl.DataFrame:
    return trends.trending_skills(window, comparison(window, AS_OF, BOARDS))


def _trending_by_hand(market: Market) -> list[Row]:
    sources, _ = changes_by_hand.compared_sources(market.postings, AS_OF, BOARDS)
    return changes_by_hand.trending_skills(market.postings, AS_OF, sources)


BOARDS = ("adzuna",)
TABLES: dict[str, Table] = {
    "skill_demand": (
        lambda window: demand.skill_demand(window, 2),
        tables.SKILL_DEMAND,
        lambda market: brute_force.skill_demand(market, 2),
    ),
    "industry_skills": (
        lambda window: demand.industry_skills(window, 3),
        tables.INDUSTRY_SKILLS,
        lambda market: brute_force.industry_skills(market, 3),
    ),
    "salary_statistics": (
        lambda window: pay.salary_statistics(window, 3),
        tables.SALARY_STATISTICS,
        lambda market: pay_by_hand.salary_statistics(market.postings, 3),
    ),
    "employment_salaries": (
        lambda window: pay.employment_salaries(window, 3),
        tables.EMPLOYMENT_SALARIES,
        lambda market: pay_by_hand.employment_salaries(market.postings, 3),
    ),
    "location_salaries": (
        lambda window: pay.location_salaries(window, 2),
        tables.LOCATION_SALARIES,
        lambda market: brute_force.location_salaries(market, 2),
    ),
    "occupation_demand": (
        occupations.occupation_demand,
        tables.OCCUPATION_DEMAND,
        lambda market: occupations_by_hand.occupation_demand(market.postings),
    ),
    "occupation_skills": (
        occupations.occupation_skills,
        tables.OCCUPATION_SKILLS,
        lambda market: occupations_by_hand.occupation_skills(market.postings),
    ),
    "occupation_salaries": (
        lambda window: occupations.occupation_salaries(window, 3),
        tables.OCCUPATION_SALARIES,
        lambda market: occupations_by_hand.occupation_salaries(market.postings, 3),
    ),
    "salary_trends": (
        lambda window: pay_trends.salary_trends(window, 3),
        tables.SALARY_TRENDS,
        lambda market: changes_by_hand.salary_trends(market.postings, 3),
    ),
    "trending_skills": (_trending, tables.TRENDING_SKILLS, _trending_by_hand),
    "posting_statistics": (counts.posting_statistics, tables.POSTING_STATISTICS, brute_force.posting_statistics),
}
#: Slow by hand with thousands of skills, each of which is compared with all postings.
COMPARED_BY_HAND = ("trending_skills",)

every_table = pytest.mark.parametrize("name", TABLES)


@cache
def larger_market() -> Market:
    return random_market(7, postings=3_000, skills=60, categories=5)


@cache
def by_hand(name: str) -> list[Row]:
    """The rows of a table of the larger market."""
    _, _, expected = TABLES[name]
    return expected(larger_market())


@every_table
@given(market=markets())
def test_tables_of_small_markets(name: str, market: Market) -> None:
    compute, schema, expected = TABLES[name]
    assert_rows(compute(market.window()), schema, expected(market))


@every_table
def test_tables_of_a_larger_market(name: str) -> None:
    compute, schema, _ = TABLES[name]
    assert_rows(compute(larger_market().window()), schema, by_hand(name))


@pytest.mark.parametrize("name", ["skill_demand", "industry_skills"])
def test_the_most_frequent_values_are_the_same_without_a_flat_array(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demand, "DENSE_CELLS", 0)
    compute, schema, _ = TABLES[name]
    assert_rows(compute(larger_market().window()), schema, by_hand(name))


@pytest.mark.thorough
@pytest.mark.parametrize("name", [name for name in TABLES if name not in COMPARED_BY_HAND])
def test_tables_of_a_market_with_more_values_than_a_flat_array_counts(name: str) -> None:
    compute, schema, expected = TABLES[name]
    market = random_market(8, postings=1_500, skills=4_500, categories=9, industries=12, locations=400)
    assert_rows(compute(market.window()), schema, expected(market))


@every_table
@pytest.mark.parametrize("categories", [{}, {"SQL": "data", "Zig": None}], ids=["no skills", "skills unused"])
def test_no_postings_give_an_empty_table(name: str, categories: dict[str, str | None]) -> None:
    compute, schema, _ = TABLES[name]
    assert_frame_equal(compute(Market([], categories).window()), pl.DataFrame(schema=schema))


@every_table
def test_blocks_of_entries_change_no_row(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compute, schema, _ = TABLES[name]
    monkeypatch.setattr(groups, "BLOCK", 97)
    monkeypatch.setattr(window, "_ENTRIES", 500)
    for module in (demand, window):
        monkeypatch.setattr(module, "_POSTINGS", 7)
    assert_rows(compute(larger_market().window()), schema, by_hand(name))


@every_table
@given(market=markets(max_size=12))
@settings(max_examples=20, deadline=None)
def test_the_order_of_postings_changes_no_row(name: str, market: Market) -> None:
    compute, _, _ = TABLES[name]
    backwards = Market(market.postings[::-1], market.categories)
    assert_frame_equal(compute(market.window()), compute(backwards.window()), check_exact=True)
