"""`market-assets serve`: every process of it, started for real, asked over HTTP, and ended."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from market_assets.cli.service import Service
from market_assets.store import schema
from market_assets.store.database import Database
from market_assets.store.users import add_user
from market_assets.web.auth.credentials import hash_password
from market_assets_tests.cli.conftest import Invoke
from market_assets_tests.cli.programs import PATIENCE_SECONDS, PROGRAMS, environment, make_project
from market_assets_tests.free_ports import free_port

pytestmark = pytest.mark.slow

PASSWORD = "a long password of the test's own"
SCHEDULED = {
    "daily_sample_ingestion_schedule",
    "refresh_market_stats_schedule",
    "cleanup_old_data_schedule",
    "rebuild_skill_relationships_schedule",
    "prune_history_schedule",
}
#: The first words of the lines that are printed when everything is ready.
ADDRESSES = ["Dagster's UI", "Job market", "API", "Sign in as", "Logs", "Ctrl-C"]
RUN_LINE = r"\d\d:\d\d:\d\d [0-9a-f]{8} \w+ (running|success)\b.*"
LOGS = {"code_server.log", "daemon.log", "web_process.log"}
DAEMONS = {"SCHEDULER", "QUEUED_RUN_COORDINATOR", "SENSOR"}


@dataclass
class Server:
    """A running `market-assets serve`, and all processes that carry its mark."""

    project: Path
    process: subprocess.Popen[str]
    port: int
    mark: str
    token: str = ""
    lines: list[str] = field(default_factory=list)

    def wait_for_line(self, text: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if text in line:
                return
        raise AssertionError(f"ended without {text!r}: {self.lines}")

    def ask(self, path: str, body: Any = None, method: str | None = None) -> tuple[int, str]:
        """Status and body of an answer; signed in once there is a token."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method)
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def query(self, text: str) -> Any:
        status, body = self.ask("/graphql", {"query": text})
        assert status == 200, body
        return json.loads(body)["data"]

    def processes(self) -> dict[int, str]:
        """pid → command line of each living process that it started, itself included."""
        found = {}
        for folder in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if folder.name.isdigit() and self.mark.encode() in (folder / "environ").read_bytes():
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        return found

    def pid_of(self, command: str) -> int:
        return next(pid for pid, line in self.processes().items() if command in line)

    def end(self) -> int:
        """Wait for its end; returns the exit code."""
        rest, _ = self.process.communicate(timeout=PATIENCE_SECONDS)
        self.lines += rest.splitlines()
        return self.process.returncode


