"""Which database it is, how to reach it, and what its two dialects call things.

The data path goes through ADBC (`store.connection`); SQLAlchemy declares, compiles and migrates. On SQLite
both must not hold the same file open in one process at once: the kernel drops a process's file locks when any
of its handles to the file is closed. So `engine()` keeps no connection open; `pooled_engine()` does, for the web
process, which never opens ADBC.
"""

from __future__ import annotations

import os
import shutil
from functools import cached_property
from pathlib import Path
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool, QueuePool

BUSY_TIMEOUT_MS = 60_000
_LITTLE_ROOM = 64 << 20


class StoreError(Exception):
    """The market database can't be used; the message tells a person why and what to do."""


class StoreUnavailableError(StoreError):
    """The database does not answer, is locked or can't be written; worth another try later."""


class Database:
    """A market database, by its URL (`sqlite:///path` or `postgresql://…`)."""

    def __init__(self, url: str) -> None:
        self.url: URL = parse_database_url(url)
        # Statements that are kept are compiled once; those that are made for one use leave with it.
        self._compiled: WeakKeyDictionary[sa.sql.ClauseElement, str] = WeakKeyDictionary()

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @property
    def name(self) -> str:
        """What messages call it: the file's path, or the URL without its password."""
        if self.is_sqlite:
            return str(self.path)
        return self.url.difference_update_query(["password", "sslpassword"]).render_as_string(hide_password=True)

    @property
    def path(self) -> Path:
        """The file of an SQLite database."""
        if not self.url.database:
            raise StoreError("an SQLite database needs a file: sqlite:///path/to/market.db")
        return Path(self.url.database)

    def worded(self, cause: str) -> str:
        """A driver's word on a failure, and which database it is about."""
        if self.is_sqlite:
            cause += _what_is_wrong_with(self.path.parent, cause)
        return f"the database {self.name} failed: {cause}"

    @property
    def adbc_uri(self) -> str:
        if self.is_sqlite:
            return str(self.path)
        return self.url.set(drivername="postgresql").render_as_string(hide_password=False)

    @cached_property
    def dialect(self) -> sa.Dialect:
        # With the usual "pyformat" style PostgreSQL's compiler doubles every % for a driver we don't use here.
        return sqlite.dialect() if self.is_sqlite else postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]

    def compile(self, statement: sa.sql.ClauseElement | str) -> str:
        """The statement's SQL in this database's dialect, its values written into it."""
        if isinstance(statement, str):
            return statement
        sql = self._compiled.get(statement)
        if sql is None:
            sql = str(statement.compile(dialect=self.dialect, compile_kwargs={"literal_binds": True}))
            self._compiled[statement] = sql
        return sql

    def engine(self) -> sa.Engine:
        """An SQLAlchemy engine that keeps no connection open."""
        if not self.is_sqlite:
            return sa.create_engine(self.url.set(drivername="postgresql+psycopg"), poolclass=NullPool)
        engine = sa.create_engine(self.url, poolclass=NullPool, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
        sa.event.listen(engine, "connect", _prepare_sqlite)
        return engine

    def pooled_engine(self) -> sa.Engine:
        """The engine of a process that reads often and never opens ADBC: it keeps a few connections open.

        The same one at every call; whoever is done with it calls its `dispose()`.
        """
        return self._pooled_engine

    @cached_property
    def _pooled_engine(self) -> sa.Engine:
        if not self.is_sqlite:
            url = self.url.set(drivername="postgresql+psycopg")
            return sa.create_engine(url, pool_size=4, max_overflow=4, pool_pre_ping=True, pool_recycle=1800)
        engine = sa.create_engine(
            self.url,
            poolclass=QueuePool,
            pool_size=4,
            max_overflow=4,
            connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
        )
        sa.event.listen(engine, "connect", _prepare_sqlite)
        return engine


def parse_database_url(url: str) -> URL:
    """Read a database URL.

    Raises:
        StoreError: it is not one of SQLite or PostgreSQL.
    """
    try:
        parsed = make_url(url.replace("postgres://", "postgresql://", 1))
    except (sa.exc.ArgumentError, ValueError):
        # The URL itself is not repeated: it may hold a password.
        raise StoreError("not a database URL such as sqlite:///path or postgresql://user@host/name") from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreError(f"{parsed.get_backend_name()} is not supported: use sqlite:///path or postgresql://…")
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise StoreError("an SQLite database needs a file: sqlite:///path/to/market.db")
    return parsed


def _what_is_wrong_with(folder: Path, cause: str) -> str:
    """What SQLite does not say of the folder, in which it needs a log and an index even to read."""
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
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()
