"""The web process as tests of the admin API run it: the real application, instance and code location."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster._core.workspace.load_target import WorkspaceFileTarget
from starlette.testclient import TestClient

from market_assets.dagster_ext.workspace import MarketProcessContext
from market_assets.settings import Settings
from market_assets.store import audit, schema
from market_assets.store.database import Database
from market_assets.store.tables.administration import audit_log, job_executions, scheduled_jobs, scheduler_stops
from market_assets.store.users import add_user
from market_assets.web.auth.credentials import identity_of
from market_assets.web.server import WebProcess
from market_assets_tests.free_ports import free_port

SCHEDULER = "/api/admin/scheduler"
INGESTION, REFRESH = "daily_sample_ingestion", "refresh_market_stats"
CLEANUP, REBUILD = "cleanup_old_data", "rebuild_skill_relationships"
PRUNE, REEXTRACTION = "prune_history", "reextract_skills"
#: In the order of the list.
JOBS = [CLEANUP, INGESTION, PRUNE, REBUILD, REFRESH]
_DAGSTER_YAML = """
run_coordinator:
  module: dagster._core.run_coordinator
  class: QueuedRunCoordinator
  config: {dequeue_interval_seconds: 1}
telemetry: {enabled: false}
nux: {enabled: false}
"""
_WORKSPACE_YAML = """
load_from:
  - grpc_server: {{host: 127.0.0.1, port: {port}, location_name: market_assets}}
"""
_READY_SECONDS = 300
_SOURCES_YAML = "sources:\n  - {type: sample, postings_per_day: 20}\n"


@dataclass
class AdminProcess:
    """A web process over an instance and a code server; `restarted` gives a new one over the same."""

    folder: Path
    environment: dict[str, str]
    settings: Settings
    instance: dg.DagsterInstance
    context: MarketProcessContext
    web: WebProcess
    tokens: dict[str, str]

    def client(self, user: str | None = "alice") -> TestClient:
        """A client that has signed in: alice and anna are admins, victor is a viewer."""
        headers = {"Authorization": f"Bearer {self.tokens[user]}"} if user else {}
        return TestClient(self.web.application, headers=headers)

    def reset(self) -> None:
        """Forget everything that a test did."""
        self.wipe_dagster()
        database = Database(self.settings.market_url)
        with database.engine().begin() as connection, database.accounts.engine().begin() as of_accounts:
            for table in (scheduled_jobs, scheduler_stops, job_executions):
                connection.execute(sa.delete(table))
            of_accounts.execute(sa.delete(audit_log))

    def wipe_dagster(self) -> None:
        """Remove Dagster's own history: runs, events, the states of schedules."""
        self.instance.wipe()
        self.instance.wipe_all_schedules()

    @contextmanager
    def restarted(self) -> Iterator[AdminProcess]:
        """Another process, begun later over the same instance and store."""
        with _process(self.folder, self.environment, self.settings, self.tokens) as process:
            yield process

    def schedule_runs(self, job: str) -> bool:
        """What Dagster's UI shows of a job's schedule."""
        return self.instigator(job)["status"] == "RUNNING"

    def instigator(self, job: str) -> dict[str, Any]:
        answer = self.graphql(
            "query ($selector: ScheduleSelector!) { scheduleOrError(scheduleSelector: $selector)"
            " { ... on Schedule { scheduleState { id status } } } }",
            {"selector": _selector(job)},
        )
        state: dict[str, Any] = answer["scheduleOrError"]["scheduleState"]
        return state

    def start_in_ui(self, job: str) -> None:
        self.graphql(
            "mutation ($selector: ScheduleSelector!)"
            " { startSchedule(scheduleSelector: $selector) { __typename } }",
            {"selector": _selector(job)},
        )

    def stop_in_ui(self, job: str) -> None:
        self.graphql(
            "mutation ($id: String!) { stopRunningSchedule(id: $id) { __typename } }",
            {"id": self.instigator(job)["id"]},
        )

    def graphql(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        answer = self.client().post("/graphql", json={"query": query, "variables": variables})
        assert answer.status_code == 200, answer.text
        assert "errors" not in answer.json(), answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    def audit(self) -> list[tuple[str, str, str, str]]:
        """Who, action, target and result of each entry, oldest first."""
        entries = audit.read(Database(self.settings.market_url))
        return [(entry["who"], entry["action"], entry["target"], entry["result"]) for entry in reversed(entries)]

    @contextmanager
    def daemon(self) -> Iterator[None]:
        """Dagster's daemon, as a process of its own."""
        arguments = ["-m", "dagster._daemon", "run", "-w", str(self.folder / "workspace.yaml")]
        with _program("daemon", arguments, self.folder, self.environment):
            yield


@contextmanager
def admin_process(folder: Path, **settings_of_test: str) -> Iterator[AdminProcess]:
    """A web process in a folder of its own, with three users; further settings by the names of their variables.

    Args:
        folder: an empty one.
        settings_of_test: further environment variables of the code server and the daemon.
    """
    variables = {
        "MARKET_ASSETS_START": "2020-01-01",
        "DATABASE_URL": f"sqlite:///{folder / 'market.db'}",
        "MARKET_ASSETS_DATA_DIR": str(folder / "data"),
        "MARKET_ASSETS_SOURCES": str(folder / "sources.yaml"),
        **settings_of_test,
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MARKET_ASSETS_")}
    environment = {**inherited, **variables, "DAGSTER_HOME": str(folder)}
    port = free_port()
    (folder / "dagster.yaml").write_text(_DAGSTER_YAML)
    (folder / "workspace.yaml").write_text(_WORKSPACE_YAML.format(port=port))
    (folder / "sources.yaml").write_text(_SOURCES_YAML)
    settings = Settings(_env_file=None, **variables)
    database = Database(settings.market_url)
    schema.upgrade(database)
    users = {
        name: add_user(database, name, role, "a hash that no password has")
        for name, role in (("alice", "admin"), ("anna", "admin"), ("victor", "viewer"))
    }
    arguments = ["-m", "market_assets.dagster_ext.code_server", "--module-name", "market_assets.definitions"]
    arguments += ["--host", "127.0.0.1", "--port", str(port), "--location-name", "market_assets"]
    with _program("code_server", arguments, folder, environment) as code_server:
        deadline = time.monotonic() + _READY_SECONDS
        while not _answers(port):
            assert code_server.poll() is None and time.monotonic() < deadline, "the code server does not answer"
            time.sleep(0.05)
        with _process(folder, environment, settings, {}) as process:
            for name, user in users.items():
                process.tokens[name], _cookie = process.web.tokens.open_session(user)
            yield process


def _answers(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def _program(
    name: str, arguments: list[str], folder: Path, environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A Python program that runs in a folder until it is ended."""
    with (folder / f"{name}.log").open("wb") as log:
        program = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield program
        finally:
            program.terminate()
            try:
                program.wait(20)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()


@contextmanager
def _process(
    folder: Path, environment: dict[str, str], settings: Settings, tokens: dict[str, str]
) -> Iterator[AdminProcess]:
    target = WorkspaceFileTarget([str(folder / "workspace.yaml")])
    with (
        dg.DagsterInstance.from_config(str(folder)) as instance,
        MarketProcessContext(instance, target, user_of=identity_of) as context,
    ):
        web = WebProcess(context, settings)
        try:
            yield AdminProcess(folder, environment, settings, instance, context, web, tokens)
        finally:
            web.database.pooled_engine().dispose()


def _selector(job: str) -> dict[str, str]:
    return {
        "repositoryLocationName": "market_assets",
        "repositoryName": "__repository__",
        "scheduleName": f"{job}_schedule",
    }
