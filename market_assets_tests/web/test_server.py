"""The process as it is started, and what it takes for granted of Dagster's private parts."""

from __future__ import annotations

import http.client
import inspect
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster_graphql.schema import create_schema
from dagster_webserver.webserver import DagsterWebserver
from graphql import get_named_type

from market_assets import checked_settings
from market_assets.cli.main import main
from market_assets.dagster_ext.webserver import _TAGS_IN
from market_assets.store import schema, users
from market_assets.store.database import Database
from market_assets_tests.conftest import PROJECT
from market_assets_tests.free_ports import free_port
from market_assets_tests.web.whole_process import PASSWORD, WholeProcess, known_hash

#: Far more than anything takes; only a hanging program meets it.
PATIENCE_SECONDS = 300
CHANGED = (
    f"Dagster {dg.__version__} has changed what market_assets.dagster_ext.graphql_server, .request_context and "
    ".webserver build on: look at these files before the pinned version is raised. "
)


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_dagsters_private_parts_are_as_they_were() -> None:
    """What `dagster_ext.webserver` overrides or calls, though none of it is public."""
    context = ["self", "instance", "current_workspace", "process_context", "version", "source", "read_only"]
    assert parameters(WorkspaceRequestContext.__init__)[:7] == context, CHANGED
    process = ["self", "instance", "workspace_load_target", "version", "read_only"]
    assert parameters(WorkspaceProcessContext.__init__)[:5] == process, CHANGED
    assert parameters(WorkspaceProcessContext.create_request_context) == ["self", "source"], CHANGED
    server = ["self", "process_context", "app_path_prefix", "live_data_poll_rate"]
    assert parameters(DagsterWebserver.__init__)[:4] == server, CHANGED
    for name in ("build_graphql_schema", "create_asgi_app", "get_current_workspace"):
        owner = WorkspaceProcessContext if name == "get_current_workspace" else DagsterWebserver
        assert callable(getattr(owner, name, None)), f"{CHANGED}{name} is gone"
    ways = {
        "graphql_http_endpoint": ["self", "request"],
        "graphql_ws_endpoint": ["self", "websocket"],
        "gen_graphql_response": ["self", "request_context", "query", "variables", "operation_name"],
        "execute_graphql_request": ["self", "request", "query", "variables", "operation_name"],
        "graphql_execution_thread": ["self", "request", "query", "variables", "operation_name"],
        "execute_graphql_subscription": [
            *("self", "websocket", "operation_id", "query", "variables", "operation_name")
        ],
        "_determine_status_code": ["self", "resolver_errors", "captured_errors"],
        "make_csp_header": ["self", "nonce"],
        "download_captured_logs_endpoint": ["self", "request"],
        "download_debug_file_endpoint": ["self", "request"],
    }
    for name, taken in ways.items():
        assert parameters(getattr(DagsterWebserver, name)) == taken, f"{CHANGED}{name}"
    for name in ("materialization", "check", "observation"):
        endpoint = getattr(DagsterWebserver, f"report_asset_{name}_endpoint", None)
        assert inspect.iscoroutinefunction(endpoint) and parameters(endpoint) == ["self", "request"], CHANGED
    read_only = "read_only" in inspect.getsource(WorkspaceRequestContext.permissions.fget)
    assert read_only, f"{CHANGED}permissions do not follow from read_only"


def test_every_mutation_that_starts_runs_can_be_tagged() -> None:
    types = create_schema().graphql_schema.type_map
    mutations = create_schema().graphql_schema.mutation_type
    assert mutations is not None
    starting = {"ExecutionParams", "ReexecutionParams", "LaunchBackfillParams"}
    for name, field in mutations.fields.items():
        assert field.resolve is not None, f"{CHANGED}{name} has no resolver"
        for argument, kind in field.args.items():
            holds_tags = any("tags" in inner.lower() for inner in getattr(get_named_type(kind.type), "fields", {}))
            if get_named_type(kind.type).name in starting or holds_tags:
                assert argument in _TAGS_IN, f"{CHANGED}{name} takes tags in {argument}"
    places = {"ExecutionMetadata": "tags", "ReexecutionParams": "extraTags", "LaunchBackfillParams": "tags"}
    for type_name, place in places.items():
        assert str(types[type_name].fields[place].type) == "[ExecutionTag!]", CHANGED
    assert set(types["ExecutionTag"].fields) == {"key", "value"}, CHANGED


