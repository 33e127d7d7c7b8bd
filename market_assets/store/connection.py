"""A connection of the data path: Polars frames in and out over ADBC, one transaction at a time.

The same calls serve both databases: in the driver, a bulk write is COPY on PostgreSQL and prepared inserts on
SQLite. Independent of what the tables mean.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from types import TracebackType
from typing import Any
from weakref import WeakKeyDictionary

import adbc_driver_manager
import adbc_driver_manager.dbapi as dbapi
import numpy as np
import numpy.typing as npt
import polars as pl
import sqlalchemy as sa
from adbc_driver_manager import AdbcStatusCode

from market_assets.store.database import (
    BUSY_TIMEOUT_MS,
    PAGE_BYTES,
    Database,
    StoreError,
    StoreUnavailableError,
    connected,
)
from market_assets.store.reading import as_declared
from market_assets.store.tables.columns import SQLITE_TIME, arrow_schema, arrow_type

#: SQLite's driver infers a column's type from the first batch, so one batch must hold all rows.
_ALL_ROWS = 2**31 - 2
#: Rows that are written at a time, as what the driver takes is made of them first.
_WRITTEN_TOGETHER = 100_000
#: lz4 compresses texts in a quarter of the default's time, much of the server's work. Not every server has it.
_QUICK_COMPRESSION = """
    SELECT set_config('default_toast_compression', 'lz4', false) FROM pg_settings
    WHERE name = 'default_toast_compression' AND 'lz4' = ANY(enumvals)
"""
#: PostgreSQL's driver reads all types of a database first, which takes ten times as long as a connection. Values
#: of types that are made after a database's first connection are bytes to it.
_drivers: WeakKeyDictionary[Database, dbapi._SharedDatabase] = WeakKeyDictionary()


class MarketConnection:
    """An open connection; use it as a context manager, and `transaction()` around every write."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._connection = _open(database)

    def __enter__(self) -> MarketConnection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        with contextlib.suppress(dbapi.Error):
            self._connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: commits at the end, rolls back on any exception."""
        try:
            with _adbc_errors(self.database):
                yield
                self._connection.commit()
        except BaseException:
            with contextlib.suppress(dbapi.Error):
                self._connection.rollback()
            raise

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """A transaction that only reads, and sees the state at its first statement, whatever others write."""
        with self.transaction():
            if not self.database.is_sqlite:
                self.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield

    def keep_pages(self, megabytes: int) -> None:
        """Let SQLite keep so much of the file in memory, as long as this connection is open."""
        if self.database.is_sqlite:
            self.execute(f"PRAGMA cache_size = {-1024 * megabytes}")

    def execute(self, statement: sa.sql.ClauseElement | str) -> int:
        """Run a statement; returns the number of affected rows, -1 where the driver does not know it."""
        with _adbc_errors(self.database), self._connection.cursor() as cursor:
            cursor.execute(self.database.compile(statement))
            return int(cursor.rowcount)

    def read(self, query: sa.sql.ClauseElement | str, schema: pl.Schema) -> pl.DataFrame:
        """The rows of a query as columns of the given types, in the query's order."""
        with _adbc_errors(self.database), self._connection.cursor() as cursor:
            if self.database.is_sqlite:
                cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(_ALL_ROWS)})
            cursor.execute(self.database.compile(query))
            return as_declared(_fetched(cursor), schema)

    def read_integers(
        self, value: sa.ColumnElement[int], key: sa.Column[int], first: int, last: int
    ) -> npt.NDArray[np.int64]:
        """A value of each row whose key is from `first` to `last`, in any order."""
        query = sa.select(value.label("value")).where(key.between(first, last))
        return self.read(query, pl.Schema({"value": pl.Int64()}))["value"].to_numpy()

    def scalar(self, query: sa.sql.ClauseElement | str) -> Any:
        """The single value of a query's first row, None without one."""
        with _adbc_errors(self.database), self._connection.cursor() as cursor:
            cursor.execute(self.database.compile(query))
            answer = _fetched(cursor)
        return answer.item(0, 0) if answer.height else None

    def stage(self, name: str, frame: pl.DataFrame, *, append: bool = False) -> sa.TableClause:
        """Write a frame into a temporary table, and return that table for use in statements."""
        columns: Sequence[sa.ColumnClause[Any]] = [sa.column(column) for column in frame.columns]
        if not append:
            # With its schema, so that it never drops a permanent table of that name.
            self.execute(f"DROP TABLE IF EXISTS {'temp' if self.database.is_sqlite else 'pg_temp'}.{name}")
        self._ingest(name, frame, mode="create_append" if append else "create", temporary=True)
        return sa.table(name, *columns)

    def append(self, table: sa.Table, frame: pl.DataFrame) -> None:
        """Add a frame's rows to a table, in bulk."""
        if frame.height:
            schema = None if self.database.is_sqlite else table.schema
            self._ingest(table.name, frame.select(arrow_schema(table).names()), mode="append", schema=schema)

    def upsert(self, table: sa.Table, rows: sa.Select[Any]) -> None:
        """Insert a select's rows by primary key; existing rows are updated where they differ, else not written."""
        self.execute(upsert_statement(self.database.is_sqlite, table, rows))

    def upsert_noting(self, table: sa.Table, rows: sa.Select[Any]) -> pl.DataFrame:
        """As `upsert`; returns the keys of the rows that were written."""
        statement = upsert_statement(self.database.is_sqlite, table, rows, returning=True)
        return self.read(statement, pl.Schema({column.name: arrow_type(column) for column in table.primary_key}))

    def _ingest(
        self, name: str, frame: pl.DataFrame, *, mode: Any, temporary: bool = False, schema: str | None = None
    ) -> None:
        with _adbc_errors(self.database), self._connection.cursor() as cursor:
            for start in range(0, max(frame.height, 1), _WRITTEN_TOGETHER):
                rows = _for_database(frame.slice(start, _WRITTEN_TOGETHER), self.database)
                cursor.adbc_ingest(name, rows, mode=mode, temporary=temporary, db_schema_name=schema)
                mode = "append"


