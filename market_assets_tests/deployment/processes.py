"""The services of `docker-compose.yml` as processes of this machine.

Each runs its real command with its real environment, without privileges, in a folder that holds what the image's
`/app` holds and that can't be written to. Names of services become 127.0.0.1, ports free ones, volumes folders.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from market_assets_tests.cli.programs import PROGRAMS, PROJECT
from market_assets_tests.deployment.composition import Composition, Service, stages, variables_of
from market_assets_tests.deployment.postgresql import PostgresqlProcess
from market_assets_tests.free_ports import free_port

#: Far more than anything takes; only a hanging service meets it.
PATIENCE_SECONDS = 300
PORTS = ("5432", "6379", "4000", "3000")
_UNITS = {"s": 1, "m": 60}
#: What a service that listens on no port prints when it is about to work.
_PRINTED = {"daemon": b"Instance is configured with", "worker": b" ready."}


def wait_until(happens: Callable[[], bool], what: str, pause: float = 0.3) -> None:
    """Wait until something holds, looking again after pauses of some seconds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happens():
        assert time.monotonic() < deadline, f"it never happened: {what}"
        time.sleep(pause)


def as_in_a_container() -> list[str]:
    """What goes before a command so that it finds itself as in a container of docker-compose.yml.

    Signals do what they do by default, wherever the tests were started from; root may do no more than any user, as
    with `cap_drop: [ALL]`.
    """
    signals = ["env", "--default-signal"]
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return signals
    return [*signals, "setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]


@dataclass
class Running:
    """A container's place: its process, and what it printed."""

    service: Service
    number: int
    log: Path
    process: subprocess.Popen[bytes] | None = None
    #: How long the log was when the process was started.
    logged_before: int = 0


@dataclass
class Deployment:
    """All services of a composition on this machine, in a folder of their own under /tmp."""

    folder: Path
    composition: Composition
    environment: dict[str, str]
    sources: str
    ports: dict[str, str] = field(default_factory=lambda: {port: str(free_port()) for port in PORTS})
    running: dict[str, list[Running]] = field(default_factory=dict)
    postgresql: PostgresqlProcess | None = None

    def __post_init__(self) -> None:
        self.folder.chmod(0o755)
        self.app = self.folder / "app"
        for name in ("app", "data", "redis_data", "logs"):
            (self.folder / name).mkdir()
        for sources, destination in stages()[-1].copies():
            for source in sources:
                name = Path(source).name if destination.endswith("/") else destination
                shutil.copy(PROJECT / source, self.app / name)
        (self.app / "data").symlink_to(self.folder / "data")
        (self.app / "sources.yaml").write_text(self.sources, encoding="utf-8")
        self.app.chmod(0o555)
        self.files_of_app = self.files()

    # --- what a container sees ---

    def environment_of(self, service: Service) -> dict[str, str]:
        """Image, `.env`, service: each counts more than the one before."""
        image = stages()[-1].environment | {
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            "DAGSTER_HOME": str(self.app),
        }
        image |= {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
        said = {**image, **self.environment, **service.environment}
        hosts = dict.fromkeys(self.composition.services, "127.0.0.1")
        return {name: hosts.get(value) or self.mapped(value) for name, value in said.items()}

    def mapped(self, text: str, place: str = "") -> str:
        """A text of the file with this machine's names and ports in it."""
        names = "|".join(self.composition.services)
        text = re.sub(rf"(?<=[/@])({names})(?=:)", "127.0.0.1", text)
        text = re.sub(rf"\b({'|'.join(PORTS)})\b", lambda match: self.ports[match[0]], text)
        return text.replace("$(hostname)", place).replace("%h", place)

    def files(self) -> set[str]:
        """What lies in the image's folder; its volumes are elsewhere."""
        return {str(path.relative_to(self.app)) for path in self.app.rglob("*")}

    # --- start, stop ---

    def start(self, name: str) -> None:
        """Start a service and wait for its health check."""
        service = self.composition.services[name]
        if name == "postgres":
            self.postgresql = PostgresqlProcess(self.folder, int(self.ports["5432"]), service, self._log(name, 0))
            self.postgresql.start()
        elif not service.said.get("healthcheck"):
            done = self.run(name, *service.command)
            assert done.returncode == 0, f"{name}: {done.stdout}"
        else:
            self.running[name] = [self._begin(service, number) for number in range(1, service.replicas + 1)]
        self.wait_for_health(name)

    def start_all(self) -> None:
        for service in self.composition.in_order():
            self.start(service.name)

    def run(self, name: str, *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command to its end as `docker compose run SERVICE COMMAND` does."""
        return subprocess.run(
            as_in_a_container() + [self.mapped(word) for word in command],
            **self._how(self.composition.services[name]),
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def wait_for_health(self, name: str) -> None:
        service = self.composition.services[name]
        if "healthcheck" not in service.said:
            return
        places = self.running.get(name, [Running(service, 0, self._log(name, 0))])

        def has_begun(place: Running) -> bool:
            ended = place.process is not None and place.process.poll() is not None
            assert not ended, f"{name} ended: {place.log.read_text()[-3000:]}"
            return self._has_begun(place)

        # Most checks are programs that take as long to start as the services: begun, replicas are alike.
        for place in places:
            wait_until(partial(has_begun, place), f"{name} has begun; {place.log}")
        pause = _seconds(service.said["healthcheck"]["start_interval"])
        first = places[0]
        wait_until(lambda: has_begun(first) and self.is_healthy(first), f"{name} is healthy; {first.log}", pause)

    def _has_begun(self, place: Running) -> bool:
        """Whether a try of the health check may succeed."""
        if place.service.name in _PRINTED:
            return _PRINTED[place.service.name] in place.log.read_bytes()[place.logged_before :]
        (port,) = (self.ports[port] for port in PORTS if port in " ".join(place.service.health_test))
        with socket.socket() as attempt:
            return attempt.connect_ex(("127.0.0.1", int(port))) == 0

    def is_healthy(self, place: Running) -> bool:
        """One try of the health check, as it is written."""
        test = [self.mapped(word, self._host(place)) for word in place.service.health_test]
        how = self._how(place.service)
        if place.service.name == "postgres":
            assert self.postgresql is not None
            how["env"]["PATH"] = f"{self.postgresql.programs}:{how['env']['PATH']}"
        with contextlib.suppress(subprocess.TimeoutExpired):
            done = subprocess.run(test, **how, capture_output=True, timeout=60, check=False)
            return done.returncode == 0
        return False

    def stop(self, name: str) -> None:
        """End a service as Compose does, and within the time that it is given."""
        if name == "postgres":
            assert self.postgresql is not None
            self.postgresql.stop()
        grace = self.composition.services[name].said.get("stop_grace_period", "10s")
        for place in self.running.pop(name, []):
            assert place.process is not None
            place.process.send_signal(signal.SIGTERM)
            try:
                # A machine that does much else is slower than a server.
                place.process.wait(3 * _seconds(grace))
            except subprocess.TimeoutExpired:
                raise AssertionError(f"{name} did not end in time: {place.log.read_text()[-3000:]}") from None
            finally:
                _kill_group(place.process)

    def kill(self, name: str, number: int) -> None:
        """End one process of a service as a machine that fails does."""
        place = next(place for place in self.running[name] if place.number == number)
        assert place.process is not None
        _kill_group(place.process)
        place.process.wait()
        self.running[name].remove(place)

    def close(self) -> None:
        """End whatever still runs, in whatever state it is."""
        for places in self.running.values():
            for place in places:
                if place.process is not None:
                    _kill_group(place.process)
                    place.process.wait()
        if self.postgresql is not None:
            self.postgresql.stop()
        self.app.chmod(0o755)

    def _begin(self, service: Service, number: int) -> Running:
        place = Running(service, number, self._log(service.name, number))
        command = as_in_a_container() + [self.mapped(word, self._host(place)) for word in service.command]
        place.logged_before = place.log.stat().st_size if place.log.exists() else 0
        with place.log.open("ab") as log:
            how = self._how(service)
            if service.name == "redis":
                how["cwd"] = self.folder / "redis_data"
            place.process = subprocess.Popen(
                command, **how, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        return place

    def _how(self, service: Service) -> dict[str, Any]:
        return {"cwd": self.app, "env": self.environment_of(service)}

    def _log(self, name: str, number: int) -> Path:
        return self.folder / "logs" / f"{name}-{number}.log"

    def _host(self, place: Running) -> str:
        return f"{place.service.name}{place.number}"


def _seconds(duration: str) -> int:
    """The seconds of a duration as Compose writes it."""
    return int(duration[:-1]) * _UNITS[duration[-1]]


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def env_file(folder: Path, **values: str) -> Path:
    """An `.env` as a user makes it: the example, copied, with some values set at its end."""
    path = folder / ".env"
    shutil.copy(PROJECT / ".env.example", path)
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())
    return path


@contextlib.contextmanager
def deployment(folder: Path, sources: str, **values: str) -> Iterator[Deployment]:
    """A deployment with such an `.env` and such a `sources.yaml`; nothing of it is left in the end."""
    variables = variables_of(env_file(folder, **values))
    made = Deployment(folder, Composition(variables), variables, sources)
    try:
        yield made
    finally:
        made.close()
