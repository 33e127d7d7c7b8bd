"""A machine as a user runs it: code server, daemon and commands, each a process that can be killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import dagster as dg
from dagster._cli.job import execute_launch_command
from dagster_shared.cli import WorkspaceOpts

from market_assets.operations.executions import cause_of_event
from market_assets_tests.cli.programs import environment, make_project

T = TypeVar("T")
#: Much more than anything takes on a busy machine.
PATIENCE_SECONDS = 300
#: No schedule comes due while a test runs.
NEVER = "0 0 29 2 1"
CRONS = {f"MARKET_ASSETS_{job}_CRON": NEVER for job in ("INGESTION", "REFRESH", "CLEANUP", "REBUILD")}


class Machine:
    """A project folder and the processes that run in it; all carry a mark, so that none is left behind."""

    #: The processes that were started last, each to be killed by a test.
    code_server: subprocess.Popen[bytes]
    daemon: subprocess.Popen[bytes]

    def __init__(self, folder: Path, code_port: int, **settings: str) -> None:
        self.folder = make_project(folder)
        self.settings = settings
        self._mark = f"mark-{uuid4()}"
        self._port = code_port
        (folder / "workspace.yaml").write_text(
            f"load_from:\n  - grpc_server: {{host: 127.0.0.1, port: {code_port}, location_name: market_assets}}\n"
        )

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a module of Python with arguments, in a session of its own."""
        changes = {**CRONS, **self.settings, "TEST_MARK": self._mark}
        with (self.folder / "processes.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=self.folder,
                env=environment(DAGSTER_HOME=str(self.folder), **changes),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_code_server(self) -> None:
        """Start it and wait until it answers."""
        code = ["-m", "market_assets.definitions", "--location-name", "market_assets"]
        address = ["--host", "127.0.0.1", "--port", str(self._port)]
        self.code_server = self.start("market_assets.dagster_ext.code_server", *code, *address)
        eventually(self._answers, "an answer of the code server")

    def start_daemon(self) -> None:
        self.daemon = self.start("dagster._daemon", "run", "-w", "workspace.yaml")

    def launch(self, instance: dg.DagsterInstance, job: str, **tags: str) -> str:
        """Queue a run, as `dagster job launch` and the UI do; returns its id."""
        workspace = WorkspaceOpts(workspace=(str(self.folder / "workspace.yaml"),))
        return execute_launch_command(
            instance=instance, workspace_opts=workspace, job_name=job, tags=json.dumps(tags)
        ).run_id

    def execute(self, job: str) -> subprocess.Popen[bytes]:
        """Run a job in a process of its own, from a terminal."""
        return self.start("dagster", "job", "execute", "-m", "market_assets.definitions", "-j", job)

    def _answers(self) -> bool:
        with socket.socket() as attempt:
            return attempt.connect_ex(("127.0.0.1", self._port)) == 0

    def log(self) -> str:
        return (self.folder / "processes.log").read_text(errors="replace")

    def processes(self) -> dict[int, str]:
        """pid → command line of each living process of this machine."""
        found = {}
        for folder in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if folder.name.isdigit() and self._mark.encode() in (folder / "environ").read_bytes():
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        return found

    def kill(self, *pids: int) -> None:
        """SIGKILL: nobody can tidy up. Together, for a moment stopped, so that none sees another die."""
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)

    def end(self) -> None:
        while pids := self.processes():
            self.kill(*pids)
            time.sleep(0.05)


@contextlib.contextmanager
def machine(folder: Path, code_port: int, **settings: str) -> Iterator[Machine]:
    """A machine whose processes end with the block."""
    made = Machine(folder, code_port, **settings)
    try:
        yield made
    finally:
        made.end()


@contextlib.contextmanager
def instance_of(folder: Path) -> Iterator[dg.DagsterInstance]:
    """Dagster's instance of a project folder, to look at what it has recorded."""
    with contextlib.chdir(folder), dg.DagsterInstance.from_config(str(folder)) as instance:
        yield instance


def why_it_failed(instance: dg.DagsterInstance, run_id: str) -> str:
    (entry,) = instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    return cause_of_event(instance, run_id, entry.get_dagster_event())


def eventually(happens: Callable[[], T], what: str = "what was waited for") -> T:
    """Wait until something is true, and return it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (answer := happens()):
        assert time.monotonic() < deadline, f"{what} never happened"
        time.sleep(0.2)
    return answer