def optimise(connection: MarketConnection) -> tuple[int, int]:
    """VACUUM and ANALYZE the whole database; returns its size in bytes before and after.

    The given connection is closed: VACUUM needs the database to itself.

    Raises:
        StoreUnavailableError: the database refuses, or has no room for it.
    """
    database = connection.database
    connection.close()
    with connected(database) as server:
        server.execution_options(isolation_level="AUTOCOMMIT")
        before = _size(database, server)
        for statement in ("VACUUM", "ANALYZE"):
            server.execute(sa.text(statement))
        if database.is_sqlite:
            server.execute(sa.text("PRAGMA wal_checkpoint(TRUNCATE)"))
        return before, _size(database, server)


def _size(database: Database, server: sa.Connection) -> int:
    if database.is_sqlite:
        return database.path.stat().st_size
    return int(server.scalar(sa.text("SELECT pg_database_size(current_database())")) or 0)


def _open(database: Database) -> dbapi.Connection:
    with _adbc_errors(database):
        return _open_sqlite(database) if database.is_sqlite else _open_postgresql(database)


def _open_postgresql(database: Database) -> dbapi.Connection:
    import adbc_driver_postgresql

    driver = _drivers.get(database)
    if driver is None:
        driver = _drivers[database] = dbapi._SharedDatabase(adbc_driver_postgresql.connect(database.adbc_uri))
    connection = dbapi.Connection(driver, adbc_driver_manager.AdbcConnection(driver._db))
    with connection.cursor() as cursor:
        cursor.execute(_QUICK_COMPRESSION)
    connection.commit()
    return connection


