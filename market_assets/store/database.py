"""The market database by its URL: its engines, its SQL dialect, and its errors.

The data path goes through ADBC (`store.connection`); SQLAlchemy declares, compiles and migrates. On SQLite
both must not hold the same file open in one process at once: the kernel drops a process's file locks when any
of its handles to the file is closed. So `engine()` keeps no connection open; `pooled_engine()` does, for the web
process, which never opens ADBC.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool, QueuePool

from market_assets.settings import parse_database_url

BUSY_TIMEOUT_MS = 60_000
#: Of new SQLite files. A posting with its texts takes 3 kB, of which a page of the default 4 KiB holds one alone.
PAGE_BYTES = 16_384
#: The schema of the tables of accounts on PostgreSQL.
ACCOUNTS_SCHEMA = "accounts"
_LITTLE_ROOM = 64 << 20


class StoreError(Exception):
    """The market database can't be used; the message names the cause and what to do."""


class StoreUnavailableError(StoreError):
    """The database does not answer, is locked or can't be written; a later attempt may succeed."""


class Database:
    """A market database, by its URL (`sqlite:///path` or `postgresql://…`).

    Raises:
        StoreError: the URL is of no such database.
    """

    def __init__(self, url: str) -> None:
        try:
            self.url: URL = parse_database_url(url)
        except ValueError as error:
            raise StoreError(str(error)) from None
        # Statements that are reused are compiled once; others leave the cache when they are collected.
        self._compiled: WeakKeyDictionary[sa.sql.ClauseElement, str] = WeakKeyDictionary()

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @property
    def name(self) -> str:
        """The name for messages: the file's path, or the URL without its password."""
        if self.is_sqlite:
            return str(self.path)
        return self.url.difference_update_query(["password", "sslpassword"]).render_as_string(hide_password=True)

    @property
    def path(self) -> Path:
        """The file of an SQLite database."""
        if not self.url.database:
            raise StoreError("an SQLite database needs a file: sqlite:///path/to/market.db")
        return Path(self.url.database)

    @cached_property
    def accounts(self) -> Database:
        """Where users, sessions and the audit log are: in a file beside SQLite's; itself on PostgreSQL."""
        if not self.is_sqlite:
            return self
        path = self.path.with_name(f"{self.path.stem}-accounts.db")
        return Database(self.url.set(database=str(path)).render_as_string(hide_password=False))

    def describe_failure(self, cause: str) -> str:
        """A message that names the database and a driver's cause; with the state of the folder on SQLite."""
        if self.is_sqlite:
            cause += _problem_of_folder(self.path.parent, cause)
        return f"the database {self.name} failed: {cause}"

    @property
    def adbc_uri(self) -> str:
        if self.is_sqlite:
            return str(self.path)
        return self.url.set(drivername="postgresql").render_as_string(hide_password=False)

    @cached_property
    def dialect(self) -> sa.Dialect:
        if self.is_sqlite:
            dialect = sqlite.dialect()
            # Otherwise known from a connection; where tables without a schema are.
            dialect.default_schema_name = "main"
            return dialect
        # With the usual "pyformat" style PostgreSQL's compiler doubles every % for a driver we don't use here.
        return postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]

    @property
    def _schemas(self) -> dict[str | None, str | None]:
        """SQLite has no schemas."""
        return {ACCOUNTS_SCHEMA: None} if self.is_sqlite else {}

    def compile(self, statement: sa.sql.ClauseElement | str) -> str:
        """The statement's SQL in this database's dialect, its values written into it."""
        if isinstance(statement, str):
            return statement
        sql = self._compiled.get(statement)
        if sql is None:
            sql = str(
                statement.compile(
                    dialect=self.dialect,
                    schema_translate_map=self._schemas,
                    render_schema_translate=True,
                    compile_kwargs={"literal_binds": True},
                )
            )
            self._compiled[statement] = sql
        return sql

    def engine(self) -> sa.Engine:
        """The SQLAlchemy engine that keeps no connection open."""
        return self._engine

    @cached_property
    def _engine(self) -> sa.Engine:
        return self._new_engine(poolclass=NullPool)

    def pooled_engine(self) -> sa.Engine:
        """The engine of a process that reads often and never opens ADBC: it keeps a few connections open.

        Call its `dispose()` when it is no longer needed.
        """
        return self._pooled_engine

    @cached_property
    def _pooled_engine(self) -> sa.Engine:
        return self._new_engine(
            poolclass=QueuePool, pool_size=4, max_overflow=4, pool_pre_ping=True, pool_recycle=1800
        )

    def _new_engine(self, **pool: Any) -> sa.Engine:
        if not self.is_sqlite:
            return sa.create_engine(self.url.set(drivername="postgresql+psycopg"), **pool)
        arguments = {"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False}
        options = {"schema_translate_map": self._schemas}
        engine = sa.create_engine(self.url, connect_args=arguments, execution_options=options, **pool)
        sa.event.listen(engine, "connect", _prepare_sqlite)
        return engine


def engine_of(store: Database | sa.Engine) -> sa.Engine:
    """The engine itself, or one on the database."""
    return store.engine() if isinstance(store, Database) else store


def accounts_engine_of(store: Database | sa.Engine) -> sa.Engine:
    """The engine itself, or one on the database's accounts."""
    return store.accounts.engine() if isinstance(store, Database) else store


@contextlib.contextmanager
def sqlalchemy_errors(store: Database | sa.Engine) -> Iterator[None]:
    """Raise SQLAlchemy's errors as StoreUnavailableError, in one line that names the database and the cause."""
    try:
        yield
    except sa.exc.DatabaseError as error:
        cause = " ".join(str(error.orig).split())
        if isinstance(store, Database):
            raise StoreUnavailableError(store.describe_failure(cause)) from error
        raise StoreUnavailableError(f"the market database failed: {cause}") from error


@contextlib.contextmanager
def connected(store: Database | sa.Engine) -> Iterator[sa.Connection]:
    """An SQLAlchemy connection for the block.

    Raises:
        StoreUnavailableError: the database can't be reached, or refuses a statement of the block.
    """
    with sqlalchemy_errors(store), engine_of(store).connect() as connection:
        yield connection


@contextlib.contextmanager
def file_errors(path: Path | str, attempt: str = "write") -> Iterator[None]:
    """Raise errors of files as StoreUnavailableError with the path that was to be written or read."""
    try:
        yield
    except _error_types_of_files() as error:
        reason = getattr(error, "strerror", None) or error
        raise StoreUnavailableError(f"can't {attempt} {path}: {reason}") from error


def make_private_folder(folder: Path) -> None:
    """Make a folder, and the missing ones above it, for their owner alone; one that is there is left as it is."""
    for each in reversed((folder, *folder.parents)):
        if not each.exists():
            each.mkdir(mode=0o700, exist_ok=True)


def _error_types_of_files() -> tuple[type[Exception], ...]:
    """The errors of S3 about keys and connections are not OSErrors."""
    botocore = sys.modules.get("botocore.exceptions")
    return (OSError, botocore.BotoCoreError) if botocore else (OSError,)


def has_table(database: Database, table: str) -> bool:
    """Whether a database has a table; False, too, where an SQLite file does not exist."""
    if database.is_sqlite and not database.path.exists():
        return False
    with connected(database) as connection:
        return sa.inspect(connection).has_table(table)


def _problem_of_folder(folder: Path, cause: str) -> str:
    """Whether the folder is read-only or full, which SQLite's messages leave out; it writes there even to read."""
    if not folder.is_dir():
        return ""
    if any(sign in cause for sign in ("unable to open", "readonly")) and not os.access(folder, os.W_OK):
        return f" (the folder {folder} is read-only)"
    free = shutil.disk_usage(folder).free
    if any(sign in cause for sign in ("disk I/O error", "is full")) and free < _LITTLE_ROOM:
        return f" (the disk of {folder} is full: {free // 1024:,} KB are left)"
    return ""


def _prepare_sqlite(connection: sqlite.pysqlite.DBAPIConnection, _record: object) -> None:  # type: ignore[name-defined]
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    _use_write_ahead_log(cursor)
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _use_write_ahead_log(cursor: Any) -> None:
    """Switch a new file to the write-ahead log; SQLite's own timeout does not wait for others who do the same."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.01)
