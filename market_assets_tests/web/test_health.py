"""`/health` and `/metrics` of the whole process: who learns what, what hangs, what is counted; the dashboard."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from market_assets.defs.housekeeping import mirror_executions
from market_assets.operations.background import Probe
from market_assets.operations.system_state import SystemState
from market_assets.web import health
from market_assets.web.health import PATIENCE, IncidentWatch, Monitor
from market_assets_tests.conftest import PROJECT
from market_assets_tests.operations.alerts.receivers import receiver
from market_assets_tests.web.whole_process import WholeProcess, whole_process

FAR = "203.0.113.9"
DASHBOARD = PROJECT / "docs" / "grafana" / "market_assets.json"


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine what is sound may take longer than a request would wait for it."""
    monkeypatch.setattr(health, "PATIENCE_SECONDS", 120.0)


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[WholeProcess]:
    """A process of a test's own, with a token for metrics."""
    with whole_process(tmp_path, MARKET_ASSETS_METRICS_TOKEN="scraper's own") as process:
        yield process


def beat(web: WholeProcess, at: datetime | None = None) -> None:
    """Heartbeats of every daemon that is required."""
    from dagster._daemon.types import DaemonHeartbeat

    for kind in web.instance.get_required_daemon_types():
        stamp = (at or datetime.now(UTC)).timestamp()
        web.instance.add_daemon_heartbeat(DaemonHeartbeat(stamp, kind, "daemon", errors=[]))


def forget(web: WholeProcess) -> None:
    """Read everything anew at the next request."""
    for probe in web.process.monitor.probes.values():
        probe._fresh_seconds = 0.0


# --- /health -----------------------------------------------------------------------------------


def test_well_and_not_so_well(quiet: WholeProcess) -> None:
    forget(quiet)
    beat(quiet)
    stranger, near = quiet.client(FAR), quiet.client()
    well = stranger.get("/health")
    assert (well.status_code, well.json()) == (200, {"status": "ok"})
    assert well.headers["cache-control"] == "no-store"
    content = near.get("/health").json()
    assert (content["status"], content["reasons"], content["warnings"]) == ("ok", [], [])
    assert {job["id"] for job in content["jobs"]} >= {"refresh_market_stats", "cleanup_old_data"}
    beat(quiet, datetime.now(UTC) - timedelta(minutes=10))
    assert stranger.get("/health").status_code == 503
    assert stranger.get("/health").json() == {"status": "failing", "reasons": ["daemon"]}
    (reason,) = near.get("/health").json()["reasons"]
    assert "the daemon has sent no heartbeat since" in reason
    assert stranger.get("/health/live").json() == {"status": "ok"}


def test_only_who_may_read_metrics_learns_details(quiet: WholeProcess) -> None:
    known = [
        quiet.client(),
        quiet.signed_in("ada", FAR),
        quiet.signed_in("vic", FAR),
        quiet.client(FAR, Authorization="Bearer scraper's own"),
    ]
    for client in known:
        assert "jobs" in client.get("/health").json()
    strangers = [
        quiet.client(FAR),
        quiet.client(X_Forwarded_For="127.0.0.1"),
        quiet.client(FAR, Authorization="Bearer made-up"),
        quiet.client(FAR, Authorization="Basic dmljOnB3"),
    ]
    for client in strangers:
        assert client.get("/health").json() == {"status": "failing", "reasons": ["daemon"]}
    assert quiet.client().post("/health").status_code == 405


def test_a_browser_that_signed_in_learns_details_too(quiet: WholeProcess) -> None:
    cookies = quiet.browser("vic").cookies
    client = TestClient(
        quiet.process.application, base_url="http://localhost:3000", client=(FAR, 1), cookies=cookies
    )
    assert "jobs" in client.get("/health").json()


def test_a_database_of_another_version_or_of_none_is_named(quiet: WholeProcess) -> None:
    forget(quiet)
    beat(quiet)
    with quiet.market_engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    (reason,) = quiet.client().get("/health").json()["reasons"]
    assert reason.startswith("database: ") and "9999" in reason
    with quiet.market_engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")
    assert quiet.client(FAR).get("/health").json()["reasons"] == ["database"]