def _open_sqlite(database: Database) -> dbapi.Connection:
    """Open an existing file and set its pragmas before the first transaction, in which they have no effect."""
    import adbc_driver_sqlite

    if not database.path.exists():
        raise StoreError(f"there is no database at {database.path}; make it with: market-assets db upgrade")
    driver = adbc_driver_sqlite.connect(database.adbc_uri)
    connection = adbc_driver_manager.AdbcConnection(driver)
    # The time-out comes first: setting the others already waits for locks. synchronous = FULL: Dagster does not
    # repeat a run that has succeeded, so what it wrote must survive a power cut. With a cache of 32 MB the ends of
    # all index ranges that a day's rows go to stay in memory.
    waiting = f"busy_timeout = {BUSY_TIMEOUT_MS}"
    pages = f"temp.page_size = {PAGE_BYTES}"
    for pragma in (waiting, "foreign_keys = ON", "synchronous = FULL", "cache_size = -32768", pages):
        with adbc_driver_manager.AdbcStatement(connection) as statement:
            statement.set_sql_query(f"PRAGMA {pragma}")
            statement.execute_update()
    return dbapi.Connection(driver, connection)


@lru_cache(16)
def upsert_statement(is_sqlite: bool, table: sa.Table, rows: sa.Select[Any], returning: bool = False) -> Any:
    """The statement of `MarketConnection.upsert`; cached, so that it is compiled once for the same rows."""
    from sqlalchemy.dialects import postgresql, sqlite

    names = [column.name for column in rows.selected_columns]
    insert = (sqlite.insert if is_sqlite else postgresql.insert)(table).from_select(names, rows)
    key = [column.name for column in table.primary_key]
    changed = {name: insert.excluded[name] for name in names if name not in key}
    differs = sa.or_(*(table.c[name].is_distinct_from(value) for name, value in changed.items()))
    upsert = insert.on_conflict_do_update(index_elements=key, set_=changed, where=differs)
    return upsert.returning(*table.primary_key) if returning else upsert


def _fetched(cursor: dbapi.Cursor) -> pl.DataFrame:
    """What a query answered. PostgreSQL's numeric, uuid and others, which Arrow has not, are text."""
    try:
        answer = cursor.fetch_polars()
    except pl.exceptions.ComputeError as error:
        # What PostgreSQL refuses while it answers, Polars reports.
        raise dbapi.DatabaseError(str(error), status_code=AdbcStatusCode.UNKNOWN) from error
    unknown = [name for name, dtype in answer.schema.items() if isinstance(dtype, pl.BaseExtension)]
    return answer.with_columns(pl.col(unknown).ext.storage()) if unknown else answer


def _for_database(frame: pl.DataFrame, database: Database) -> pl.DataFrame:
    """Without codes. SQLite has no times, dates or booleans: they are stored in SQLAlchemy's text format."""
    frame = frame.cast({pl.Categorical: pl.String})
    if not database.is_sqlite or not any(dtype.is_temporal() or dtype == pl.Boolean for dtype in frame.dtypes):
        return frame
    return frame.with_columns(
        pl.selectors.datetime().dt.strftime(SQLITE_TIME),
        pl.selectors.date().dt.strftime("%Y-%m-%d"),
        pl.selectors.boolean().cast(pl.Int64),
    )


@contextlib.contextmanager
def _adbc_errors(database: Database) -> Iterator[None]:
    """Raise the drivers' errors as StoreError, with the database's name and the cause."""
    try:
        yield
    except dbapi.Error as error:
        cause = str(error).splitlines()[0]
        unavailable = isinstance(error, dbapi.OperationalError) or any(
            sign in str(error)
            for sign in ("locked", "unable to open", "Failed to connect", "readonly", "disk I/O", "disk is full")
        )
        kind = StoreUnavailableError if unavailable else StoreError
        raise kind(database.describe_failure(cause)) from error
    except OSError as error:
        if not isinstance(error, adbc_driver_manager.Error):
            raise
        raise StoreUnavailableError(database.describe_failure(str(error))) from error