def test_the_report(web: WholeProcess) -> None:
    client = web.signed_in("vic")
    missing = client.get("/market/report")
    assert missing.status_code == 404 and "no market report yet" in missing.text
    web.settings.report_path.parent.mkdir(parents=True, exist_ok=True)
    web.settings.report_path.write_text("<!doctype html><title>The market</title>")
    report = client.get("/market/report")
    assert (report.status_code, report.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "The market" in report.text
    assert web.client().get("/market/report").status_code == 401


def test_the_ui_and_its_files(web: WholeProcess) -> None:
    client = web.signed_in("vic")
    page = client.get("/")
    assert page.status_code == 200 and "nonce-" in page.headers["content-security-policy"]
    script = page.text.split('src="/')[1].split('"')[0]
    assert client.get(f"/{script}").status_code == 200
    assert web.client().get(f"/{script}").status_code == 401


# --- as a process of its own -------------------------------------------------------------------


def environment(folder: Path, **variables: str) -> dict[str, str]:
    ours = ("MARKET_ASSETS_", "DAGSTER_", "DATABASE_URL", "JWT_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {
        **inherited,
        "MARKET_ASSETS_DATA_DIR": str(folder / "data"),
        "DAGSTER_HOME": str(folder),
        "PYTHONPATH": str(PROJECT),
        **variables,
    }


NO_KEY = r"market-assets: JWT_SECRET_KEY: .*; make one with: .*\n"


@pytest.mark.parametrize("command", ["web", "serve"])
def test_no_command_starts_it_without_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    (tmp_path / "dagster.yaml").write_text("")
    variables = {"MARKET_ASSETS_HOST": "0.0.0.0", "MARKET_ASSETS_DATA_DIR": "data", "DAGSTER_HOME": str(tmp_path)}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    checked_settings.get_settings.cache_clear()
    ended = CliRunner().invoke(main, [command])
    checked_settings.get_settings.cache_clear()
    assert ended.exit_code == 2, ended.output
    assert re.fullmatch(NO_KEY, ended.stderr)
    assert not (tmp_path / "data").exists()


@contextmanager
def running(folder: Path) -> Iterator[int]:
    """The web process with a workspace without code; the port that it listens on."""
    (folder / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    (folder / "workspace.yaml").write_text("load_from: []\n")
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "market_assets.web.server", "workspace.yaml"],
        env=environment(folder, MARKET_ASSETS_PORT=str(port)),
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            assert process.poll() is None and time.monotonic() < deadline, "the web process did not start"
            with socket.socket() as attempt:
                if attempt.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        _, output = process.communicate(timeout=PATIENCE_SECONDS)
    assert "Traceback" not in output, output


def ask(port: int, path: str, method: str = "GET", body: Any = None, **headers: str) -> tuple[int, bytes]:
    """A request as it is written here: clients tidy paths up."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    content = None if body is None else json.dumps(body)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, content, {"Content-Type": "application/json", **sent})
    answer = connection.getresponse()
    read = answer.status, answer.read()
    connection.close()
    return read


@pytest.mark.slow
def test_a_process_that_is_started(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'data' / 'market.db'}")
    schema.upgrade(database)
    users.add_user(database, "ada", "admin", known_hash(PASSWORD))
    with running(tmp_path) as port:
        assert ask(port, "/health/live") == (200, b'{"status":"ok"}')
        status, answer = ask(port, "/health", X_Forwarded_For="203.0.113.9")
        assert (status, json.loads(answer)) == (503, {"status": "failing", "reasons": ["code", "daemon"]})
        assert ask(port, "/server_info")[0] == 401
        assert ask(port, "/metrics")[0] == 200
        # The server itself must not believe what anybody on this machine says of where a request comes from.
        assert ask(port, "/metrics", X_Forwarded_For="127.0.0.1")[0] == 401
        assert ask(port, "/metrics", X_Forwarded_For="203.0.113.9")[0] == 401
        status, answer = ask(port, "/api/auth/login", "POST", {"username": "ada", "password": PASSWORD})
        assert status == 200
        bearer = f"Bearer {json.loads(answer)['access_token']}"
        assert ask(port, "/server_info", Authorization=bearer)[0] == 200
        assert ask(port, "/graphql", "POST", {"query": "{version}"}, Authorization=bearer)[0] == 200
        for path in ("/logs/../../data/market/db", "/logs/..//x/y", "/../../etc/hosts", "/logs/%2e%2e/a/b"):
            assert ask(port, path, Authorization=bearer)[0] == 400, path
        for path in ("//server_info", "/health/../server_info", "/./server_info", "/login/../graphql"):
            assert ask(port, path)[0] in (400, 401), path
        users.add_user(database, "eve", "admin", known_hash(PASSWORD))
        users.remove_user(database, "ada")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while ask(port, "/server_info", Authorization=bearer)[0] != 401:
            assert time.monotonic() < deadline
