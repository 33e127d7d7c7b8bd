"""The PostgreSQL service: what the image's entry point does, with the system's server."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Any

from market_assets_tests.cli.programs import PROJECT
from market_assets_tests.deployment.composition import Service

_TRUSTED = "local all all trust\n"
_ASKED = "host all all 127.0.0.1/32 scram-sha-256\n"
#: Where Debian keeps what it doesn't put on the path.
_DEBIAN = Path("/usr/lib/postgresql")


def system_programs() -> Path | None:
    """The folder of the PostgreSQL server that is on the path, else of the newest that Debian has."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(
        (path.parent for path in _DEBIAN.glob("*/bin/initdb")), key=lambda folder: -int(folder.parent.name)
    )
    return folders[0] if folders else None


class PostgresqlProcess:
    """A server on a port of this machine, with what the service's files make of a new one."""

    def __init__(self, folder: Path, port: int, service: Service, log: Path) -> None:
        programs = system_programs()
        assert programs is not None, "there is no PostgreSQL server: apt-get install postgresql"
        self.programs = programs
        self._data = folder / "postgres_data"
        self._port, self._service, self._log = port, service, log
        self._process: subprocess.Popen[bytes] | None = None
        self._is_new = not self._data.exists()
        # The server refuses to run as root.
        self._owner = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())

    def start(self) -> None:
        if self._is_new:
            self._make_data()
        command = [self.programs / "postgres", *self._service.command[1:], "-D", self._data]
        command += ["-p", str(self._port), "-h", "127.0.0.1", "-k", self._data]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self._data,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as_owner(),
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

    def _as_owner(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        return {"user": self._owner.pw_uid, "group": self._owner.pw_gid, "extra_groups": []}

    def _make_data(self) -> None:
        self._data.mkdir(mode=0o700)
        os.chown(self._data, self._owner.pw_uid, self._owner.pw_gid)
        command = [self.programs / "initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        done = subprocess.run(
            [*command, "-N", "-D", self._data],
            cwd=self._data,
            capture_output=True,
            text=True,
            check=False,
            **self._as_owner(),
        )
        assert done.returncode == 0, done.stderr
        (self._data / "pg_hba.conf").write_text(_TRUSTED + _ASKED)

    def _set_up(self) -> None:
        while subprocess.run(
            [self.programs / "pg_isready", "-q", "-h", self._data, "-p", str(self._port)], check=False
        ).returncode:
            assert self._process is not None
            assert self._process.poll() is None, self._log.read_text()
        password = self._service.environment["POSTGRES_PASSWORD"]
        self._psql("postgres", "-c", f"ALTER ROLE postgres PASSWORD '{password}'")
        for place, source in sorted(self._service.volumes.items()):
            if place.startswith("/docker-entrypoint-initdb.d/"):
                self._psql("postgres", "-f", str(PROJECT / source))

    def _psql(self, database: str, *arguments: str) -> str:
        command = [self.programs / "psql", "-X", "-v", "ON_ERROR_STOP=1", "-h", self._data, "-p", str(self._port)]
        done = subprocess.run(
            [*command, "-U", "postgres", "-d", database, *arguments],
            env={**os.environ, **self._service.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
