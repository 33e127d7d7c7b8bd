"""Every kind of thing that can be wrong with a result table is found and put in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from market_assets.store.results import problems_of
from market_assets.store.tables.columns import arrow_schema
from market_assets.store.tables.postings import job_postings
from market_assets.store.tables.results import market_summary, skill_demand, skill_relationships, trending_skills
from market_assets_tests.store.made_up_results import demand, related


def test_what_is_right_has_no_problems() -> None:
    assert problems_of(skill_relationships, related({}, {"skill_b": "D", "npmi": 1.0})) == []
    assert (
        problems_of(skill_demand, demand({}, {"industry": "Finance"}, {"skill": "C", "average_salary": 0.0})) == []
    )
    for table in (skill_relationships, skill_demand, market_summary, job_postings):
        assert problems_of(table, pl.DataFrame(schema=arrow_schema(table))) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"skill_b": None}, "skill_b is empty in 1 rows"),
        ({"co_occurrences": 1}, "co_occurrences is below 2 in 1 rows"),
        ({"support": -0.001}, "support is below 0.0 in 1 rows"),
        ({"confidence_ab": 1.000001}, "confidence_ab is above 1.0 in 1 rows"),
        ({"npmi": -1.5}, "npmi is below -1.0 in 1 rows"),
        ({"lift": float("inf")}, "lift is not a finite number in 1 rows"),
        ({"lift": float("-inf")}, "lift is not a finite number in 1 rows"),
        ({"support": float("nan")}, "support is not a finite number in 1 rows"),
        ({"strength": "mighty"}, "strength has the unknown value 'mighty'"),
        ({"skill_b": "C"}, "1 rows repeat a key (skill_a, skill_b)"),
    ],
)
def test_a_row_that_breaks_the_declaration_is_named(change: dict[str, Any], problem: str) -> None:
    rows = related({}, {"skill_b": "D"}, {"skill_b": "E", **change})
    assert problem in problems_of(skill_relationships, rows)


def test_all_problems_are_found_at_once() -> None:
    rows = related({"co_occurrences": 0, "strength": "mighty"}, {"co_occurrences": -3, "strength": "feeble"})
    assert problems_of(skill_relationships, rows) == [
        "co_occurrences is below 2 in 2 rows",
        "strength has the unknown value 'feeble'",
        "strength has the unknown value 'mighty'",
        "1 rows repeat a key (skill_a, skill_b)",
    ]


def test_only_the_first_unknown_values_are_named() -> None:
    rows = related(*({"skill_b": str(number), "strength": f"odd {number}"} for number in range(9)))
    assert len(problems_of(skill_relationships, rows)) == 3


def test_an_empty_choice_is_a_problem_only_where_it_must_not_be_empty() -> None:
    assert problems_of(skill_relationships, related({"strength": None})) == ["strength is empty in 1 rows"]
    when = datetime(2026, 3, 1, tzinfo=UTC)
    posting = {
        "posting_id": 1,
        **dict.fromkeys(("source", "external_id", "title"), "x"),
        **dict.fromkeys(("posted_at", "ingested_at", "last_seen_at"), when),
        **dict.fromkeys(("partition_date", "content_date"), when.date()),
    }
    rows = pl.DataFrame([posting], schema=arrow_schema(job_postings))
    assert problems_of(job_postings, rows) == []
    assert problems_of(job_postings, rows.with_columns(employment_type=pl.lit("odd"))) == [
        "employment_type has the unknown value 'odd'"
    ]


def test_missing_columns_are_named_and_further_ones_are_ignored() -> None:
    rows = related({})
    assert problems_of(skill_relationships, rows.drop("npmi", "lift")) == [
        "column lift is missing",
        "column npmi is missing",
    ]
    assert problems_of(skill_relationships, rows.with_columns(further=pl.lit(1))) == []


def test_a_wrong_type_is_a_problem_even_without_rows() -> None:
    rows = related({}).cast({"co_occurrences": pl.Int32(), "support": pl.Float32()})
    expected = [
        "column co_occurrences holds Int32 instead of Int64",
        "column support holds Float32 instead of Float64",
    ]
    assert problems_of(skill_relationships, rows) == expected
    assert problems_of(skill_relationships, rows.clear()) == expected
    summary = pl.DataFrame(schema=arrow_schema(market_summary)).with_columns(
        pl.col("as_of").dt.replace_time_zone(None)
    )
    assert len(problems_of(market_summary, summary)) == 1


def test_an_empty_part_of_a_key_counts_as_a_value() -> None:
    assert problems_of(skill_demand, demand({}, {})) == ["1 rows repeat a key (skill, industry)"]
    assert problems_of(skill_demand, demand({}, {"industry": "Finance"}, {"industry": ""})) == []


def test_values_that_may_be_empty_are_still_checked_where_they_are_not() -> None:
    trend = {"skill": "Ada", "recent_postings": 3, "previous_postings": 0, "growth": None, "trend": "emerging"}
    rows = pl.DataFrame([trend], schema=arrow_schema(trending_skills))
    assert problems_of(trending_skills, rows) == []
    assert problems_of(trending_skills, rows.with_columns(growth=pl.lit(-1.1))) == [
        "growth is below -1.0 in 1 rows"
    ]
