"""Dumps of the market database: consistent copies taken while others write, and restored in one transaction.

SQLite by its online backup API, PostgreSQL by pg_dump, pg_restore and psql, which must be on PATH.
"""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

from market_assets.store import schema
from market_assets.store.backup_file import BackupError
from market_assets.store.database import (
    ACCOUNTS_SCHEMA,
    BUSY_TIMEOUT_MS,
    Database,
    StoreUnavailableError,
    connected,
)
from market_assets.store.tables.administration import accounts
from market_assets.store.tables.catalog import metadata

#: How long a restore on PostgreSQL waits for readers of the tables that it replaces.
_LOCK_TIMEOUT = "30s"
_SQLITE_DUMP, _POSTGRESQL_DUMP = "market.db", "market.dump"


def dump(database: Database, folder: Path, environment: Mapping[str, str]) -> dict[str, int]:
    """Write a dump of the state at one time into an empty folder; returns the rows of each table.

    Args:
        database: the database.
        folder: where the dump goes: one file, or two on SQLite.
        environment: of PostgreSQL's programs.

    Raises:
        BackupError: the database is damaged, or pg_dump is missing.
        StoreUnavailableError: there is no room, or pg_dump failed, or is older than the server.
    """
    if not database.is_sqlite:
        return _dump_postgresql(database, folder / _POSTGRESQL_DUMP, environment)
    rows: dict[str, int] = {}
    dumped = Database(f"sqlite:///{folder / _SQLITE_DUMP}")
    for live, copy in ((database, dumped), (database.accounts, dumped.accounts)):
        copy_sqlite(live.path, copy.path)
        # Not the database's own engine, which would turn the copy's log on again.
        with connected(sa.create_engine(copy.url, poolclass=sa.NullPool)) as connection:
            verdict = connection.scalar(sa.text("PRAGMA integrity_check(1)"))
            if verdict != "ok":
                raise BackupError(f"the database {live.name} is damaged: {verdict}")
            rows |= _count_rows(connection)
    return rows


def restore_dump(database: Database, folder: Path, tables: Iterable[str], environment: Mapping[str, str]) -> None:
    """Replace the content of a database by a dump, in one transaction, and upgrade its schema.

    Args:
        database: the database; programs that have an SQLite file open read the new content from then on.
        folder: where the dump is.
        tables: the tables of the dump.
        environment: of PostgreSQL's programs.

    Raises:
        StoreUnavailableError: there is no room, or the database refuses; everything is as it was.
    """
    if database.is_sqlite:
        _restore_sqlite(database, folder)
    else:
        _restore_postgresql(database, folder / _POSTGRESQL_DUMP, tables, environment)


def count_all_rows(database: Database) -> dict[str, int]:
    """The rows of each table of a database, those of accounts included."""
    counts: dict[str, int] = {}
    for each in {database, database.accounts}:
        with connected(each) as connection:
            counts |= _count_rows(connection)
    return counts


