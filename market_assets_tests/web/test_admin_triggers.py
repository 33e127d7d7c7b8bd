"""Triggering runs over the admin API, telling of them, and the events; with a real daemon where runs must end."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse

from market_assets.operations.executions import _STATUS_OF
from market_assets.web.admin import jobs
from market_assets_tests.web.admin_calls import EVENTS, EXECUTION, executions, listening, trigger
from market_assets_tests.web.admin_process import (
    CLEANUP,
    INGESTION,
    REBUILD,
    REFRESH,
    SCHEDULER,
    AdminProcess,
)


def test_a_trigger_queues_a_run(process: AdminProcess, alice: TestClient) -> None:
    content = trigger(alice, REFRESH)
    assert content.keys() == {"success", "message", "run_id", "timestamp"}
    assert content["success"] is True
    run = process.instance.get_run_by_id(content["run_id"])
    assert run is not None
    assert run.status is dg.DagsterRunStatus.QUEUED
    assert run.job_name == REFRESH
    assert run.tags["market_assets/triggered_by"] == "api:alice"
    assert "dagster/partition" not in run.tags
    (shown,) = executions(alice)
    assert shown == {
        "run_id": run.run_id,
        "job_id": REFRESH,
        "func_name": 'group:"relationships" or group:"statistics"',
        "status": "queued",
        "started_at": None,
        "duration": None,
        "rows": None,
        "error": None,
        "triggered_by": "api:alice",
    }
    assert process.audit() == [("alice", "scheduler.trigger", REFRESH, "ok")]
    content = alice.get(f"{SCHEDULER}/jobs/{REFRESH}").json()["job"]
    assert content["executions"] == [shown]
    assert content["last_status"] == "queued"
    assert datetime.fromisoformat(content["last_run"]) <= datetime.now(UTC)


def test_the_ingestion_takes_the_partition_it_is_given_or_todays(process: AdminProcess, alice: TestClient) -> None:
    before = datetime.now(UTC).date()
    today = trigger(alice, INGESTION)
    other = trigger(alice, INGESTION, {"partition": "2026-01-31"})
    tags = [process.instance.get_run_by_id(content["run_id"]).tags for content in (today, other)]  # type: ignore[union-attr]
    assert tags[0]["dagster/partition"] in {before.isoformat(), datetime.now(UTC).date().isoformat()}
    assert tags[1]["dagster/partition"] == "2026-01-31"


def test_a_run_config_reaches_the_run(process: AdminProcess, alice: TestClient) -> None:
    config = {"loggers": {"progress": {"config": {"quiet": True}}}}
    content = trigger(alice, REFRESH, {"run_config": config})
    run = process.instance.get_run_by_id(content["run_id"])
    assert run is not None
    assert run.run_config == config


def test_what_a_run_can_not_be_started_with(process: AdminProcess, alice: TestClient) -> None:
    refused: list[tuple[str, Any, list[str]]] = [
        (INGESTION, {"partition": "2019-12-31"}, ["partition", "2019-12-31", "2020-01-01"]),
        (INGESTION, {"partition": "2999-01-01"}, ["partition", "2999-01-01"]),
        (INGESTION, {"partition": "today"}, ["partition", "today"]),
        (INGESTION, {"partition": ""}, ["partition"]),
        (INGESTION, {"partition": "a\0"}, ["partition"]),
        (INGESTION, {"partition": 5}, ["partition"]),
        (REFRESH, {"partition": "2026-01-31"}, ["partition", REFRESH]),
        (REFRESH, {"run_config": {"ops": {"nonsense": {}}}}, ["run_config", "nonsense"]),
        (REFRESH, {"run_config": {"loggers": {"progress": {"config": {"quiet": 5}}}}}, ["run_config", "quiet"]),
        (REFRESH, {"run_config": "x"}, ["run_config"]),
        (REFRESH, {"run_config": {"a": "\0"}}, ["run_config"]),
        (REFRESH, {"partitoin": "2026-01-31"}, ["partitoin"]),
        (REFRESH, [], ["body"]),
    ]
    for job, body, words in refused:
        error = trigger(alice, job, body, status=422)["error"]
        assert all(word in error for word in words), (body, error)
        assert "\n" not in error, body
        assert process.instance.get_runs_count() == 0, body


def test_half_a_surrogate_pair_is_refused(process: AdminProcess, alice: TestClient) -> None:
    answer = alice.post(
        f"{SCHEDULER}/jobs/{REFRESH}/trigger",
        content=b'{"run_config": {"ops": "\\ud800"}}',
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 422
    assert process.instance.get_runs_count() == 0


def test_a_wait_that_can_not_be(process: AdminProcess, alice: TestClient) -> None:
    for wait in ("0", "601", "-1", "x", "nan"):
        answer = alice.post(f"{SCHEDULER}/jobs/{REFRESH}/trigger?wait={wait}")
        assert answer.status_code == 422, wait
        assert "wait" in answer.json()["error"], wait
        assert process.instance.get_runs_count() == 0, wait


def test_an_active_job_is_not_started_again(process: AdminProcess, alice: TestClient) -> None:
    first = trigger(alice, REFRESH)["run_id"]
    content = trigger(process.client("anna"), REFRESH, status=409)
    assert content["run_id"] == first
    assert content.keys() == {"error", "run_id"}
    assert trigger(alice, REBUILD)["run_id"] != first
    day = trigger(alice, INGESTION, {"partition": "2026-01-31"})["run_id"]
    assert trigger(alice, INGESTION, {"partition": "2026-01-31"}, status=409)["run_id"] == day
    trigger(alice, INGESTION, {"partition": "2026-01-30"})
    assert process.instance.get_runs_count() == 4


def test_a_backfill_of_several_days_counts_for_each(process: AdminProcess, alice: TestClient) -> None:
    run = process.instance.get_run_by_id(trigger(alice, INGESTION, {"partition": "2026-01-05"})["run_id"])
    assert run is not None
    span = {
        "dagster/asset_partition_range_start": "2026-01-10",
        "dagster/asset_partition_range_end": "2026-01-20",
    }
    tags = {key: value for key, value in run.tags.items() if key != "dagster/partition"}
    process.instance.delete_run(run.run_id)
    process.instance.add_run(run._replace(tags={**tags, **span}))
    for day in ("2026-01-10", "2026-01-15", "2026-01-20"):
        assert trigger(alice, INGESTION, {"partition": day}, status=409)["run_id"] == run.run_id
    for day in ("2026-01-09", "2026-01-21"):
        trigger(alice, INGESTION, {"partition": day})


def test_of_two_triggers_at_once_one_starts_a_run(process: AdminProcess, alice: TestClient) -> None:
    ready = threading.Barrier(4)

    def call(client: TestClient) -> tuple[int, str]:
        ready.wait()
        answer = client.post(f"{SCHEDULER}/jobs/{REFRESH}/trigger")
        return answer.status_code, answer.json()["run_id"]

    # Two web processes on one store, as behind a load balancer, and two users of each.
    with process.restarted() as second, ThreadPoolExecutor(4) as callers:
        clients = [web.client(user) for web in (process, second) for user in ("alice", "anna")]
        answers = list(callers.map(call, clients))
    assert sorted(status for status, _run in answers) == [202, 409, 409, 409]
    assert len({run for _status, run in answers}) == 1
    assert len(executions(alice)) == 1


def test_the_same_key_gives_the_same_run(process: AdminProcess, alice: TestClient) -> None:
    ready = threading.Barrier(3)

    def call(_number: int) -> str:
        client = process.client()
        ready.wait()
        run_id: str = trigger(client, REFRESH, key="nightly-1")["run_id"]
        return run_id

    with ThreadPoolExecutor(3) as callers:
        (run_id,) = set(callers.map(call, range(3)))
    assert "before" in trigger(alice, REFRESH, key="nightly-1")["message"]
    run = process.instance.get_run_by_id(run_id)
    assert run is not None
    process.instance.report_run_canceled(run)
    with process.restarted() as later:
        assert trigger(later.client(), REFRESH, key="nightly-1")["run_id"] == run_id
        # Another job, another caller or another key is another request.
        assert trigger(later.client(), REBUILD, key="nightly-1")["run_id"] != run_id
        assert trigger(later.client("anna"), REFRESH, key="nightly-1")["run_id"] != run_id
    assert trigger(alice, REFRESH, key="nightly-2", status=409)["run_id"] != run_id


def test_a_key_is_good_for_a_day(
    process: AdminProcess, alice: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = trigger(alice, REFRESH, key="k")["run_id"]
    run = process.instance.get_run_by_id(run_id)
    assert run is not None
    process.instance.report_run_canceled(run)
    made = datetime.now(UTC)
    monkeypatch.setattr(jobs, "utc_now", lambda: made + timedelta(hours=23, minutes=59))
    assert trigger(alice, REFRESH, key="k")["run_id"] == run_id
    monkeypatch.setattr(jobs, "utc_now", lambda: made + timedelta(hours=24, minutes=1))
    assert trigger(alice, REFRESH, key="k")["run_id"] != run_id


def test_a_retry_does_not_take_the_place_of_the_run_it_repeats(process: AdminProcess, alice: TestClient) -> None:
    run = process.instance.get_run_by_id(trigger(alice, REFRESH, key="k")["run_id"])
    assert run is not None
    process.instance.report_run_canceled(run)
    process.instance.add_run(dg.DagsterRun(job_name=REFRESH, tags=run.tags))
    assert trigger(alice, REFRESH, key="k")["run_id"] == run.run_id


@pytest.mark.parametrize("key", ["a b", "x" * 201, "é"])
def test_a_key_that_can_not_be_one(process: AdminProcess, alice: TestClient, key: str) -> None:
    answer = alice.post(f"{SCHEDULER}/jobs/{REFRESH}/trigger", headers={b"Idempotency-Key": key.encode("latin-1")})
    assert answer.status_code == 422
    assert "Idempotency-Key" in answer.json()["error"]
    assert process.instance.get_runs_count() == 0


def test_a_paused_job_can_be_triggered(alice: TestClient) -> None:
    assert alice.post(f"{SCHEDULER}/stop").status_code == 200
    assert alice.post(f"{SCHEDULER}/jobs/{REFRESH}/pause").status_code == 200
    trigger(alice, REFRESH)


def test_waiting_ends_when_the_time_is_up(alice: TestClient) -> None:
    content = trigger(alice, REFRESH, wait=1)
    assert content.keys() == {"success", "message", "run_id", "timestamp", "result"}
    assert content["result"] == {"status": "queued", "duration": None, "error": None}


def test_executions_are_chosen_by_job_status_and_number(process: AdminProcess, alice: TestClient) -> None:
    runs = [trigger(alice, job)["run_id"] for job in (REFRESH, REBUILD, CLEANUP)]
    run = process.instance.get_run_by_id(runs[1])
    assert run is not None
    process.instance.report_run_canceled(run)
    assert [shown["run_id"] for shown in executions(alice)] == runs[::-1]
    assert [shown["run_id"] for shown in executions(alice, limit=1)] == [runs[2]]
    assert [shown["run_id"] for shown in executions(alice, job_id=REFRESH)] == [runs[0]]
    (canceled,) = executions(alice, status="canceled")
    assert (canceled["run_id"], canceled["status"], canceled["error"]) == (runs[1], "canceled", None)
    assert executions(alice, status="queued", job_id=REBUILD) == []
    assert executions(alice, job_id="__ASSET_JOB") == []
    for query, status in [("job_id=nonsense", 404), ("status=lost", 422), ("limit=0", 422), ("limit=1001", 422)]:
        answer = alice.get(f"{SCHEDULER}/executions?{query}")
        assert answer.status_code == status
        assert answer.json()["error"]


@pytest.mark.parametrize(
    ("tags", "who"),
    [
        ({}, "cli"),
        ({"dagster/schedule_name": "x"}, "schedule"),
        ({"dagster/sensor_name": "x"}, "sensor"),
        ({"dagster/schedule_name": "x", "market_assets/triggered_by": "ui:anna"}, "ui:anna"),
    ],
)
def test_who_started_a_run(process: AdminProcess, alice: TestClient, tags: dict[str, str], who: str) -> None:
    process.instance.add_run(dg.DagsterRun(job_name=REFRESH, tags=tags))
    assert [shown["triggered_by"] for shown in executions(alice)] == [who]


def test_every_status_of_dagster_has_one_here() -> None:
    assert _STATUS_OF.keys() == set(dg.DagsterRunStatus)
    assert set(_STATUS_OF.values()) == {"queued", "running", "success", "failed", "canceled"}


# --- events --------------------------------------------------------------------------------------


def test_changes_of_schedules_and_runs_are_sent(process: AdminProcess, alice: TestClient) -> None:
    trigger(alice, CLEANUP)
    anna = f"Bearer {process.tokens['anna']}"
    # An entered client serves all its calls from one event loop, as the web process does.
    with alice, listening(alice) as mine, listening(alice, Authorization=anna) as hers:
        for listener in (mine, hers):
            assert listener.next()["type"] == "heartbeat"
        alice.post(f"{SCHEDULER}/jobs/{REFRESH}/pause", json={"reason": "holidays"})
        for listener in (mine, hers):
            message = listener.next()
            assert message.keys() == {"type", "job_id", "schedule", "status", "pause", "timestamp"}
            assert (message["type"], message["job_id"], message["status"]) == ("schedule", REFRESH, "paused")
            assert message["pause"] == {"by": "alice", "reason": "holidays", "until": None}
        process.start_in_ui(REFRESH)
        assert mine.next()["status"] == "scheduled"
        alice.delete(f"{SCHEDULER}/jobs/{REFRESH}")
        assert mine.next()["status"] == "deleted"
        run_id = trigger(alice, REBUILD)["run_id"]
        message = mine.next()
        assert message.keys() == {"type", "timestamp", *EXECUTION}
        assert (message["type"], message["run_id"], message["status"]) == ("run", run_id, "queued")
        run = process.instance.get_run_by_id(run_id)
        assert run is not None
        process.instance.report_run_canceled(run)
        assert mine.next()["status"] == "canceled"


@pytest.mark.parametrize(("user", "status"), [(None, 401), ("victor", 403)])
def test_only_admins_receive_changes(process: AdminProcess, user: str | None, status: int) -> None:
    client = process.client(user)
    with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect(EVENTS):
        pass
    assert refused.value.status_code == status
    assert refused.value.json()["error"]
