"""Steering the schedules over the admin API: what is answered, what Dagster's UI shows, restarts, who may."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from market_assets.store import schedule_overrides
from market_assets.store.database import Database
from market_assets.store.schedule_overrides import Pause
from market_assets.web.admin.jobs import frequency
from market_assets.web.admin.router import admin_router
from market_assets.web.admin.scheduler import Scheduler
from market_assets.web.errors import ApiError
from market_assets_tests.web.admin_process import (
    CLEANUP,
    INGESTION,
    JOBS,
    PRUNE,
    REBUILD,
    REEXTRACTION,
    REFRESH,
    SCHEDULER,
    AdminProcess,
)

CRONS = {
    CLEANUP: "0 3 * * 0",
    INGESTION: "0 2 * * *",
    PRUNE: "0 5 * * *",
    REBUILD: "0 4 * * 0",
    REFRESH: "30 2,14 * * *",
}


def post(client: TestClient, path: str, body: Any = None, *, status: int = 200) -> dict[str, Any]:
    answer = (
        client.post(f"{SCHEDULER}{path}", json=body) if body is not None else client.post(f"{SCHEDULER}{path}")
    )
    assert answer.status_code == status, answer.text
    content: dict[str, Any] = answer.json()
    if status == 200:
        assert content.keys() == {"success", "message", "timestamp"}
        assert content["success"] is True
        assert is_utc(content["timestamp"])
    return content


def get(client: TestClient, path: str, *, status: int = 200) -> dict[str, Any]:
    answer = client.get(f"{SCHEDULER}{path}")
    assert answer.status_code == status, answer.text
    content: dict[str, Any] = answer.json()
    return content


def job(client: TestClient, job_id: str) -> dict[str, Any]:
    content: dict[str, Any] = get(client, f"/jobs/{job_id}")["job"]
    return content


def is_utc(text: str) -> bool:
    time = datetime.fromisoformat(text)
    return time.tzinfo is not None and time.utcoffset() == timedelta(0)


def running(process: AdminProcess) -> set[str]:
    return {job_id for job_id in JOBS if process.schedule_runs(job_id)}


def test_the_list_holds_every_job_with_a_schedule(alice: TestClient) -> None:
    content = get(alice, "/jobs")
    assert content.keys() == {"success", "jobs", "count"}
    assert (content["success"], content["count"]) == (True, len(JOBS))
    assert [job["id"] for job in content["jobs"]] == JOBS
    for shown in content["jobs"]:
        assert shown.keys() == {
            *("id", "description", "func_name", "status", "schedule"),
            *("created_at", "last_run", "next_run", "last_status"),
        }
        assert (shown["status"], shown["schedule"]) == ("scheduled", CRONS[shown["id"]])
        assert is_utc(shown["created_at"])
        assert is_utc(shown["next_run"])
        assert datetime.fromisoformat(shown["next_run"]) > datetime.now(UTC)
        assert (shown["last_run"], shown["last_status"]) == (None, None)
    assert [job["func_name"] for job in content["jobs"]] == [
        'group:"maintenance"',
        'group:"ingestion"',
        "prune",
        'group:"relationships" or group:"taxonomy"',
        'group:"relationships" or group:"statistics"',
    ]


def test_a_job_without_a_schedule_is_listed_on_demand_and_can_be_triggered(alice: TestClient) -> None:
    content = get(alice, "/jobs?unscheduled=true")
    assert [job["id"] for job in content["jobs"]] == sorted([*JOBS, REEXTRACTION])
    assert content["count"] == len(JOBS) + 1
    shown = job(alice, REEXTRACTION)
    assert (shown["status"], shown["schedule"], shown["next_run"]) == ("unscheduled", None, None)
    assert shown["func_name"] == "search_postings_again" and shown["description"]
    for change in ("pause", "resume"):
        content = post(alice, f"/jobs/{REEXTRACTION}/{change}", status=422)
        assert content == {"error": f"Job {REEXTRACTION} has no schedule: it runs when it is triggered"}
    run_id = post(alice, f"/jobs/{REEXTRACTION}/trigger", status=202)["run_id"]
    assert post(alice, f"/jobs/{REEXTRACTION}/trigger", status=409)["run_id"] == run_id
    assert job(alice, REEXTRACTION)["executions"][0]["run_id"] == run_id
    assert alice.delete(f"{SCHEDULER}/jobs/{REEXTRACTION}").status_code == 200
    get(alice, f"/jobs/{REEXTRACTION}", status=404)
    post(alice, f"/jobs/{REEXTRACTION}/restore")
    assert job(alice, REEXTRACTION)["status"] == "unscheduled"


def test_created_at_is_when_the_job_was_first_seen(process: AdminProcess, alice: TestClient) -> None:
    first = {shown["id"]: shown["created_at"] for shown in get(alice, "/jobs")["jobs"]}
    post(alice, f"/jobs/{REFRESH}/pause")
    with process.restarted() as later:
        assert {shown["id"]: shown["created_at"] for shown in get(later.client(), "/jobs")["jobs"]} == first


def test_one_job(alice: TestClient) -> None:
    content = get(alice, f"/jobs/{INGESTION}")
    assert content.keys() == {"success", "job"}
    assert content["job"]["id"] == INGESTION
    assert content["job"]["executions"] == []


def test_status_and_config(alice: TestClient) -> None:
    content = get(alice, "/status")
    assert content.keys() == {"success", "scheduler"}
    assert content["scheduler"].keys() == {"is_running", "timestamp", "jobs_count", "daemon_healthy"}
    assert content["scheduler"]["is_running"] is True
    assert content["scheduler"]["jobs_count"] == len(JOBS)
    assert content["scheduler"]["daemon_healthy"] is False
    content = get(alice, "/config")
    assert content.keys() == {"success", "config", "default_tasks"}
    assert content["config"] == {"scheduler_type": "DagsterDaemonScheduler", "timezone": "UTC", "max_instances": 1}
    assert content["default_tasks"].keys() == set(JOBS)
    for job_id, task in content["default_tasks"].items():
        assert task["schedule"] == CRONS[job_id]
        assert task["description"]
    assert content["default_tasks"][CLEANUP]["retention_days"] == 90
    assert "retention_days" not in content["default_tasks"][INGESTION]
    assert content["default_tasks"][REFRESH]["frequency"] == "daily at 02:30 and 14:30 UTC"


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("0 3 * * 0", "weekly on Sunday at 03:00 UTC"),
        ("0 3 * * 7", "weekly on Sunday at 03:00 UTC"),
        ("5 * * * *", "hourly at minute 5"),
        ("*/5 * * * *", "*/5 * * * *"),
        ("0 6 * * 1-5", "0 6 * * 1-5"),
        ("0 */2 * * *", "0 */2 * * *"),
        ("0 6 1 * *", "0 6 1 * *"),
        ("@daily", "@daily"),
    ],
)
def test_frequency_in_words(cron: str, words: str) -> None:
    assert frequency(cron) == words


def test_stop_and_start_keep_what_ran_over_restarts(process: AdminProcess, alice: TestClient) -> None:
    assert post(alice, "/start", status=400) == {
        "success": False,
        "message": "Scheduler is already running",
        "error": "Scheduler is already running",
    }
    process.stop_in_ui(CLEANUP)
    post(alice, f"/jobs/{REBUILD}/pause")
    post(alice, "/stop")
    assert running(process) == set()
    with process.restarted() as later:
        anna = later.client("anna")
        assert get(anna, "/status")["scheduler"]["is_running"] is False
        assert {shown["status"] for shown in get(anna, "/jobs")["jobs"]} == {"paused"}
        assert {shown["next_run"] for shown in get(anna, "/jobs")["jobs"]} == {None}
        assert post(anna, "/stop", status=400)["message"] == "Scheduler is not running"
        post(anna, "/start")
        assert running(later) == {INGESTION, REFRESH, PRUNE}
        assert get(anna, "/status")["scheduler"]["is_running"] is True
    assert post(alice, "/start", status=400)["error"] == "Scheduler is already running"
    assert process.audit() == [
        ("alice", "scheduler.start", "", "refused"),
        ("alice", "ui.stopRunningSchedule", process.audit()[1][2], "ok"),
        ("alice", "scheduler.pause", REBUILD, "ok"),
        ("alice", "scheduler.stop", "", "ok"),
        ("anna", "scheduler.stop", "", "refused"),
        ("anna", "scheduler.start", "", "ok"),
        ("alice", "scheduler.start", "", "refused"),
    ]


def test_what_happens_to_jobs_while_the_scheduler_is_stopped(process: AdminProcess, alice: TestClient) -> None:
    post(alice, f"/jobs/{CLEANUP}/pause")
    post(alice, "/stop")
    post(alice, f"/jobs/{INGESTION}/pause")
    assert "waits" in post(alice, f"/jobs/{CLEANUP}/resume")["message"]
    post(alice, f"/jobs/{REBUILD}", status=405)
    assert alice.delete(f"{SCHEDULER}/jobs/{REBUILD}").status_code == 200
    assert running(process) == set()
    post(alice, "/start")
    assert running(process) == {CLEANUP, REFRESH, PRUNE}
    post(alice, f"/jobs/{REBUILD}/restore")
    assert running(process) == {CLEANUP, REFRESH, PRUNE, REBUILD}


def test_a_job_paused_while_stopped_comes_back_only_when_resumed(process: AdminProcess, alice: TestClient) -> None:
    post(alice, "/stop")
    for job_id in (REFRESH, CLEANUP):
        post(alice, f"/jobs/{job_id}/pause")
    assert alice.delete(f"{SCHEDULER}/jobs/{REFRESH}").status_code == 200
    # As a pause that was cut short would leave it.
    schedule_overrides.resume_later(Database(process.settings.market_url).engine(), CLEANUP)
    post(alice, "/start")
    post(alice, f"/jobs/{REFRESH}/restore")
    assert running(process) == {INGESTION, PRUNE, REBUILD}
    for job_id in (REFRESH, CLEANUP):
        post(alice, f"/jobs/{job_id}/resume")
    assert running(process) == set(JOBS)


def test_a_schedule_started_in_the_ui_while_stopped(process: AdminProcess, alice: TestClient) -> None:
    post(alice, "/stop")
    process.start_in_ui(REFRESH)
    assert get(alice, "/status")["scheduler"]["is_running"] is True
    assert job(alice, REFRESH)["status"] == "scheduled"
    post(alice, "/stop")
    assert running(process) == set()
    post(alice, "/start")
    assert running(process) == set(JOBS)


def test_a_pause_is_seen_in_the_ui_and_the_reverse(process: AdminProcess, alice: TestClient) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    body = {"reason": "the source is moving", "until": until.isoformat()}
    assert until.isoformat() in post(alice, f"/jobs/{REFRESH}/pause", body)["message"]
    assert running(process) == set(JOBS) - {REFRESH}
    shown = job(alice, REFRESH)
    assert (shown["status"], shown["next_run"]) == ("paused", None)
    assert shown["pause"] == {"by": "alice", **body}
    process.start_in_ui(REFRESH)
    assert job(alice, REFRESH)["status"] == "scheduled"
    assert "pause" not in job(alice, REFRESH)
    process.stop_in_ui(REFRESH)
    assert job(alice, REFRESH)["status"] == "paused"
    post(alice, f"/jobs/{REFRESH}/resume")
    assert process.schedule_runs(REFRESH)
    assert "pause" not in job(alice, REFRESH)


def test_a_second_pause_replaces_the_first(process: AdminProcess, alice: TestClient) -> None:
    post(alice, f"/jobs/{REFRESH}/pause", {"reason": "one", "until": "2999-01-01T00:00:00Z"})
    post(process.client("anna"), f"/jobs/{REFRESH}/pause", {"reason": "two"})
    assert job(alice, REFRESH)["pause"] == {"by": "anna", "reason": "two", "until": None}


def test_a_pause_survives_a_restart(process: AdminProcess, alice: TestClient) -> None:
    post(alice, f"/jobs/{REFRESH}/pause", {"reason": "holidays"})
    with process.restarted() as later:
        assert job(later.client(), REFRESH)["pause"] == {"by": "alice", "reason": "holidays", "until": None}
        assert not later.schedule_runs(REFRESH)


def test_a_pause_that_is_over_ends_before_the_next_change(process: AdminProcess, alice: TestClient) -> None:
    now = datetime.now(UTC)
    post(alice, f"/jobs/{REFRESH}/pause")
    engine = Database(process.settings.market_url).engine()
    over = Pause(now - timedelta(hours=2), "alice", "short", now - timedelta(hours=1))
    schedule_overrides.pause(engine, REFRESH, over)
    assert job(alice, REFRESH)["status"] == "paused"
    assert "pause" not in job(alice, REFRESH)
    post(alice, "/stop")
    post(alice, "/start")
    assert running(process) == set(JOBS)
    assert job(alice, REFRESH)["status"] == "scheduled"


def test_a_pause_needs_a_moment_in_the_future(process: AdminProcess, alice: TestClient) -> None:
    for until in (
        "2020-01-01T00:00:00Z",
        "tomorrow",
        "",
        "2030-13-01T00:00:00Z",
        1e12,
        True,
        "9999-12-31T23:59:59-10:00",
        "now",
    ):
        error = post(alice, f"/jobs/{REFRESH}/pause", {"until": until}, status=422)["error"]
        assert "until" in error, until
        assert process.schedule_runs(REFRESH), until
        assert job(alice, REFRESH)["status"] == "scheduled", until


def test_a_pause_with_a_bad_body(process: AdminProcess, alice: TestClient) -> None:
    for body in ([], "x", {"reasn": "x"}, {"reason": 1}, {"reason": "a\0b"}, {"reason": "x" * 501}):
        assert post(alice, f"/jobs/{REFRESH}/pause", body, status=422)["error"], body
        assert process.schedule_runs(REFRESH), body


def test_a_body_that_is_not_json(alice: TestClient) -> None:
    path = f"{SCHEDULER}/jobs/{REFRESH}/pause"
    answer = alice.post(path, content=b"{nonsense", headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json().keys() == {"error"}


def test_a_moment_without_offset_is_utc(alice: TestClient) -> None:
    post(alice, f"/jobs/{REFRESH}/pause", {"until": "2999-01-01T05:00"})
    assert job(alice, REFRESH)["pause"]["until"] == "2999-01-01T05:00:00+00:00"


def test_a_deleted_job_is_gone_until_it_is_restored(process: AdminProcess, alice: TestClient) -> None:
    created_at = job(alice, REFRESH)["created_at"]
    answer = alice.delete(f"{SCHEDULER}/jobs/{REFRESH}")
    assert answer.status_code == 200
    assert answer.json().keys() == {"success", "message", "timestamp"}
    assert not process.schedule_runs(REFRESH)
    with process.restarted() as later:
        anna = later.client("anna")
        assert [shown["id"] for shown in get(anna, "/jobs")["jobs"]] == sorted({*JOBS} - {REFRESH})
        assert get(anna, "/status")["scheduler"]["jobs_count"] == len(JOBS) - 1
        for method, path in [("GET", ""), ("DELETE", ""), ("POST", "/trigger"), ("POST", "/pause")]:
            refused = anna.request(method, f"{SCHEDULER}/jobs/{REFRESH}{path}")
            assert (refused.status_code, refused.json()) == (404, {"error": "Job not found"})
        # Turned on in the UI it stays off the list, and the guard skips its starts.
        later.start_in_ui(REFRESH)
        assert len(get(anna, "/jobs")["jobs"]) == len(JOBS) - 1
        later.stop_in_ui(REFRESH)
        post(anna, f"/jobs/{REFRESH}/restore")
        assert later.schedule_runs(REFRESH)
    assert job(alice, REFRESH)["created_at"] == created_at
    assert "not deleted" in post(alice, f"/jobs/{REFRESH}/restore")["message"]


def test_a_paused_job_is_still_paused_when_it_is_restored(process: AdminProcess, alice: TestClient) -> None:
    post(alice, f"/jobs/{REFRESH}/pause", {"reason": "holidays"})
    assert alice.delete(f"{SCHEDULER}/jobs/{REFRESH}").status_code == 200
    post(alice, f"/jobs/{REFRESH}/restore")
    assert not process.schedule_runs(REFRESH)
    assert job(alice, REFRESH)["pause"]["reason"] == "holidays"


def test_a_pause_that_ended_while_the_job_was_deleted(process: AdminProcess, alice: TestClient) -> None:
    now = datetime.now(UTC)
    post(alice, f"/jobs/{REFRESH}/pause")
    assert alice.delete(f"{SCHEDULER}/jobs/{REFRESH}").status_code == 200
    over = Pause(now - timedelta(hours=2), "alice", None, now - timedelta(hours=1))
    schedule_overrides.pause(Database(process.settings.market_url).engine(), REFRESH, over)
    post(alice, f"/jobs/{REFRESH}/restore")
    assert process.schedule_runs(REFRESH)


def test_with_dagsters_history_gone_jobs_stay_off(process: AdminProcess, alice: TestClient) -> None:
    post(alice, f"/jobs/{REFRESH}/pause", {"reason": "holidays"})
    assert alice.delete(f"{SCHEDULER}/jobs/{CLEANUP}").status_code == 200
    process.wipe_dagster()
    assert job(alice, REFRESH)["status"] == "paused"
    assert job(alice, REFRESH)["pause"]["reason"] == "holidays"
    assert CLEANUP not in {shown["id"] for shown in get(alice, "/jobs")["jobs"]}
    post(alice, f"/jobs/{REFRESH}/resume")
    assert job(alice, REFRESH)["status"] == "scheduled"


@pytest.mark.parametrize("name", ["nonsense", "__ASSET_JOB", "a%00b", "%F0%9F%98%80"])
def test_an_unknown_job(alice: TestClient, name: str) -> None:
    changes = [("POST", f"/{change}") for change in ("trigger", "pause", "resume", "restore")]
    for method, path in [("GET", ""), ("DELETE", ""), *changes]:
        answer = alice.request(method, f"{SCHEDULER}/jobs/{name}{path}")
        assert (answer.status_code, answer.json()) == (404, {"error": "Job not found"}), (method, path)


def test_the_audit_log_is_read_newest_first(process: AdminProcess, alice: TestClient) -> None:
    post(alice, f"/jobs/{REFRESH}/pause", {"reason": "holidays"})
    alice.post(f"{SCHEDULER}/jobs/nonsense/pause")
    content = alice.get("/api/admin/audit").json()
    assert content.keys() == {"success", "entries", "count"}
    assert content["count"] == 2
    refused, done = content["entries"]
    assert done.keys() == {"audit_id", "at", "who", "address", "action", "target", "result", "detail"}
    assert is_utc(done["at"])
    assert (done["who"], done["address"], done["target"]) == ("alice", "testclient", REFRESH)
    assert (done["action"], done["result"], done["detail"]) == ("scheduler.pause", "ok", "holidays")
    assert (refused["target"], refused["result"], refused["detail"]) == ("nonsense", "refused", "Job not found")
    older = alice.get(f"/api/admin/audit?before_id={refused['audit_id']}&limit=1").json()
    assert older["entries"] == [done]
    assert process.client("victor").get("/api/admin/audit").status_code == 403


def routes() -> list[tuple[str, str]]:
    """Every route of the admin API, as the router has it."""
    found = [
        (method, route.path.replace("{job_id}", REFRESH))
        for route in admin_router.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods)
    ]
    assert len(found) >= 13
    return sorted(found)


@pytest.mark.parametrize(
    ("user", "expected"), [(None, (401, "Sign in first")), ("victor", (403, "Admin access required"))]
)
def test_only_admins_get_in(process: AdminProcess, user: str | None, expected: tuple[int, str]) -> None:
    client = process.client(user)
    for method, path in routes():
        answer = client.request(method, path)
        assert (answer.status_code, answer.json()["error"]) == expected, (method, path)
    assert running(process) == set(JOBS)
    tried = [f"{method} {path}" for method, path in routes() if user and method != "GET"]
    assert sorted(process.audit()) == sorted((user, "request", path, "refused") for path in tried)


def test_changes_by_two_web_processes_at_a_time_leave_no_schedule_stopped_without_a_record(
    process: AdminProcess,
) -> None:
    """Each of two schedulers on the same store and history pauses and resumes, stops and starts."""
    database = Database(process.settings.market_url)
    schedulers = [Scheduler(process.context, database) for _ in range(2)]

    def change(scheduler: Scheduler, number: int) -> None:
        with contextlib.suppress(ApiError):
            if number % 2:
                scheduler.stop("ada")
                scheduler.start()
            else:
                scheduler.pause(REFRESH, Pause(datetime.now(UTC), "bob"))
                scheduler.resume(REFRESH)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(change, schedulers * 6, [number // 2 + number % 2 for number in range(12)]))
    overview = schedulers[0].overview()
    stopped = overview.overrides.stop is not None
    for name, known in overview.scheduled_jobs.items():
        recorded = stopped or overview.pause_of(known) is not None
        assert overview.is_scheduled(known) != recorded, name