def eventually(happens: Callable[[], bool], pause: float = 0.3) -> None:
    """Wait until something holds, looking again after pauses of some seconds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happens():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(pause)


@contextlib.contextmanager
def serving(project: Path) -> Iterator[Server]:
    """The command in a project's folder; whatever it has started is gone after the block."""
    port, mark = free_port(), f"mark-{uuid4()}"
    process = subprocess.Popen(
        [PROGRAMS / "market-assets", "serve", "--port", str(port)],
        cwd=project,
        env=environment(TEST_MARK=mark),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    server = Server(project, process, port, mark)
    try:
        yield server
    finally:
        for pid in sorted(server.processes()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """What is up until the last test of it has ended it."""
    project = make_project(tmp_path_factory.mktemp("serve") / "project")
    database = Database(f"sqlite:///{project / 'data/market.db'}")
    schema.make_folder(database)
    schema.upgrade(database)
    add_user(database, "tester", "admin", hash_password(PASSWORD))
    with serving(project) as server:
        server.wait_for_line("Ctrl-C")
        yield server


def sign_in(server: Server) -> None:
    status, body = server.ask("/api/auth/login", {"username": "tester", "password": PASSWORD})
    assert status == 200, body
    server.token = json.loads(body)["access_token"]


def healthy_daemons(server: Server) -> set[str]:
    answer = server.query("{ instance { daemonHealth { allDaemonStatuses { daemonType healthy } } } }")
    statuses = answer["instance"]["daemonHealth"]["allDaemonStatuses"]
    return {status["daemonType"] for status in statuses if status["healthy"]}


def test_it_serves_and_runs_jobs(server: Server) -> None:
    assert_no_other_account_reaches_the_code_server(server.project)
    assert server.ask("/server_info")[0] == 401
    for command in ("dagster_ext.code_server", "dagster._daemon run", "market_assets.web.server"):
        libraries = Path(f"/proc/{server.pid_of(command)}/maps").read_text()
        # Nobody has asked about the market yet.
        assert ("cygrpc" in libraries, "polars" in libraries) == (True, False), command
    sign_in(server)
    status, info = server.ask("/server_info")
    assert (status, "dagster_version" in info) == (200, True)
    eventually(lambda: healthy_daemons(server) >= DAEMONS, pause=1)

    repositories = server.query(
        "{ repositoriesOrError { ... on RepositoryConnection { nodes { location { name } "
        "schedules { name scheduleState { status } } } } } }"
    )
    (repository,) = repositories["repositoriesOrError"]["nodes"]
    assert repository["location"]["name"] == "market_assets"
    states = {schedule["name"]: schedule["scheduleState"]["status"] for schedule in repository["schedules"]}
    assert states == dict.fromkeys(SCHEDULED, "RUNNING")

    status, page = server.ask("/market/report")
    assert (status, "There is no market report yet" in page) == (404, True)
    triggered = "/api/admin/scheduler/jobs/refresh_market_stats/trigger?wait=120"
    status, body = server.ask(triggered, {}, method="POST")
    assert (status, json.loads(body)["result"]["status"]) == (200, "success")
    status, page = server.ask("/market/report")
    assert (status, page) == (
        200,
        (server.project / "data/reports/market_report.html").read_text(encoding="utf-8"),
    )

    server.wait_for_line("refresh_market_stats success")
    assert len(server.processes()) >= 4
    address, *runs = server.lines[:6], *server.lines[6:]
    assert [line.startswith(word) for word, line in zip(ADDRESSES, address, strict=True)] == [True] * 6, address
    assert f"http://127.0.0.1:{server.port}/market" in address[1]
    assert address[3].endswith("tester (admin)")
    assert all(re.fullmatch(RUN_LINE, line) for line in runs), "nothing else is printed"
    assert {path.name for path in (server.project / "data/logs").iterdir()} == LOGS


def test_a_process_that_is_killed_is_started_again_and_ctrl_c_ends_all(server: Server) -> None:
    for command in ("dagster_ext.code_server", "dagster._daemon run", "market_assets.web.server"):
        eventually(lambda command=command: any(command in line for line in server.processes().values()))  # type: ignore[misc]
        kill_and_wait(server, command)
    eventually(lambda: signs_in(server))
    eventually(lambda: healthy_daemons(server) >= DAEMONS, pause=1)
    triggered = "/api/admin/scheduler/jobs/prune_history/trigger?wait=120"
    eventually(lambda: server.ask(triggered, {}, method="POST")[0] == 200)
    server.process.send_signal(signal.SIGINT)
    assert server.end() == 0
    for name in ("daemon", "web process", "code server"):
        assert f"market-assets: the {name} ended with exit code -9; it is started again in 1 s" in server.lines
    eventually(lambda: server.processes() == {})


def test_it_ends_while_it_starts(project: Path) -> None:
    with serving(project) as server:
        eventually(lambda: any("dagster_ext.code_server" in line for line in server.processes().values()))
        server.process.send_signal(signal.SIGTERM)
        assert server.end() == 0
        eventually(lambda: server.processes() == {})
        assert server.lines == []


def kill_and_wait(server: Server, command: str) -> None:
    """Kill the process with a command line, and wait for another one with it."""
    killed = server.pid_of(command)
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: any(command in line and pid != killed for pid, line in server.processes().items()))


def signs_in(server: Server) -> bool:
    with contextlib.suppress(urllib.error.URLError, ConnectionError):
        sign_in(server)
        return True
    return False


def assert_no_other_account_reaches_the_code_server(project: Path) -> None:
    workspace = (project / "data/serve-workspace.yaml").read_text(encoding="utf-8")
    (address,) = re.findall(r"socket: (.*)", workspace)
    assert stat.S_IMODE(Path(address).parent.stat().st_mode) == 0o700
    listening = {line.split()[-1] for line in Path("/proc/net/unix").read_text().splitlines() if address in line}
    assert listening == {address}
    if os.getuid() == 0:
        assert is_refused_to_another_account(address)


#: Connects to a socket as nobody; ends with 13 where that is refused.
CONNECTING = """
    import os, socket, sys
    os.setgid(65534)
    os.setuid(65534)
    try:
        socket.socket(socket.AF_UNIX).connect(sys.argv[1])
    except PermissionError:
        sys.exit(13)
"""


def is_refused_to_another_account(address: str) -> bool:
    """Whether a process of another user can't connect to a socket; asked without a fork of this large one."""
    asking = [sys.executable, "-c", textwrap.dedent(CONNECTING), address]
    return subprocess.run(asking, check=False).returncode == 13


def test_a_process_that_ends_too_often_is_given_up() -> None:
    service = Service("daemon", [sys.executable, "-c", "raise SystemExit(3)"])
    service.start(environment())
    assert service.process is not None
    assert service.process.wait() == 3
    assert service.keep_running(environment())
    assert service.due is not None
    service.due, service.restarts = None, [time.monotonic()] * 5
    assert not service.keep_running(environment())
    assert service.ending == "the daemon ended with exit code 3"
    service.restarts = [time.monotonic() - 601] * 5
    assert service.keep_running(environment())


def test_a_taken_port_is_refused_in_one_line(invoke: Invoke) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = invoke("serve", MARKET_ASSETS_PORT=port)
    assert ended.exit_code == 2
    (line,) = ended.stderr.splitlines()
    assert line == f"market-assets: MARKET_ASSETS_PORT: 127.0.0.1:{port} can't be used: Address already in use"
    assert ended.stdout == ""


def test_wrong_sources_are_refused_in_one_line_before_anything_starts(invoke: Invoke, project: Path) -> None:
    (project / "sources.yaml").write_text("sources: [{type: carrier pigeon}]")
    ended = invoke("serve")
    assert ended.exit_code == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith("market-assets: MARKET_ASSETS_SOURCES: sources.yaml: source 1")
    assert ended.stdout == ""


def test_a_process_that_ends_at_once_is_quoted(tmp_path: Path) -> None:
    service = Service("daemon", [sys.executable, "-c", "print('one'); raise SystemExit('market-assets: no room')"])
    service.log = tmp_path / "daemon.log"
    service.start(environment())
    assert service.process is not None
    assert service.process.wait() == 1
    assert service.last_words == f": no room (all of it is in {service.log})"


def test_a_data_folder_that_others_may_look_into_is_named(invoke: Invoke, project: Path) -> None:
    (project / "data").mkdir(exist_ok=True)
    (project / "data").chmod(0o755)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = invoke("serve", MARKET_ASSETS_PORT=str(taken.getsockname()[1]))
    assert ended.stdout == "Other accounts may look into data: `chmod 700` it, unless they should\n"
    assert stat.S_IMODE((project / "data").stat().st_mode) == 0o755
