"""What docs/sql.md says of Datasette and DuckDB, tried with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import duckdb
import polars as pl
import pytest
from click.testing import CliRunner
from datasette.app import Datasette

from market_assets import checked_settings
from market_assets.cli.main import main
from market_assets.store.database import Database
from market_assets_tests.store.migrating import copied
from market_assets_tests.web.market_tables import fill


@pytest.fixture(scope="module")
def market(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """An SQLite file with a market in it."""
    database = copied(migrated_sqlite, tmp_path_factory.mktemp("programs") / "market.db")
    fill(database)
    yield database
    database.pooled_engine().dispose()


def test_datasette_has_tables_and_views_as_pages(market: Database) -> None:
    async def ask() -> tuple[Any, Any, Any]:
        served = Datasette([str(market.path)])
        page = await served.client.get("/market/total_skill_demand?_sort_desc=postings")
        as_json = await served.client.get("/market/total_skill_demand.json?_sort_desc=postings&_shape=array")
        users = await served.client.get("/market/users")
        return page, as_json, users

    page, as_json, users = anyio.run(ask)
    assert page.status_code == 200 and "Python" in page.text
    rows = as_json.json()
    assert len(rows) > 20 and rows[0]["rank"] == 1
    assert users.status_code == 404, "accounts are elsewhere"


def test_duckdb_asks_exported_files(market: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", market.url.render_as_string(hide_password=False))
    checked_settings.get_settings.cache_clear()
    file = tmp_path / "skill_demand.parquet"
    try:
        assert CliRunner().invoke(main, ["export", "skill_demand", "-o", str(file)]).exit_code == 0
    finally:
        checked_settings.get_settings.cache_clear()
    query = f"SELECT industry, sum(postings) FROM '{file}' GROUP BY industry ORDER BY industry NULLS FIRST"
    expected = pl.read_parquet(file).group_by("industry").agg(pl.col("postings").sum()).sort("industry")
    assert duckdb.sql(query).fetchall() == expected.rows()
