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
from market_assets.store.backup.zip_file import BackupError
from market_assets.store.database import (
    ACCOUNTS_SCHEMA,
    BUSY_TIMEOUT_MS,
    Database,
    StoreUnavailableError,
    connected,
)
from market_assets.store.tables.accounts import accounts
from market_assets.store.tables.catalog import metadata

#: How long a restore on PostgreSQL waits for readers of the tables that it replaces.
_LOCK_TIMEOUT = "30s"


def count_rows(connection: sa.Connection, schema: str | None = None) -> dict[str, int]:
    """The rows of each table of a database, of the default schema or of another one."""
    names = sorted(sa.inspect(connection).get_table_names(schema))
    counts = {name: sa.select(sa.func.count()).select_from(sa.table(name, schema=schema)) for name in names}
    return {name: int(connection.scalar(count) or 0) for name, count in counts.items()}


def count_all_rows(database: Database) -> dict[str, int]:
    """The rows of each table of a database, those of accounts included."""
    with connected(database) as connection, connected(database.accounts) as of_accounts:
        return {**count_rows(connection), **_count_accounts(of_accounts)}


def _count_accounts(connection: sa.Connection) -> dict[str, int]:
    return count_rows(connection, None if connection.dialect.name == "sqlite" else ACCOUNTS_SCHEMA)


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy the state of an SQLite database at one time to a new file, without blocking writers."""
    with _open(source) as live, _open(target, "rwc") as copy:
        live.backup(copy)
        # One file without a log beside it.
        copy.execute("PRAGMA journal_mode = DELETE")


class SqliteDumps:
    """Dumps of an SQLite database: copies of its file, and of that of its accounts."""

    file_names = ("market.db", "market-accounts.db")

    def __init__(self, database: Database) -> None:
        self._database = database

    def dump(self, target: Path) -> dict[str, int]:
        """Write a dump of the state at one time; returns the rows of each table.

        Raises:
            BackupError: the database is damaged.
        """
        dumped = Database(f"sqlite:///{target}")
        rows: dict[str, int] = {}
        for live, copy in ((self._database, dumped), (self._database.accounts, dumped.accounts)):
            copy_sqlite(live.path, copy.path)
            engine = sa.create_engine(f"sqlite:///{copy.path}", poolclass=sa.NullPool)
            with connected(engine) as connection:
                verdict = connection.scalar(sa.text("PRAGMA integrity_check(1)"))
                if verdict != "ok":
                    raise BackupError(f"the database {live.name} is damaged: {verdict}")
                rows |= count_rows(connection)
        return rows

    def restore(self, dump: Path, _tables: Iterable[str]) -> None:
        """Replace the content of each file by a dump in one transaction; their schema is upgraded before.

        Programs that have a file open read the new content from then on.

        Raises:
            StoreUnavailableError: there is no room, or a file is in use; both are as they were.
        """
        dumped, live = Database(f"sqlite:///{dump}"), self._database
        schema.upgrade(dumped)
        for each in (live, live.accounts):
            schema.make_file(each)
        replaced = dump.with_name("replaced-accounts.db")
        copy_sqlite(live.accounts.path, replaced)
        _replace(live.accounts.path, dumped.accounts.path)
        try:
            _replace(live.path, dump)
        except StoreUnavailableError:
            # The way back needs a little room, where there may be none left.
            dump.unlink()
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


class PostgresqlDumps:
    """Dumps of a PostgreSQL database in pg_dump's custom format.

    Args:
        database: the database.
        environment: the environment for PostgreSQL's programs; they are looked for on its PATH.
    """

    file_names = ("market.dump",)

    def __init__(self, database: Database, environment: Mapping[str, str]) -> None:
        self._database = database
        password = database.url.password or database.url.query.get("password")
        # Other users can read arguments: the password is passed by the environment.
        secret = {"PGPASSWORD": str(password)} if password else {}
        self._environment = {**environment, **secret, "LC_ALL": "C"}
        url = database.url.set(drivername="postgresql", password=None).difference_update_query(["password"])
        self._target = f"--dbname={url.render_as_string()}"

    def dump(self, target: Path) -> dict[str, int]:
        """Write a dump of the state at one time; returns the rows of each table.

        Raises:
            BackupError: pg_dump is missing.
            StoreUnavailableError: it failed, or is older than the server.
        """
        with connected(self._database) as connection:
            connection.execution_options(isolation_level="REPEATABLE READ")
            tables = f'"{connection.scalar(sa.text("SELECT current_schema()"))}".*'
            snapshot = connection.scalar(sa.text("SELECT pg_export_snapshot()"))
            of_accounts = f'--table="{ACCOUNTS_SCHEMA}".*'
            what = (f"--table={tables}", of_accounts, f"--snapshot={snapshot}", "--no-owner", "--no-privileges")
            self._run("pg_dump", "--format=custom", "--compress=1", *what, f"--file={target}", self._target)
            return {**count_rows(connection), **_count_accounts(connection)}

    def restore(self, dump: Path, tables: Iterable[str]) -> None:
        """Replace the tables of a dump, and all of this program, in one transaction; then upgrade the schema.

        Raises:
            StoreUnavailableError: the server refuses; everything is as it was.
        """
        script = dump.with_suffix(".sql")
        # The dump has no schemas.
        schema.make_accounts(self._database)
        of_accounts = {table.name for table in accounts.sorted_tables}
        replaced = sorted({*metadata.tables, "alembic_version", *tables} - of_accounts)
        prepare = [f"SET lock_timeout = '{_LOCK_TIMEOUT}'", "SET client_min_messages = warning"]
        prepare += [f'DROP TABLE IF EXISTS "{table}" CASCADE' for table in replaced]
        prepare += [f'DROP TABLE "{ACCOUNTS_SCHEMA}"."{table}" CASCADE' for table in sorted(of_accounts)]
        options = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null", "--single-transaction")
        try:
            self._run("pg_restore", "--no-owner", "--no-privileges", f"--file={script}", str(dump))
            self._run("psql", *options, f"--command={'; '.join(prepare)}", f"--file={script}", self._target)
        except StoreUnavailableError as error:
            raise StoreUnavailableError(f"{self._database.name} was left as it was: {error}") from error
        schema.upgrade(self._database, locked=True)

    def _run(self, name: str, *arguments: str) -> None:
        command = [name, *arguments]
        try:
            done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise BackupError(
                f"{name} is not on PATH: install PostgreSQL's client programs (Debian: postgresql-client)"
            ) from None
        if done.returncode:
            raise StoreUnavailableError(f"{name} failed on {self._database.name}: {' '.join(done.stderr.split())}")


def dumps_of(database: Database, environment: Mapping[str, str]) -> SqliteDumps | PostgresqlDumps:
    """The dumps of a database of either kind."""
    return SqliteDumps(database) if database.is_sqlite else PostgresqlDumps(database, environment)
