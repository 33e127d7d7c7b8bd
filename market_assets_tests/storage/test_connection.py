"""Columns go in and come out as they were, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest
import sqlalchemy as sa

from market_assets.storage.connection import MarketConnection
from market_assets.storage.database import StoreError
from market_assets.storage.tables import job_postings, skill_pairs
from market_assets.storage.types import arrow_schema

PAIRS = pl.DataFrame({"skill_a": ["C", "Go"], "skill_b": ["C++", "100% 'quoted' %s"], "co_occurrences": [1, 2]})


def test_a_column_of_nulls_and_late_values_keeps_its_type(connection: MarketConnection) -> None:
    rows = pl.DataFrame(
        {"number": [None] * 3000 + [1.5], "text": [None] * 3000 + ["late"], "key": list(range(3001))},
        schema={"number": pl.Float64(), "text": pl.String(), "key": pl.Int64()},
    )
    with connection.transaction():
        staged = connection.stage("rows", rows)
        assert connection.read(sa.select(*staged.c).order_by(staged.c["key"]), rows.schema).equals(rows)
