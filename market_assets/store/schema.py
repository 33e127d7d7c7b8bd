"""The version of the database's schema: what it is, what the code needs, and how to get there."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import sqlalchemy as sa

from market_assets.store.database import (
    ACCOUNTS_SCHEMA,
    Database,
    StoreError,
    connected,
    file_errors,
    make_private_folder,
)
from market_assets.store.lock import StoreLock

_MIGRATIONS = Path(__file__).with_name("migrations")


def newest_version() -> str:
    """The schema version that this code needs."""
    return _known_versions()[-1]


def _known_versions() -> list[str]:
    """From the names of the files, since Alembic is slow to import and needed for migrating alone."""
    return sorted(path.name.split("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


def current_version(database: Database) -> str | None:
    """The schema version of the database, None where it is empty or does not exist."""
    if database.is_sqlite and not database.path.exists():
        return None
    with connected(database) as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        version: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        return version


def upgrade(database: Database, *, locked: bool = False) -> bool:
    """Bring the schema to the newest version; returns whether there was anything to do.

    Args:
        database: the database.
        locked: whether the caller holds the store's lock alone.

    Raises:
        StoreError: the database is newer than the code.
        StoreUnavailableError: the database can't be reached or written.
    """
    if _is_current(database):
        return False
    if database.is_sqlite:
        for each in (database, database.accounts):
            make_file(each)
    lock = contextlib.nullcontext() if locked else StoreLock(database, purpose="migration").exclusive()
    with lock:
        if _is_current(database):
            return False
        make_accounts(database.accounts)
        with connected(database) as connection:
            _migrate(connection)
    return True


def make_accounts(database: Database) -> None:
    """Make what is missing of the tables of accounts."""
    from market_assets.store.tables.administration import accounts

    with connected(database) as connection:
        # PostgreSQL refuses IF NOT EXISTS to a role that may not create schemas, even where it exists.
        if not database.is_sqlite and not sa.inspect(connection).has_schema(ACCOUNTS_SCHEMA):
            connection.execute(sa.schema.CreateSchema(ACCOUNTS_SCHEMA))
        accounts.create_all(connection)
        connection.commit()


def has_accounts(database: Database) -> bool:
    """Whether the tables of accounts are there."""
    if database.is_sqlite and not database.accounts.path.exists():
        return False
    with connected(database.accounts) as connection:
        return sa.inspect(connection).has_table("users", None if database.is_sqlite else ACCOUNTS_SCHEMA)


def _migrate(connection: sa.Connection) -> None:
    """All versions in one transaction, so that a process that dies in the middle leaves what was there."""
    from alembic import command
    from alembic.config import Config

    if connection.dialect.name == "sqlite":
        # Python's driver opens no transaction for CREATE TABLE by itself.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()


def ensure_current(database: Database) -> None:
    """Make an empty database; leave a current one alone.

    Raises:
        StoreError: the database is older than the code, so that a person should upgrade it, or newer.
    """
    version = current_version(database)
    if version is None or (version == newest_version() and not has_accounts(database)):
        upgrade(database)
    elif version != newest_version():
        refuse_newer(version, f"the database {database.name}")
        raise StoreError(
            f"the database {database.name} is at version {version}, the code needs {newest_version()}: "
            "run `market-assets db upgrade`"
        )


def _is_current(database: Database) -> bool:
    version = current_version(database)
    if version is not None:
        refuse_newer(version, f"the database {database.name}")
    return version == newest_version() and has_accounts(database)


def refuse_newer(version: str, what: str) -> None:
    """Refuse a schema version that this code does not know.

    Raises:
        StoreError: it is newer than the code.
    """
    if version not in _known_versions():
        raise StoreError(
            f"{what} is newer than this program (version {version}, "
            f"known up to {newest_version()}): install the newer program"
        )


def make_folder(database: Database) -> None:
    """Make the folder that an SQLite database will be in, for its owner alone.

    Raises:
        StoreUnavailableError: it can't be made.
    """
    with file_errors(database.path):
        make_private_folder(database.path.parent)


def make_file(database: Database) -> None:
    """Make the empty file of an SQLite database, and its folder, for its owner alone.

    The log and the index beside it get its permissions from SQLite.

    Raises:
        StoreUnavailableError: it can't be made.
    """
    make_folder(database)
    with file_errors(database.path):
        os.close(os.open(database.path, os.O_CREAT | os.O_RDWR, 0o600))
