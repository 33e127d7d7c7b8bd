"""The schema comes from the migrations, equals what the code declares, and is never half made."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from market_assets.store import schema
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database, StoreError
from market_assets.store.tables.catalog import metadata
from market_assets.store.tables.postings import data_revision
from market_assets_tests.store.programs import program

UPGRADE = """
    import sys
    from market_assets.store import schema
    from market_assets.store.database import Database
    schema.ensure_current, schema.newest_version()
    print("ready")
    for url in sys.argv[1:]:
        input()
        print("done", schema.upgrade(Database(url)))
"""

KILLED_WHILE_UPGRADING = """
    import os, signal, sys
    import sqlalchemy as sa
    from market_assets.store import schema
    from market_assets.store.database import Database

    @sa.event.listens_for(sa.Engine, "after_cursor_execute")
    def kill(connection, cursor, statement, *further):
        if "CREATE TABLE posting_facts" in statement:
            os.kill(os.getpid(), signal.SIGKILL)

    schema.upgrade(Database(sys.argv[1]))
"""


def pretend_version(database: Database, version: str) -> None:
    with database.engine().begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :version"), {"version": version})


def test_an_empty_database_is_upgraded_once(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    assert schema.current_version(database) is None
    assert schema.upgrade(database) is True
    assert schema.current_version(database) == schema.newest_version()
    with MarketConnection(database) as connection, connection.transaction():
        connection.execute(data_revision.update().values(revision=41))
    assert schema.upgrade(database) is False
    schema.ensure_current(database)
    with MarketConnection(database) as connection:
        assert connection.scalar(sa.select(data_revision.c.revision)) == 41


def test_what_is_migrated_is_what_is_declared(database: Database) -> None:
    with database.engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_indexes_and_keys_are_those_declared(database: Database) -> None:
    with database.engine().connect() as connection:
        inspector = sa.inspect(connection)
        for table in metadata.tables.values():
            unique = {tuple(each["column_names"]) for each in inspector.get_unique_constraints(table.name)}
            assert unique == {
                tuple(column.name for column in each.columns)
                for each in table.constraints
                if isinstance(each, sa.UniqueConstraint)
            }
            indexes = {
                each["name"]: each["column_names"]
                for each in inspector.get_indexes(table.name)
                if not each.get("duplicates_constraint")
            }
            assert indexes == {each.name: [column.name for column in each.columns] for each in table.indexes}
            key = inspector.get_pk_constraint(table.name)["constrained_columns"]
            assert key == [column.name for column in table.primary_key]


def test_ensure_current_makes_an_empty_database(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    schema.ensure_current(database)
    assert schema.current_version(database) == schema.newest_version()


def test_the_folder_of_a_file_is_made(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/new/folder/market.db")
    assert schema.upgrade(database) is True
    assert database.path.exists()


@pytest.mark.parametrize("enter", [schema.upgrade, schema.ensure_current])
def test_a_newer_database_is_refused_in_words(database: Database, enter: Callable[[Database], object]) -> None:
    pretend_version(database, "9999")
    with pytest.raises(
        StoreError, match=r"newer than this program \(version 9999.*install the newer program"
    ) as raised:
        enter(database)
    assert database.name in str(raised.value)
    assert schema.current_version(database) == "9999"


@pytest.mark.postgresql
def test_two_processes_upgrade_an_empty_database_at_once(postgresql_url: str) -> None:
    with program(UPGRADE, postgresql_url) as one, program(UPGRADE, postgresql_url) as other:
        for each in (one, other):
            each.expect("ready")
        for each in (one, other):
            each.go_on()
        answers = sorted(each.expect("done") for each in (one, other))
        assert (one.end(), other.end()) == (0, 0)
    assert answers == ["done False", "done True"]
    assert schema.current_version(Database(postgresql_url)) == schema.newest_version()


def test_many_upgrades_of_files_at_the_same_moment(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path}/{number}.db" for number in range(5)]
    with program(UPGRADE, *urls) as one, program(UPGRADE, *urls) as other, program(UPGRADE, *urls) as third:
        upgrading = (one, other, third)
        for each in upgrading:
            each.expect("ready")
        for _ in urls:
            for each in upgrading:
                each.go_on()
            assert sorted(each.expect("done") for each in upgrading) == ["done False", "done False", "done True"]


def test_a_process_killed_while_it_upgrades_leaves_nothing_half_made(empty_database_url: str) -> None:
    with program(KILLED_WHILE_UPGRADING, empty_database_url) as killed:
        assert killed.end() == -signal.SIGKILL, killed.output()
    database = Database(empty_database_url)
    with database.engine().connect() as connection:
        assert sa.inspect(connection).get_table_names() == []
    assert schema.upgrade(database) is True
    test_what_is_migrated_is_what_is_declared(database)
