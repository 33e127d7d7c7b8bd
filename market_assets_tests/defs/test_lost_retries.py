"""Retries that Dagster owes: which are missing, and how it is told so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import JobFailureData, RunFailureReason

from market_assets.defs.sensors.lost_retries import ask_again, lost_retries_sensor

CURSOR = "EVENT_LOG_CONSUMER_CURSOR-PIPELINE_FAILURE"
TAGS = {"dagster/max_retries": "1"}


@dg.job
def a_job() -> None: ...


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    overrides = {"run_retries": {"enabled": True, "max_retries": 0}}
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides=overrides) as instance:
        yield instance


def failed(instance: dg.DagsterInstance, reason: RunFailureReason | None = None, **tags: str) -> dg.DagsterRun:
    run = instance.create_run_for_job(a_job, tags=tags)
    instance.report_run_failed(run, "gone", JobFailureData(error=None, failure_reason=reason) if reason else None)
    return run


def asked(instance: dg.DagsterInstance, after: timedelta = timedelta()) -> list[str]:
    return ask_again(instance, datetime.now(UTC) + after)


def cursor(instance: dg.DagsterInstance) -> int:
    return int(instance.daemon_cursor_storage.get_cursor_values({CURSOR}).get(CURSOR, "-1"))


def failures_after(instance: dg.DagsterInstance, number: int) -> set[str]:
    """Whom Dagster's daemon finds when it looks from a number on."""
    found = instance.event_log_storage.get_logs_for_all_runs_by_log_id(
        after_cursor=number, dagster_event_type={dg.DagsterEventType.RUN_FAILURE}
    )
    return {entry.run_id for entry in found.values()}


@pytest.mark.parametrize("will_retry", ["true", "false"])
def test_a_retry_that_never_came_is_asked_for(instance: dg.DagsterInstance, will_retry: str) -> None:
    earlier = failed(instance)
    lost = failed(instance, **TAGS)
    # "false" is what the daemon notes when the code server was away.
    instance.add_run_tags(lost.run_id, {"dagster/will_retry": will_retry})
    assert asked(instance) == [lost.run_id]
    assert failures_after(instance, cursor(instance)) == {lost.run_id}
    assert earlier.run_id in failures_after(instance, 0)
    run = instance.get_run_by_id(lost.run_id)
    assert run is not None
    assert run.tags["dagster/will_retry"] == "true"


def test_it_is_asked_for_three_times_at_the_most(instance: dg.DagsterInstance) -> None:
    lost = failed(instance, **TAGS)
    assert [asked(instance) for _ in range(4)] == [[lost.run_id]] * 3 + [[]]


def test_none_is_missing_where_none_is_owed(instance: dg.DagsterInstance) -> None:
    failed(instance)
    failed(instance, **{"dagster/max_retries": "0"})
    failed(instance, **TAGS, **{"dagster/auto_retry_run_id": "another-run"})
    lasting = {"dagster/retry_on_asset_or_op_failure": "false"}
    failed(instance, RunFailureReason.STEP_FAILURE, **TAGS, **lasting)
    assert asked(instance) == []
    assert cursor(instance) == -1
    passing = failed(instance, RunFailureReason.STEP_FAILURE, **TAGS)
    assert asked(instance) == [passing.run_id]


def test_after_an_hour_it_is_too_late(instance: dg.DagsterInstance) -> None:
    lost = failed(instance, **TAGS)
    assert asked(instance, timedelta(minutes=61)) == []
    assert asked(instance, timedelta(minutes=59)) == [lost.run_id]


def test_the_sensor_says_what_it_did(instance: dg.DagsterInstance) -> None:
    sensor = lost_retries_sensor()
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    context = dg.build_sensor_context(instance)
    assert sensor.evaluate_tick(context).skip_message == "no retry is missing"
    lost = failed(instance, **TAGS)
    message = sensor.evaluate_tick(context).skip_message
    assert message is not None
    assert lost.run_id in message
