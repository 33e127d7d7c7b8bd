"""`market-assets status` and `market-assets alerts test`, as people and programs read them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat

from market_assets.cli import status
from market_assets.operations.alerts.incidents import DAEMON_LOG, IncidentLog, Recipient, incident, save_log
from market_assets.store import schema
from market_assets.store.database import Database
from market_assets.store.schedule_overrides import Pause, pause
from market_assets_tests.cli.conftest import Invoke
from market_assets_tests.operations.alerts.receivers import Receiver, receiver

JOBS = {"daily_sample_ingestion", "refresh_market_stats", "cleanup_old_data", "rebuild_skill_relationships"}


@pytest.fixture
def database(project: Path) -> Database:
    database = Database(f"sqlite:///{project / 'data' / 'market.db'}")
    schema.upgrade(database)
    return database


@pytest.fixture
def instance(project: Path, invoke: Invoke) -> Iterator[dg.DagsterInstance]:  # noqa: ARG001 - sets the folder
    """The instance of the project's folder, with a daemon that is alive."""
    with dg.DagsterInstance.from_config(str(project)) as instance:
        for kind in instance.get_required_daemon_types():
            instance.add_daemon_heartbeat(DaemonHeartbeat(datetime.now(UTC).timestamp(), kind, "x", errors=[]))
        yield instance


@pytest.mark.usefixtures("database", "instance")
def test_nothing_is_wrong(invoke: Invoke) -> None:
    result = invoke("status")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Nothing is wrong\n")
    for words in (*JOBS, "0 queued, 0 running", "skill_demand never", "market.db, version", "GiB free"):
        assert words in result.stdout
    assert "set MARKET_ASSETS_ALERT_URLS" in result.stdout
    shown = json.loads(invoke("status", "--json").stdout)
    assert (shown["status"], shown["reasons"], shown["warnings"]) == ("ok", [], [])
    assert {job["id"] for job in shown["jobs"]} >= JOBS


def test_what_is_wrong_is_shown_with_exit_code_1(
    invoke: Invoke, database: Database, instance: dg.DagsterInstance
) -> None:
    now = datetime.now(UTC)
    failed = incident("run:x", "run", "refresh_market_stats failed", "skill_demand failed: locked\nRun 7", now)
    broken = Recipient("mailto://mail.example", failures=3, error="refused", error_at=now, retry_at=now)
    save_log(instance, DAEMON_LOG, IncidentLog((failed,), {"x": broken}, evaluated_at=now))
    pause(database.engine(), "cleanup_old_data", Pause(now, "ada", "the disk is being replaced"))
    result = invoke("status")
    assert result.exit_code == 1
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[0] == "2 things wrong"
    text = " ".join(lines)
    assert "alerts: mailto://mail.example can't be reached: refused" in text
    assert "run: refresh_market_stats failed, since" in text and "skill_demand failed: locked" in text
    assert "cleanup_old_data was paused by ada until someone resumes it: the disk is being replaced" in text
    shown = json.loads(invoke("status", "--json").stdout)
    assert shown["status"] == "failing" and len(shown["reasons"]) == len(shown["warnings"]) == 1
    (cleanup,) = [job for job in shown["jobs"] if job["id"] == "cleanup_old_data"]
    assert (cleanup["status"], cleanup["next_run"]) == ("paused", None)


def test_a_folder_where_nothing_has_run_yet(invoke: Invoke) -> None:
    result = invoke("status")
    assert result.exit_code == 1
    shown = " ".join(result.stdout.split())
    assert "the daemon has sent no heartbeat yet" in shown
    assert "data/market.db has no tables yet" in shown
    assert all(job in shown for job in JOBS)


@pytest.mark.usefixtures("instance")
def test_code_and_stores_that_fail_are_named_and_hide_nothing_else(
    invoke: Invoke, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "sources.yaml").write_text("sources: [{type: carrier-pigeon}]\n")
    (project / "data" / "market.db").write_bytes(b"no database" * 1_000)
    shown = json.loads(invoke("status", "--json").stdout)
    names = [reason.split(":")[0] for reason in shown["reasons"]]
    assert sorted(names) == ["code", "database"]
    assert "carrier-pigeon" in str(shown["reasons"]) and shown["disk"]["free_bytes"] > 0
    assert invoke("status").exit_code == 1

    def broken(*_arguments: object) -> None:
        raise OSError("connection refused")

    monkeypatch.setattr(status, "read_history", broken)
    assert "history: Dagster's storage does not answer: connection refused" in " ".join(
        invoke("status").stdout.split()
    )


def test_a_store_that_hangs_is_named(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()
    monkeypatch.setattr(status, "_TIMEOUT_SECONDS", 3.0)
    monkeypatch.setattr(status, "read_database", lambda _database: let_go.wait(120))
    try:
        shown = json.loads(invoke("status", "--json").stdout)
    finally:
        let_go.set()
    assert any(reason.startswith("database: the market database does not answer") for reason in shown["reasons"])


def test_spans() -> None:
    spans = [0, 59, 60, 119, 7_199, 7_200, 172_799, 172_800]
    assert [status._span(timedelta(seconds=seconds)) for seconds in spans] == [
        *("0 s", "59 s", "1 m", "1 m", "119 m", "2 h", "47 h", "2 d")
    ]
    assert status._span(timedelta(seconds=-5)) == "0 s"


# --- alerts test ---------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as received:
        yield received


def test_a_test_message_arrives(invoke: Invoke, server: Receiver) -> None:
    result = invoke("alerts", "test", MARKET_ASSETS_ALERT_URLS=server.url)
    assert (result.exit_code, result.stdout) == (0, f"sent    json://127.0.0.1:{server.port}\n")
    assert server.titles == ["a test"]
    assert "Nothing is wrong" in server.messages[0]["message"]


def test_one_that_fails_is_named_without_secrets(invoke: Invoke, server: Receiver) -> None:
    with receiver() as broken:
        broken.status = 500
        result = invoke("alerts", "test", MARKET_ASSETS_ALERT_URLS=f"{broken.url} {server.url}")
    assert result.exit_code == 1
    first, second = result.stdout.splitlines()
    assert first.startswith(f"failed  json://127.0.0.1:{broken.port}: ") and second.startswith("sent    json://")
    assert result.stderr.endswith("market-assets: 1 of 2 test messages failed\n")
    assert not any(secret in result.output for secret in ("open-sesame", "s3cret", "hook"))
    assert server.titles == ["a test"]


def test_nobody_to_tell(invoke: Invoke) -> None:
    result = invoke("alerts", "test")
    assert result.exit_code == 1
    assert (
        result.stderr == "market-assets: no one receives alerts: set MARKET_ASSETS_ALERT_URLS, see .env.example\n"
    )
