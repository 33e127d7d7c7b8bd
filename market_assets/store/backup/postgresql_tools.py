"""pg_dump, pg_restore and psql: what a backup of PostgreSQL is made with, found on PATH."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import sqlalchemy as sa

from market_assets.store.backup.manifest import BackupError
from market_assets.store.database import Database, StoreUnavailableError

#: How long a restore waits for readers of the tables that it replaces.
_LOCK_TIMEOUT = "30s"
_COPY = re.compile(rb"COPY (?:\S+\.)?\"?(\w+)\"? \(")


class PostgresqlTools:
    """The programs for one database.

    Args:
        database: a PostgreSQL database.
        environment: the environment that they run in; its PATH is where they are looked for.
    """

    def __init__(self, database: Database, environment: Mapping[str, str]) -> None:
        self._database = database
        password = database.url.password or database.url.query.get("password")
        secret = {"PGPASSWORD": str(password)} if password else {}
        self._environment = {**environment, **secret, "LC_ALL": "C"}
        # Arguments are for everyone to see: the password goes by the environment.
        url = database.url.set(drivername="postgresql", password=None).difference_update_query(["password"])
        self._target = f"--dbname={url.render_as_string()}"

    def dump(self, target: Path) -> tuple[dict[str, int], str]:
        """Write the tables into a file of pg_dump's own format.

        Returns:
            The rows of each table at that moment, and the server's version.

        Raises:
            BackupError: pg_dump is missing or older than the server.
            StoreUnavailableError: it failed.
        """
        try:
            with self._database.engine().connect() as connection:
                server = str(connection.scalar(sa.text("SHOW server_version")))
                self._check_version(server)
                connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
                schema = str(connection.scalar(sa.text("SELECT current_schema()")))
                snapshot = str(connection.scalar(sa.text("SELECT pg_export_snapshot()")))
                counts = _count_rows(connection, schema)
                options = ("--format=custom", "--compress=1", "--no-owner", "--no-privileges")
                self._run(
                    "pg_dump",
                    *options,
                    f"--snapshot={snapshot}",
                    f'--table="{schema}".*',
                    f"--file={target}",
                    self._target,
                )
        except sa.exc.DatabaseError as error:
            cause = " ".join(str(error.orig).split())
            raise StoreUnavailableError(self._database.describe_failure(cause)) from error
        return counts, server

    def count_rows(self, dump: Path) -> dict[str, int]:
        """The rows of each table in a dump, by reading all of it.

        Raises:
            BackupError: it is damaged.
        """
        counts: dict[str, int] = {}
        table = ""
        with self._start("pg_restore", "--data-only", "--file=-", str(dump)) as reader:
            assert reader.stdout is not None
            for line in reader.stdout:
                if table:
                    if line == b"\\.\n":
                        table = ""
                    else:
                        counts[table] += 1
                elif found := _COPY.match(line):
                    table = found[1].decode()
                    counts[table] = 0
        if reader.returncode or table:
            raise BackupError(f"{dump.name} is damaged: pg_restore can't read it to its end")
        return counts

    def restore(self, dump: Path, tables: Iterable[str]) -> None:
        """Replace these tables, and those of the dump, by the dump's in one transaction.

        Raises:
            BackupError: the programs are missing or too old.
            StoreUnavailableError: the server refused; everything is as it was.
        """
        replaced = sorted({*tables, *self.count_rows(dump)})
        with self._start("pg_restore", "--no-owner", "--no-privileges", "--file=-", str(dump)) as reader:
            quiet = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null", "--file=-")
            writer = subprocess.Popen(
                [self._program("psql"), *quiet, self._target],
                env=self._environment,
                stdin=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            with writer:
                self._feed(reader, writer, replaced)
                problem = writer.stderr.read().decode() if writer.stderr else ""
        if reader.returncode or writer.returncode:
            raise StoreUnavailableError(
                f"the database {self._database.name} was left as it was: {_first_line(problem) or 'psql failed'}"
            )

    def _feed(self, reader: subprocess.Popen[bytes], writer: subprocess.Popen[bytes], replaced: list[str]) -> None:
        """Send psql the whole script; it commits only what pg_restore has read to the end."""
        assert reader.stdout is not None
        assert writer.stdin is not None
        try:
            head = ["BEGIN", f"SET lock_timeout = '{_LOCK_TIMEOUT}'", "SET client_min_messages = warning"]
            head += [f'DROP TABLE IF EXISTS "{table}" CASCADE' for table in replaced]
            writer.stdin.write("".join(f"{statement};\n" for statement in head).encode())
            shutil.copyfileobj(reader.stdout, writer.stdin)
            if reader.wait() == 0:
                writer.stdin.write(b"COMMIT;\n")
            writer.stdin.close()
        except BrokenPipeError:
            # psql has ended at an error, which it tells on its other output.
            reader.kill()

    def _check_version(self, server: str) -> None:
        answer = self._run("pg_dump", "--version")
        mine, theirs = _major(answer.partition(")")[2]), _major(server)
        if mine < theirs:
            raise BackupError(
                f"pg_dump {mine} on PATH can't back up PostgreSQL {theirs}: "
                f"put the programs of PostgreSQL {theirs} or newer first on PATH "
                f"(Debian: postgresql-client-{theirs})"
            )

    def _program(self, name: str) -> str:
        found = shutil.which(name, path=self._environment.get("PATH"))
        if found is None:
            raise BackupError(
                f"{name} is not on PATH: install PostgreSQL's client programs (Debian: postgresql-client)"
            )
        return found

    def _start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [self._program(name), *arguments],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def _run(self, name: str, *arguments: str) -> str:
        done = subprocess.run(
            [self._program(name), *arguments], env=self._environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise StoreUnavailableError(f"{name} failed on {self._database.name}: {_first_line(done.stderr)}")
        return done.stdout


def _count_rows(connection: sa.Connection, schema: str) -> dict[str, int]:
    quoted = connection.dialect.identifier_preparer.quote
    return {
        name: int(connection.scalar(sa.text(f"SELECT count(*) FROM {quoted(schema)}.{quoted(name)}")) or 0)
        for name in sorted(sa.inspect(connection).get_table_names(schema))
    }


def _major(version: str) -> int:
    found = re.search(r"\d+", version)
    return int(found[0]) if found else 0


def _first_line(text: str) -> str:
    """The first line that tells an error, else the first."""
    lines = [line for line in text.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[0] if lines else "")