@pytest.mark.parametrize("part", ["history", "database", "code", "disk"])
def test_whatever_hangs_is_named_and_holds_up_nobody(
    quiet: WholeProcess, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat(quiet)
    for probe in quiet.process.monitor.probes.values():
        probe._fresh_seconds = 3600.0
    assert quiet.client(FAR).get("/health").status_code == 200
    monkeypatch.setattr(health, "PATIENCE_SECONDS", 0.5)
    let_go = threading.Event()
    quiet.process.monitor.probes[part] = Probe(lambda: let_go.wait(120))
    try:
        for _ in range(3):
            answer = quiet.client(FAR).get("/health")
            assert (answer.status_code, answer.json()["reasons"]) == (503, [part])
        # Once it is known to hang, nobody waits for it.
        waited = quiet.process.monitor.probes[part].seconds_reading
        assert waited >= health.PATIENCE_SECONDS
        metrics = quiet.client().get("/metrics").text
        assert f'market_assets_part_up{{part="{part}"}} 0.0' in metrics
    finally:
        let_go.set()


def test_code_that_does_not_load_is_named(tmp_path: Path) -> None:
    from dagster._core.workspace.load_target import WorkspaceFileTarget

    from market_assets.dagster_ext.workspace import MarketProcessContext

    (tmp_path / "broken_module.py").write_text("raise RuntimeError('a comma is missing')\n")
    workspace = tmp_path / "workspace.yaml"
    workspace.write_text("load_from: [{python_file: {relative_path: broken_module.py, location_name: broken}}]\n")
    with (
        whole_process(tmp_path) as web,
        MarketProcessContext(
            web.instance, WorkspaceFileTarget([str(workspace)]), user_of=lambda _request: None
        ) as context,
    ):
        monitor = Monitor(context, web.settings, web.database)
        for _ in range(60):
            state = asyncio.run(monitor.state())
            if "a comma is missing" in state.errors.get("code", ""):
                break
        assert "a comma is missing" in state.errors["code"]


# --- /metrics ----------------------------------------------------------------------------------


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scrape(web: WholeProcess) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = web.client().get("/metrics")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain; version=")
    return samples(answer.text)


def run_of(web: WholeProcess, job: str, *, fails: bool) -> None:
    @dg.op
    def task() -> None:
        if fails:
            raise ValueError("dry")

    @dg.job(name=job)
    def made() -> None:
        task()

    made.execute_in_process(instance=web.instance, raise_on_error=False)
    mirror_executions(web.market_engine, web.instance, None)


def test_counters_survive_a_restart_and_the_removal_of_runs(quiet: WholeProcess) -> None:
    from market_assets.web.server import WebProcess

    for fails in (False, True, True):
        run_of(quiet, "hourly", fails=fails)
    failed = ("market_assets_runs_total", (("job", "hourly"), ("status", "failed")))
    succeeded = ("market_assets_runs_total", (("job", "hourly"), ("status", "success")))
    before = scrape(quiet)
    assert (before[failed], before[succeeded]) == (2, 1)
    assert before["market_assets_run_duration_seconds_count", (("job", "hourly"),)] == 3
    for run in quiet.instance.get_runs():
        quiet.instance.delete_run(run.run_id)
    quiet.process = WebProcess(quiet.process.webserver._process_context, quiet.settings)  # type: ignore[attr-defined]
    run_of(quiet, "hourly", fails=True)
    after = scrape(quiet)
    assert (after[failed], after[succeeded]) == (3, 1)


def test_jobs_that_never_ran_are_counted_from_zero(quiet: WholeProcess) -> None:
    values = scrape(quiet)
    for job in ("refresh_market_stats", "cleanup_old_data", "reextract_skills"):
        assert values["market_assets_run_duration_seconds_count", (("job", job),)] == 0
        for status in ("success", "failed", "canceled"):
            assert values["market_assets_runs_total", (("job", job), ("status", status))] == 0


def test_answers_are_timed_by_route_and_status(quiet: WholeProcess) -> None:
    client = quiet.signed_in("ada", FAR)
    client.get("/api/v1/market/skills/Python")
    client.get("/api/v1/market/skills/SQL")
    client.get("/api/nothing/here/1")
    client.get("/api/nothing/here/2")
    quiet.client(FAR).get("/api/admin/audit")
    for path in ("/runs/1", "/runs/2", "/static/x.js"):
        client.get(path)
    client.request("FROBNICATE", "/login")
    name = "market_assets_http_request_duration_seconds_count"
    counted = {labels: value for (metric, labels), value in scrape(quiet).items() if metric == name}

    def count(method: str, route: str) -> float:
        return sum(
            value for labels, value in counted.items() if {("method", method), ("route", route)} <= set(labels)
        )

    assert count("GET", "/api/v1/market/skills/{skill}") == 2
    assert count("GET", "other") == 2
    assert not any(word in str(labels) for labels in counted for word in ("Python", "nothing", "/runs/1"))
    assert count("GET", "ui") == 3
    assert count("other", "/login") == 1
    assert counted[(("method", "GET"), ("route", "/api/admin/audit"), ("status", "401"))] == 1
    assert counted[(("method", "POST"), ("route", "/api/auth/login"), ("status", "200"))] == 1


def test_every_metric_has_a_help_and_a_name_of_ours(quiet: WholeProcess) -> None:
    text = quiet.client().get("/metrics").text
    for family in text_string_to_metric_families(text):
        assert family.name.startswith("market_assets_") and family.documentation


def queries(dashboard: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]


def test_the_dashboard_asks_for_metrics_and_labels_that_are_there(quiet: WholeProcess) -> None:
    run_of(quiet, "hourly", fails=False)
    quiet.client().get("/health")
    known: dict[str, set[str]] = {}
    text = quiet.client().get("/metrics").text
    for family in text_string_to_metric_families(text):
        known.setdefault(family.name, set())
        for sample in family.samples:
            known.setdefault(sample.name, set()).update(sample.labels)
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    asked = queries(dashboard)
    assert len(asked) > 15
    for query in asked:
        names = re.findall(r"market_assets_\w+", query)
        assert names and set(names) <= set(known), query
        for labels in re.findall(r"by \(([^)]*)\)", query):
            # Prometheus renames this program's `job`, which is the name of the scraping job as well.
            grouped = {label.strip().removeprefix("exported_") for label in labels.split(",")}
            assert grouped <= set().union(*(known[name] for name in names)), query
    variables = json.dumps(dashboard["templating"])
    assert set(re.findall(r"market_assets_\w+", variables)) <= set(known)
    exported = {name.removesuffix("_created") for name in known} - {"market_assets_job_scheduled"}
    shown = {
        re.sub(r"_(bucket|count|sum|total)$", "", name)
        for query in [*asked, variables]
        for name in re.findall(r"market_assets_\w+", query)
    }
    assert {re.sub(r"_(bucket|count|sum|total)$", "", name) for name in exported} <= shown | {"market_assets_disk"}


def test_panels_of_the_dashboard_lie_beside_each_other() -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert cells.isdisjoint(taken) and max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


# --- the watch ---------------------------------------------------------------------------------


def test_the_web_process_sends_an_alert_of_a_silent_daemon(tmp_path: Path) -> None:
    with receiver() as server, whole_process(tmp_path, MARKET_ASSETS_ALERT_URLS=server.url) as web:
        forget(web)
        watch = IncidentWatch(web.instance, web.process.monitor, web.settings)
        start = datetime.now(UTC)

        def look(after: timedelta) -> None:
            state = asyncio.run(web.process.monitor.state())
            asyncio.run(watch.check(replace(state, now=start + after)))

        look(timedelta())
        look(PATIENCE - timedelta(seconds=1))
        assert server.titles == []
        look(PATIENCE)
        look(PATIENCE * 2)
        assert server.titles == ["the daemon sends no heartbeat"]
        (shown,) = web.client().get("/health").json()["incidents"]
        assert (shown["kind"], shown["title"]) == ("system", "the daemon sends no heartbeat")
        # Another process takes the book over.
        watch = IncidentWatch(web.instance, web.process.monitor, web.settings)
        look(PATIENCE * 3)
        look(PATIENCE * 4)
        assert server.titles == ["the daemon sends no heartbeat"]
        beat(web)
        look(PATIENCE * 5)
        assert server.titles == ["the daemon sends no heartbeat", "over: the daemon sends no heartbeat"]


def test_it_sends_an_alert_of_dagsters_storage_though_incidents_are_kept_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiver() as server, whole_process(tmp_path, MARKET_ASSETS_ALERT_URLS=server.url) as web:
        watch = IncidentWatch(web.instance, web.process.monitor, web.settings)
        start = datetime.now(UTC)

        def broken(*_arguments: object) -> None:
            raise OSError("disk I/O error")

        monkeypatch.setattr(web.instance.run_storage, "get_cursor_values", broken)
        monkeypatch.setattr(web.instance.run_storage, "set_cursor_values", broken)
        for minutes in range(8):
            state = SystemState(start + timedelta(minutes=minutes), errors={"history": "disk I/O error"})
            asyncio.run(watch.check(state))
        assert server.titles == ["Dagster's storage does not answer"]
        assert "disk I/O error" in server.messages[0]["message"]


def test_the_watch_begins_and_ends_with_the_process(web: WholeProcess) -> None:
    with TestClient(web.process.application, base_url="http://localhost:3000") as client:
        assert client.get("/health/live").status_code == 200
