"""Users and the audit log are apart from the results, so that who may read those reads no password hash."""

from __future__ import annotations

import secrets

import psycopg
import pytest
import sqlalchemy as sa

from market_assets.store import audit, schema, users
from market_assets.store.connection import MarketConnection
from market_assets.store.database import ACCOUNTS_SCHEMA, Database
from market_assets.store.tables.administration import accounts
from market_assets.store.tables.catalog import metadata

HASH = "$argon2id$of-this-test"


def test_the_file_of_the_results_has_no_account(database: Database) -> None:
    if not database.is_sqlite:
        pytest.skip("PostgreSQL has no files")
    users.add_user(database, "ann", "admin", HASH)
    audit.record(database, who="ann", address="", action="of this test", target="", result="")
    with database.engine().connect() as connection:
        assert not set(sa.inspect(connection).get_table_names()) & {table.name for table in accounts.sorted_tables}
    for path in database.path.parent.glob(f"{database.path.name}*"):
        if path.is_file():
            assert HASH.encode() not in path.read_bytes()
    assert HASH.encode() in database.accounts.path.read_bytes()


@pytest.mark.postgresql
def test_who_may_read_the_results_reads_no_account(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    schema.upgrade(database)
    users.add_user(database, "ann", "admin", HASH)
    role, password = f"reader_{secrets.token_hex(8)}", secrets.token_hex(8)
    with database.engine().execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(sa.text(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'"))
        connection.execute(sa.text(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"))
    try:
        url = database.url.set(drivername="postgresql", username=role, password=password)
        with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as reader:
            for table in metadata.sorted_tables:
                reader.execute(f"SELECT * FROM {table.name}")
            for table in accounts.sorted_tables:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    reader.execute(f"SELECT * FROM {table.fullname}")
    finally:
        with database.engine().execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(sa.text(f"DROP OWNED BY {role}; DROP ROLE {role}"))


def test_the_tables_are_those_declared(database: Database) -> None:
    where = None if database.is_sqlite else ACCOUNTS_SCHEMA
    with database.accounts.engine().connect() as connection:
        inspector = sa.inspect(connection)
        assert set(inspector.get_table_names(where)) == {table.name for table in accounts.sorted_tables}
        for table in accounts.sorted_tables:
            columns = {each["name"]: each["nullable"] for each in inspector.get_columns(table.name, where)}
            assert columns == {column.name: column.nullable for column in table.columns}
            key = inspector.get_pk_constraint(table.name, where)["constrained_columns"]
            assert key == [column.name for column in table.primary_key]
            indexes = {each["name"] for each in inspector.get_indexes(table.name, where)}
            assert indexes == {index.name for index in table.indexes}


def test_results_without_accounts_get_empty_ones(database: Database) -> None:
    with MarketConnection(database) as connection, connection.transaction():
        connection.execute("UPDATE data_revision SET revision = 41")
    users.add_user(database, "ann", "admin", HASH)
    if database.is_sqlite:
        database.accounts.path.unlink()
    else:
        with database.engine().begin() as server:
            server.execute(sa.text(f"DROP SCHEMA {ACCOUNTS_SCHEMA} CASCADE"))
    assert not schema.has_accounts(database)
    schema.ensure_current(database)
    assert users.list_users(database) == []
    with MarketConnection(database) as connection:
        assert connection.scalar("SELECT revision FROM data_revision") == 41
