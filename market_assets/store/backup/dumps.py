"""Dumps of the market database: consistent copies taken while others write, and restored in one transaction.

SQLite by its online backup API, PostgreSQL by pg_dump, pg_restore and psql, which must be on PATH.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

from market_assets.store import schema
from market_assets.store.backup.zip_file import BackupError, file_errors
from market_assets.store.database import BUSY_TIMEOUT_MS, Database, StoreUnavailableError, connected
from market_assets.store.tables.catalog import metadata

#: How long a restore on PostgreSQL waits for readers of the tables that it replaces.
_LOCK_TIMEOUT = "30s"
_COPY = re.compile(rb"COPY (?:\S+\.)?\"?(\w+)\"? \(")


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy the state of an SQLite database at one time to a new file, without blocking writers."""
    with _open(source) as live, _open(target, "rwc") as copy:
        live.backup(copy)
        # One file without a log beside it.
        copy.execute("PRAGMA journal_mode = DELETE")


class SqliteDumps:
    """Dumps of an SQLite database: copies of its file."""

    kind = "sqlite"
    file_name = "market.db"

    def __init__(self, database: Database) -> None:
        self._database = database

    def dump(self, target: Path) -> str:
        """Write a dump of the state at one time; returns the version of SQLite."""
        copy_sqlite(self._database.path, target)
        return sqlite3.sqlite_version

    def count_rows(self, dump: Path) -> dict[str, int]:
        """The rows of each table of a dump.

        Raises:
            BackupError: it is damaged.
        """
        tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        with _open(dump) as connection:
            try:
                (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
                if verdict != "ok":
                    raise BackupError(f"{dump} is damaged: {verdict}")
                names = [name for (name,) in connection.execute(tables)]
                return {
                    name: int(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]) for name in names
                }
            except sqlite3.DatabaseError as error:
                raise BackupError(f"{dump} is damaged: {error}") from error

    def restore(self, dump: Path) -> None:
        """Replace the content of the file by a dump in one transaction, its schema upgraded to the newest version.

        Programs that have the file open read the new content from then on. A file that is damaged itself is
        renamed to `<name>.damaged` first.

        Raises:
            StoreUnavailableError: there is no room, or the file is in use; it is as it was.
        """
        schema.upgrade(Database(f"sqlite:///{dump}"))
        path = self._database.path
        try:
            self._overwrite(dump)
        except StoreUnavailableError as error:
            if not any(sign in str(error) for sign in ("not a database", "malformed")):
                raise
            with file_errors(path):
                for suffix in ("-wal", "-shm"):
                    Path(f"{path}{suffix}").unlink(missing_ok=True)
                path.replace(path.with_name(f"{path.name}.damaged"))
            self._overwrite(dump)

    def _overwrite(self, dump: Path) -> None:
        with _open(dump) as source, _open(self._database.path, "rwc") as live:
            # Readers of the file need the write-ahead log, which a new file does not have yet.
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

    kind = "postgresql"
    file_name = "market.dump"

    def __init__(self, database: Database, environment: Mapping[str, str]) -> None:
        self._database = database
        password = database.url.password or database.url.query.get("password")
        # Other users can read arguments: the password is passed by the environment.
        secret = {"PGPASSWORD": str(password)} if password else {}
        self._environment = {**environment, **secret, "LC_ALL": "C"}
        url = database.url.set(drivername="postgresql", password=None).difference_update_query(["password"])
        self._target = f"--dbname={url.render_as_string()}"

    def dump(self, target: Path) -> str:
        """Write a dump of the state at one time; returns the version of the server.

        Raises:
            BackupError: pg_dump is missing.
            StoreUnavailableError: it failed, or is older than the server.
        """
        with connected(self._database) as connection:
            server = str(connection.scalar(sa.text("SHOW server_version")))
            tables = f'"{connection.scalar(sa.text("SELECT current_schema()"))}".*'
        options = ("--format=custom", "--compress=1", "--no-owner", "--no-privileges", f"--table={tables}")
        self._run("pg_dump", *options, f"--file={target}", self._target)
        return server

    def count_rows(self, dump: Path) -> dict[str, int]:
        """The rows of each table of a dump.

        Raises:
            BackupError: it is damaged, or pg_restore is missing.
        """
        counts: dict[str, int] = {}
        table = ""
        command = [self._program("pg_restore"), "--data-only", "--file=-", str(dump)]
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, env=self._environment, stdout=subprocess.PIPE, stderr=quiet) as reader:
            assert reader.stdout is not None
            for line in reader.stdout:
                if table and line != b"\\.\n":
                    counts[table] += 1
                elif table:
                    table = ""
                elif found := _COPY.match(line):
                    table = found[1].decode()
                    counts[table] = 0
        if reader.returncode or table:
            raise BackupError(f"{dump.name} is damaged: pg_restore can't read it to its end")
        return counts

    def restore(self, dump: Path) -> None:
        """Replace the tables of the dump, and all of this program, in one transaction; then upgrade the schema.

        Raises:
            StoreUnavailableError: the server refuses; everything is as it was.
        """
        script = dump.with_suffix(".sql")
        tables = sorted({*metadata.tables, "alembic_version", *self.count_rows(dump)})
        prepare = [f"SET lock_timeout = '{_LOCK_TIMEOUT}'", "SET client_min_messages = warning"]
        prepare += [f'DROP TABLE IF EXISTS "{table}" CASCADE' for table in tables]
        options = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null", "--single-transaction")
        try:
            self._run("pg_restore", "--no-owner", "--no-privileges", f"--file={script}", str(dump))
            self._run("psql", *options, f"--command={'; '.join(prepare)}", f"--file={script}", self._target)
        except StoreUnavailableError as error:
            raise StoreUnavailableError(f"{self._database.name} was left as it was: {error}") from error
        schema.upgrade(self._database, locked=True)

    def _program(self, name: str) -> str:
        found = shutil.which(name, path=self._environment.get("PATH"))
        if found is None:
            raise BackupError(
                f"{name} is not on PATH: install PostgreSQL's client programs (Debian: postgresql-client)"
            )
        return found

    def _run(self, name: str, *arguments: str) -> None:
        command = [self._program(name), *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StoreUnavailableError(f"{name} failed on {self._database.name}: {' '.join(done.stderr.split())}")


def dumps_of(database: Database, environment: Mapping[str, str]) -> Dumps:
    """The dumps of a database of either kind."""
    return SqliteDumps(database) if database.is_sqlite else PostgresqlDumps(database, environment)


Dumps = SqliteDumps | PostgresqlDumps
