"""What docs/sql.md says: its statements on both databases, and its examples with Datasette and DuckDB."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import duckdb
import polars as pl
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from market_assets import checked_settings
from market_assets.cli.main import main
from market_assets.store import schema
from market_assets.store.database import Database
from market_assets_tests.conftest import PROJECT
from market_assets_tests.statistics.markets import random_market
from market_assets_tests.store.migrating import copied
from market_assets_tests.web.explorer.made_up_store import fill_store, weighed
from market_assets_tests.web.market_tables import fill

DOCUMENT = (PROJECT / "docs" / "sql.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sql\n(.*?)```", DOCUMENT, re.DOTALL)
ROLE = "market_reader"


def statements(*, only_sqlite: bool = False) -> list[str]:
    """The statements of the document; those that it says are PostgreSQL's only where they are wanted."""
    blocks = [block for block in BLOCKS if not (only_sqlite and block.startswith("-- PostgreSQL"))]
    return [one.strip() for block in blocks for one in block.split(";") if one.strip()]


def queries(*, only_sqlite: bool = False) -> list[str]:
    return [one for one in statements(only_sqlite=only_sqlite) if re.search("^SELECT", one, re.MULTILINE)]


@pytest.fixture(scope="module")
def market(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """An SQLite file with a market in it."""
    database = copied(migrated_sqlite, tmp_path_factory.mktemp("programs") / "market.db")
    fill(database)
    yield database
    database.pooled_engine().dispose()


def test_datasette_has_tables_and_views_as_pages(market: Database) -> None:
    # Most processes that collect the tests do not run this one.
    from datasette.app import Datasette

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


@pytest.mark.one_database
def test_duckdb_asks_exported_files(
    migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = copied(migrated_sqlite, tmp_path / "market.db")
    found = random_market(5, postings=400, skills=8, categories=2)
    fill_store(database, found, weighed(found))
    monkeypatch.setenv("DATABASE_URL", database.url.render_as_string(hide_password=False))
    monkeypatch.chdir(tmp_path)
    (command,) = re.findall(r"^market-assets (export posting_skills .*)$", DOCUMENT, re.MULTILINE)
    (query,) = re.findall(r'^duckdb -c "(.*)"$', DOCUMENT, re.MULTILINE)
    checked_settings.get_settings.cache_clear()
    try:
        assert CliRunner().invoke(main, command.split()).exit_code == 0
    finally:
        checked_settings.get_settings.cache_clear()
    rows = pl.read_parquet("posting_skills.parquet")["skill"].value_counts(name="postings")
    expected = sorted(rows["postings"].to_list(), reverse=True)
    assert [postings for _skill, postings in duckdb.sql(query).fetchall()] == expected[:10]
    assert len(expected) == 8


def test_every_statement_of_the_document_runs_and_finds_something(database: Database) -> None:
    assert len(queries()) >= 5 and len(statements()) > len(queries())
    found = random_market(5, postings=400, skills=8, categories=2)
    fill_store(database, found, weighed(found))
    with database.pooled_engine().connect() as connection:
        for statement in _asking_what_is_there(connection, queries(only_sqlite=database.is_sqlite)):
            assert connection.exec_driver_sql(statement).all(), statement
    database.pooled_engine().dispose()


@pytest.mark.postgresql
def test_the_role_of_the_document_reads_results_and_no_accounts(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    schema.upgrade(database)
    owner = database.pooled_engine()
    fill(database)
    reader = sa.create_engine(owner.url.set(username=ROLE, password="choose one"))
    try:
        with owner.begin() as connection:
            for statement in statements():
                if statement not in queries():
                    connection.exec_driver_sql(statement)
        with reader.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM total_skill_demand").scalar_one() > 20
        for refused in ("SELECT * FROM accounts.users", "DELETE FROM skill_demand", "CREATE TABLE mine (a int)"):
            with reader.connect() as connection, pytest.raises(sa.exc.DBAPIError, match=r"denied|read-only"):
                connection.exec_driver_sql(refused)
    finally:
        reader.dispose()
        with owner.begin() as connection:
            connection.exec_driver_sql(f"DROP OWNED BY {ROLE}")
            connection.exec_driver_sql(f"DROP ROLE {ROLE}")
        owner.dispose()


def _asking_what_is_there(connection: sa.Connection, wanted: list[str]) -> Iterator[str]:
    """The statements with names of the made-up market in place of the document's."""
    skill, country = connection.exec_driver_sql(
        "SELECT skill, country FROM skill_salaries_by_country WHERE median_salary IS NOT NULL ORDER BY 1, 2"
    ).all()[0]
    for statement in wanted:
        named = re.sub("'(Python|Java|SQL|Kubernetes)'", f"'{skill}'", statement)
        yield named.replace("'DE'", f"'{country}'")
