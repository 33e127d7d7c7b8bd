"""Every statistic table beside the same table counted in loops."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest
from hypothesis import given, settings
from polars.testing import assert_frame_equal

from market_assets.statistics import counts, demand, pay, trends
from market_assets.statistics.window import Window
from market_assets_tests.statistics import brute_force
from market_assets_tests.statistics.brute_force import Row, assert_rows
from market_assets_tests.statistics.markets import AS_OF, Market, markets, random_market

Table = tuple[Callable[[Window], pl.DataFrame], pl.Schema, Callable[[Market], list[Row]]]

TABLES: dict[str, Table] = {
    "skill_demand": (demand.skill_demand, demand.SKILL_DEMAND, brute_force.skill_demand),
    "industry_skills": (demand.industry_skills, demand.INDUSTRY_SKILLS, brute_force.industry_skills),
    "salary_statistics": (pay.salary_statistics, pay.SALARY_STATISTICS, brute_force.salary_statistics),
    "location_salaries": (pay.location_salaries, pay.LOCATION_SALARIES, brute_force.location_salaries),
    "salary_trends": (trends.salary_trends, trends.SALARY_TRENDS, brute_force.salary_trends),
    "trending_skills": (
        lambda window: trends.trending_skills(window, AS_OF),
        trends.TRENDING_SKILLS,
        lambda market: brute_force.trending_skills(market, AS_OF),
    ),
    "posting_statistics": (counts.posting_statistics, counts.POSTING_STATISTICS, brute_force.posting_statistics),
}

every_table = pytest.mark.parametrize("name", TABLES)


@every_table
@given(market=markets())
@settings(max_examples=60, deadline=None)
def test_tables_of_small_markets(name: str, market: Market) -> None:
    compute, schema, expected = TABLES[name]
    assert_rows(compute(market.window()), schema, expected(market))


@every_table
def test_tables_of_a_larger_market(name: str) -> None:
    compute, schema, expected = TABLES[name]
    market = random_market(7, postings=3_000, skills=60, categories=5)
    assert_rows(compute(market.window()), schema, expected(market))


@every_table
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
@given(market=markets(max_size=12))
@settings(max_examples=20, deadline=None)
def test_the_order_of_postings_changes_no_row(name: str, market: Market) -> None:
    compute, _, _ = TABLES[name]
    backwards = Market(market.postings[::-1], market.categories)
    assert_frame_equal(compute(market.window()), compute(backwards.window()), check_exact=True)
