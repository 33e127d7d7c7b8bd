"""Runs that were triggered over the admin API and end, and what the daemon does by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from market_assets.operations.executions import duration_of
from market_assets.store import schedule_overrides
from market_assets.store.database import Database
from market_assets.store.schedule_overrides import Pause
from market_assets_tests.web.admin_calls import PATIENCE, executions, listening, trigger, until
from market_assets_tests.web.admin_process import (
    CLEANUP,
    INGESTION,
    REBUILD,
    REFRESH,
    SCHEDULER,
    AdminProcess,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def daemon(shared_admin: AdminProcess) -> Iterator[AdminProcess]:
    """The process with a daemon that finds a pause which is over; nothing else is on the schedule meanwhile."""
    shared_admin.reset()
    alice = shared_admin.client()
    for job in (INGESTION, REFRESH, REBUILD):
        assert alice.post(f"{SCHEDULER}/jobs/{job}/pause").status_code == 200
    assert alice.post(f"{SCHEDULER}/jobs/{CLEANUP}/pause", json={"reason": "over soon"}).status_code == 200
    now = datetime.now(UTC)
    engine = Database(shared_admin.settings.market_url).engine()
    over = Pause(now - timedelta(seconds=30), "alice", "over soon", now - timedelta(seconds=1))
    schedule_overrides.pause(engine, CLEANUP, over)
    with shared_admin.daemon():
        yield shared_admin


def test_runs_end_and_are_listed(daemon: AdminProcess) -> None:
    alice = daemon.client()
    with alice, listening(alice) as listener:
        listener.next(type="heartbeat")
        content = trigger(alice, INGESTION, {"partition": "2026-01-31"}, status=200, wait=PATIENCE)
        assert content.keys() == {"success", "message", "run_id", "timestamp", "result"}
        assert content["result"].keys() == {"status", "duration", "error"}
        assert (content["result"]["status"], content["result"]["error"]) == ("success", None), content
        assert content["result"]["duration"] > 0
        # It may have left the queue before anyone looked; how it ended is sent in any case.
        listener.next(type="run", run_id=content["run_id"], status="success")
    (shown,) = executions(alice, job_id=INGESTION)
    assert (shown["status"], shown["duration"]) == ("success", content["result"]["duration"])
    assert datetime.fromisoformat(shown["started_at"]) < datetime.now(UTC)
    record = daemon.instance.get_run_record_by_id(content["run_id"])
    assert record is not None
    assert duration_of(record) == shown["duration"]
    assert alice.get(f"{SCHEDULER}/status").json()["scheduler"]["daemon_healthy"] is True


def test_a_failed_run_names_its_cause(daemon: AdminProcess) -> None:
    alice = daemon.client()
    # Without what was landed for that day there is nothing to ingest, and a file is no folder.
    blocked = daemon.settings.data_dir / "landing"
    if blocked.is_dir():
        blocked.rename(blocked.with_name("landing.aside"))
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("not a folder")
    try:
        content = trigger(alice, INGESTION, {"partition": "2026-02-01"}, status=200, wait=PATIENCE)
    finally:
        blocked.unlink()
    assert content["result"]["status"] == "failed"
    assert content["result"]["error"].startswith("raw_postings/sample failed: ")
    assert "\n" not in content["result"]["error"]
    (shown,) = executions(alice, status="failed")
    assert (shown["run_id"], shown["error"]) == (content["run_id"], content["result"]["error"])
    assert alice.get(f"{SCHEDULER}/jobs/{INGESTION}").json()["job"]["last_status"] == "failed"


def test_the_daemon_ends_a_pause_by_itself(daemon: AdminProcess) -> None:
    until(lambda: daemon.schedule_runs(CLEANUP))
    engine = Database(daemon.settings.market_url).engine()
    until(lambda: schedule_overrides.read_overrides(engine).pause_of(CLEANUP) is None)
    content = daemon.client().get(f"{SCHEDULER}/jobs/{CLEANUP}").json()["job"]
    assert content["status"] == "scheduled"
    assert "pause" not in content
