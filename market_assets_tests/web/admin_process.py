"""The web process as tests of the admin API run it: the real application, instance and code location."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.workspace.load_target import WorkspaceFileTarget
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from market_assets.dagster_ext.webserver import MarketProcessContext
from market_assets.settings import Settings
from market_assets.store import audit, schema
from market_assets.store.database import Database
from market_assets.store.tables.access import audit_log
from market_assets.store.tables.schedule_overrides import held_schedules, scheduled_jobs, scheduler_stops
from market_assets.store.users import add_user
from market_assets.web.auth.identity import IDENTITY_KEY, Identity, identity_of
from market_assets.web.server import WebProcess

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
"""
_WORKSPACE_YAML = """
load_from:
  - python_module: {module_name: market_assets.definitions, location_name: market_assets}
"""
_SOURCES_YAML = "sources:\n  - {type: sample, postings_per_day: 20}\n"


@dataclass
class AdminProcess:
    """A web process over an instance; `restarted` gives a new one over the same."""

    folder: Path
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
        with Database(self.settings.market_url).engine().begin() as connection:
            for table in (scheduled_jobs, held_schedules, scheduler_stops, audit_log):
                connection.execute(sa.delete(table))

    def wipe_dagster(self) -> None:
        """Remove Dagster's own history: runs, events, the states of schedules."""
        self.instance.wipe()
        self.instance.wipe_all_schedules()

    @contextmanager
    def restarted(self) -> Iterator[AdminProcess]:
        """Another process, begun later over the same instance and store."""
        with _process(self.folder, self.settings, self.tokens) as process:
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
        command = [sys.executable, "-m", "dagster._daemon", "run", "-w", str(self.folder / "workspace.yaml")]
        with (self.folder / "daemon.log").open("wb") as log:
            daemon = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, start_new_session=True)
            try:
                yield
            finally:
                daemon.terminate()
                try:
                    daemon.wait(20)
                except subprocess.TimeoutExpired:
                    daemon.kill()
                    daemon.wait()


@contextmanager
def admin_process(folder: Path, **settings_of_test: str) -> Iterator[AdminProcess]:
    """A web process in a folder of its own, with three users; further settings by the names of their variables."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("MARKET_ASSETS_")]:
            environment.delenv(name)
        environment.setenv("DAGSTER_HOME", str(folder))
        environment.setenv("DATABASE_URL", f"sqlite:///{folder / 'market.db'}")
        environment.setenv("MARKET_ASSETS_DATA_DIR", str(folder / "data"))
        environment.setenv("MARKET_ASSETS_SOURCES", str(folder / "sources.yaml"))
        for name, value in settings_of_test.items():
            environment.setenv(name, value)
        (folder / "dagster.yaml").write_text(_DAGSTER_YAML)
        (folder / "workspace.yaml").write_text(_WORKSPACE_YAML)
        (folder / "sources.yaml").write_text(_SOURCES_YAML)
        settings = Settings(_env_file=None)
        database = Database(settings.market_url)
        schema.upgrade(database)
        users = {
            name: add_user(database, name, role, "a hash that no password has")
            for name, role in (("alice", "admin"), ("anna", "admin"), ("victor", "viewer"))
        }
        with _process(folder, settings, {}) as process:
            for name, user in users.items():
                _session, process.tokens[name], _cookie = process.web.access.tokens.open_session(user)
            yield process


@contextmanager
def _process(folder: Path, settings: Settings, tokens: dict[str, str]) -> Iterator[AdminProcess]:
    target = WorkspaceFileTarget([str(folder / "workspace.yaml")])
    with (
        dg.DagsterInstance.from_config(str(folder)) as instance,
        MarketProcessContext(instance, target, user_of=identity_of) as context,
    ):
        web = WebProcess(context, settings)
        try:
            yield AdminProcess(folder, settings, instance, context, web, tokens)
        finally:
            web.api.state.database.pooled_engine().dispose()


def _selector(job: str) -> dict[str, str]:
    return {
        "repositoryLocationName": "market_assets",
        "repositoryName": "__repository__",
        "scheduleName": f"{job}_schedule",
    }


def with_identity(application: ASGIApp, user: str | None) -> ASGIApp:
    """An application as a viewer would reach it without the guard."""

    async def identified(scope: Scope, receive: Receive, send: Send) -> None:
        state = {IDENTITY_KEY: Identity(user, "viewer")} if user else {}
        await application({**scope, "state": state}, receive, send)

    return identified
