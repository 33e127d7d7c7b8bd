"""Upgrades from every earlier schema with rows in every table: nothing is lost but what a migration says it loses.

Versions that are added later are covered without a change here.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from market_assets.store import schema
from market_assets.store.column_types import arrow_schema
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database
from market_assets.store.tables.market import metadata
from market_assets_tests.store.any_rows import columns, everything, fill_every_table
from market_assets_tests.store.made_up_postings import MARCH, days_after, find_skills, posting, write_day
from market_assets_tests.store.migrating import migrate_to

VERSIONS = schema._known_versions()
#: Version → result tables that it empties, for the next refresh to fill; it says so in its first lines.
MADE_ANEW = {"0004": {"skill_relationships", "skill_recommendations"}}


def made_anew_after(version: str) -> set[str]:
    return {table for later, tables in MADE_ANEW.items() if later > version for table in tables}


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_rows_of_an_earlier_schema_survive(empty_database_url: str, version: str) -> None:
    database = Database(empty_database_url)
    migrate_to(database, version)
    before, names = fill_every_table(database), columns(database)
    assert schema.current_version(database) == version
    assert all(len(rows) >= 3 for rows in before.values())
    assert schema.upgrade(database) is True
    assert schema.current_version(database) == schema.newest_version()
    after, new_names = everything(database), columns(database)
    for table, rows in before.items():
        if table in made_anew_after(version):
            assert after[table] == []
            continue
        kept = [name for name in names[table] if name in new_names[table]]
        assert kept == names[table], f"{table} lost a column"
        places = [new_names[table].index(name) for name in kept]
        assert sorted((tuple(row[place] for place in places) for row in after[table]), key=str) == rows, table


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_an_upgraded_store_is_as_declared_and_goes_on(empty_database_url: str, version: str) -> None:
    database = Database(empty_database_url)
    migrate_to(database, version)
    fill_every_table(database)
    schema.upgrade(database)
    with database.engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    fill_every_table(database, first=5000)
    with MarketConnection(database) as connection:
        for table in metadata.sorted_tables:
            frame = connection.read(sa.select(*table.columns), arrow_schema(table))
            assert frame.height >= 3, f"{table.name}: its columns can be read as the code reads them"
        write_day(connection, MARCH, [posting("a", title="Python SQL")])
        find_skills(connection, MARCH)
        written = write_day(connection, days_after(1), [posting("a", title="Python SQL"), posting("b")])
        assert (written.new, written.updated) == (1, 1)
        count = sa.text(
            "SELECT count(*) FROM posting_skills JOIN job_postings USING (posting_id) WHERE title = :title"
        )
        assert connection.scalar(count.bindparams(title="Python SQL")) == 2


def test_versions_follow_each_other(tmp_path: Path) -> None:
    """One at a time gives the schema that all at once give."""
    database = Database(f"sqlite:///{tmp_path / 'market.db'}")
    for version in VERSIONS:
        migrate_to(database, version)
        assert schema.current_version(database) == version
    assert schema.upgrade(database) is False
    with database.engine().connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_what_a_migration_empties_is_said_in_it() -> None:
    for version, tables in MADE_ANEW.items():
        (path,) = (Path(schema.__file__).parent / "migrations" / "versions").glob(f"{version}_*.py")
        assert "empty" in path.read_text().split('"""')[1]
        assert tables <= metadata.tables.keys()


def test_an_upgrade_that_fails_leaves_the_old_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated_sqlite: Path
) -> None:
    database = Database(f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'market.db')}")
    before = fill_every_table(database)
    folder = tmp_path / "migrations"
    shutil.copytree(Path(schema.__file__).parent / "migrations", folder)
    (folder / "versions" / "9999_broken.py").write_text(
        f"from alembic import op\nrevision = '9999'\ndown_revision = {VERSIONS[-1]!r}\n"
        "def upgrade():\n    op.execute('DELETE FROM job_postings')\n    op.execute('no SQL at all')\n"
    )
    version = schema.current_version(database)
    monkeypatch.setattr(schema, "_MIGRATIONS", folder)
    with pytest.raises(schema.StoreUnavailableError, match="syntax error"):
        schema.upgrade(database)
    assert schema.current_version(database) == version
    assert everything(database) == before
