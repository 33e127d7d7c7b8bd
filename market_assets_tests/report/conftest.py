"""The markets that the tests of the report look at."""

from __future__ import annotations

import polars as pl
import pytest
from made_up_market import count_tables, market

from market_assets.report.selections import SCHEMAS, ReportTables


@pytest.fixture(scope="session")
def tables() -> ReportTables:
    """A market of 1,200 postings."""
    return count_tables(market(seed=7, number=1200))


@pytest.fixture(scope="session")
def empty_tables() -> ReportTables:
    """Before the first refresh: no table has a row."""
    return ReportTables(**{table: pl.DataFrame() for table in SCHEMAS}, currency="USD")
