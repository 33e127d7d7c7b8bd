"""Rows of result tables that break nothing, to be changed by the tests."""

from __future__ import annotations

from typing import Any

import polars as pl

from market_assets.store.tables.columns import arrow_schema
from market_assets.store.tables.results import skill_demand, skill_relationships

RELATED: dict[str, Any] = {
    "skill_a": "Ada",
    "skill_b": "C",
    "co_occurrences": 2,
    "support": 0.5,
    "confidence_ab": 1.0,
    "confidence_ba": 0.0,
    "lift": 12.5,
    "npmi": -1.0,
    "strength": "weak",
    "lift_lower": 0.0,
    "npmi_lower": -1.0,
    "log_likelihood": 0.0,
}
DEMAND: dict[str, Any] = {
    "skill": "Ada",
    "category": "Languages",
    "industry": None,
    "postings": 1,
    "demand_share": 1.0,
    "demand_score": 100.0,
    "mentions_only": 0,
    "postings_with_salary": 0,
    "top_sources": "[]",
    "top_industries": "[]",
    "top_locations": "[]",
    "rank": 1,
}


def related(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{**RELATED, **row} for row in rows], schema=arrow_schema(skill_relationships))


def demand(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{**DEMAND, **row} for row in rows], schema=arrow_schema(skill_demand))