def _count_rows(connection: sa.Connection) -> dict[str, int]:
    inspector = sa.inspect(connection)
    tables = [sa.table(name) for name in sorted(inspector.get_table_names())]
    if inspector.has_schema(ACCOUNTS_SCHEMA):
        names = sorted(inspector.get_table_names(ACCOUNTS_SCHEMA))
        tables += [sa.table(name, schema=ACCOUNTS_SCHEMA) for name in names]
    counts = {table.name: sa.select(sa.func.count()).select_from(table) for table in tables}
    return {name: int(connection.scalar(count) or 0) for name, count in counts.items()}


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy the state of an SQLite database at one time to a new file, without blocking writers."""
    with _open(source) as live, _open(target, "rwc") as copy:
        live.backup(copy)
        # One file without a log beside it.
        copy.execute("PRAGMA journal_mode = DELETE")


def _restore_sqlite(live: Database, folder: Path) -> None:
    dumped = Database(f"sqlite:///{folder / _SQLITE_DUMP}")
    schema.upgrade(dumped)
    for each in (live, live.accounts):
        schema.make_file(each)
    replaced = folder / "replaced-accounts.db"
    copy_sqlite(live.accounts.path, replaced)
    _replace(live.accounts.path, dumped.accounts.path)
    try:
        _replace(live.path, dumped.path)
    except StoreUnavailableError:
        # The way back needs a little room, where there may be none left.
        dumped.path.unlink()
        _replace(live.accounts.path, replaced)
        raise


def _replace(path: Path, dump: Path) -> None:
    with _open(dump) as source, _open(path, "rwc") as live:
        # A new file takes the size of the pages that are copied; it can't be changed once there is a write-ahead
        # log, which readers of the file need.
        live.execute("PRAGMA page_size = {}".format(*source.execute("PRAGMA page_size").fetchone()))
        live.execute("PRAGMA journal_mode = WAL")
        source.backup(live)
        # The log is as large as the database by now.
        with contextlib.suppress(sqlite3.OperationalError):
            live.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextlib.contextmanager
def _open(path: Path, mode: str = "rw") -> Iterator[sqlite3.Connection]:
    uri = f"file:{quote(str(path.resolve()))}?mode={mode}"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_MS / 1000)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise StoreUnavailableError(Database(f"sqlite:///{path}").describe_failure(str(error))) from error


def _dump_postgresql(database: Database, target: Path, environment: Mapping[str, str]) -> dict[str, int]:
    with connected(database) as connection:
        connection.execution_options(isolation_level="REPEATABLE READ")
        tables = f'--table="{connection.scalar(sa.text("SELECT current_schema()"))}".*'
        snapshot = f"--snapshot={connection.scalar(sa.text('SELECT pg_export_snapshot()'))}"
        what = (tables, f'--table="{ACCOUNTS_SCHEMA}".*', snapshot, "--no-owner", "--no-privileges")
        target_options = ("--format=custom", "--compress=1", f"--file={target}", _place(database))
        _run("pg_dump", *what, *target_options, database=database, environment=environment)
        return _count_rows(connection)


def _restore_postgresql(
    database: Database, dump: Path, tables: Iterable[str], environment: Mapping[str, str]
) -> None:
    script = dump.with_suffix(".sql")
    # The dump has no schemas.
    schema.make_accounts(database)
    of_accounts = {table.name for table in accounts.sorted_tables}
    replaced = sorted({*metadata.tables, "alembic_version", *tables} - of_accounts)
    prepare = [f"SET lock_timeout = '{_LOCK_TIMEOUT}'", "SET client_min_messages = warning"]
    prepare += [f'DROP TABLE IF EXISTS "{table}" CASCADE' for table in replaced]
    prepare += [f'DROP TABLE "{ACCOUNTS_SCHEMA}"."{table}" CASCADE' for table in sorted(of_accounts)]
    to_script = ("--no-owner", "--no-privileges", f"--file={script}", str(dump))
    options = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null", "--single-transaction")
    run_all = (*options, f"--command={'; '.join(prepare)}", f"--file={script}", _place(database))
    try:
        _run("pg_restore", *to_script, database=database, environment=environment)
        _run("psql", *run_all, database=database, environment=environment)
    except StoreUnavailableError as error:
        raise StoreUnavailableError(f"{database.name} was left as it was: {error}") from error
    schema.upgrade(database, locked=True)


def _place(database: Database) -> str:
    """The argument that names a database, without its password: other users can read arguments."""
    url = database.url.set(drivername="postgresql", password=None).difference_update_query(["password"])
    return f"--dbname={url.render_as_string()}"


def _run(name: str, *arguments: str, database: Database, environment: Mapping[str, str]) -> None:
    password = database.url.password or database.url.query.get("password")
    secret = {"PGPASSWORD": str(password)} if password else {}
    complete = {**environment, **secret, "LC_ALL": "C"}
    try:
        done = subprocess.run([name, *arguments], env=complete, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise BackupError(
            f"{name} is not on PATH: install PostgreSQL's client programs (Debian: postgresql-client)"
        ) from None
    if done.returncode:
        raise StoreUnavailableError(f"{name} failed on {database.name}: {' '.join(done.stderr.split())}")
