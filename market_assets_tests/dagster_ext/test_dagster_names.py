"""Names, values and fields of Dagster that this package uses beyond its public API: look here after an upgrade."""

from __future__ import annotations

import dataclasses
import inspect
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus
from dagster._core.storage import tags
from dagster._core.storage.event_log import schema as event_schema
from dagster._core.storage.runs import schema as run_schema
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from market_assets.dagster_ext import history, records
from market_assets.defs import partitions, retries


@pytest.mark.parametrize(
    ("ours", "dagsters"),
    [
        (records.WILL_RETRY_TAG, tags.WILL_RETRY_TAG),
        (records.ROOT_RUN_ID_TAG, tags.ROOT_RUN_ID_TAG),
        (records.RETRIED_BY_TAG, tags.AUTO_RETRY_RUN_ID_TAG),
        (retries.MAX_RUN_RETRIES_TAG, tags.MAX_RETRIES_TAG),
        (retries.RETRY_FAILED_STEPS_TAG, tags.RETRY_ON_ASSET_OR_OP_FAILURE_TAG),
        (partitions.PARTITION_TAG, tags.PARTITION_NAME_TAG),
        (history._BACKFILL_TAG, tags.BACKFILL_ID_TAG),
        (records.CELERY_TASK_TAG, DAGSTER_CELERY_TASK_ID_TAG),
    ],
)
def test_tags_are_those_of_dagster(ours: str, dagsters: str) -> None:
    assert ours == dagsters


def test_backfills_are_active_in_every_status_but_the_ended_ones() -> None:
    ended = {"COMPLETED", "COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED"}
    assert {status.value for status in BulkActionStatus} - ended == history._ACTIVE_BACKFILLS


def test_the_tables_of_the_history_have_the_columns_that_pruning_reads() -> None:
    columns = {
        event_schema.SqlEventLogStorageTable: ("event_logs", "id run_id asset_key partition dagster_event_type"),
        event_schema.AssetCheckExecutionsTable: (
            "asset_check_executions",
            "id run_id asset_key check_name partition",
        ),
        run_schema.RunTagsTable: ("run_tags", "run_id"),
    }
    for table, (name, names) in columns.items():
        assert table.name == name
        assert set(names.split()) <= set(table.columns.keys())


def test_the_state_of_a_schedule_has_a_start_and_a_cron_expression() -> None:
    data = records.ScheduleInstigatorData("0 3 * * *", 12.5)
    assert (data.cron_schedule, data.start_timestamp) == ("0 3 * * *", 12.5)
    assert {status.name for status in records.TickStatus} >= {"STARTED", "SKIPPED", "SUCCESS", "FAILURE"}
    assert {kind.value for kind in records.InstigatorType} >= {"SCHEDULE", "SENSOR"}
    fields = set(inspect.signature(records.InstigatorState.__new__).parameters)
    assert fields >= {"origin", "instigator_type", "status", "instigator_data"}


def test_due_times_begin_with_the_start_and_go_both_ways() -> None:
    start = datetime(2026, 1, 31, 3, tzinfo=UTC)
    forward = records.schedule_execution_time_iterator(start.timestamp(), "0 3 31 * *", "UTC")
    assert [next(forward).astimezone(UTC).month for _ in range(2)] == [1, 3]
    backward = records.schedule_execution_time_iterator(start.timestamp(), "0 3 * * *", "UTC", ascending=False)
    assert [next(backward).astimezone(UTC).day for _ in range(2)] == [31, 30]


def test_daemons_without_a_heartbeat_are_unhealthy(tmp_path: Path) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        statuses = records.daemon_statuses(instance, tolerance_seconds=60)
    assert {"SENSOR", "SCHEDULER"} <= statuses.keys()
    assert all(
        status.required and not status.healthy and status.last_heartbeat is None for status in statuses.values()
    )


def test_a_freshness_policy_has_its_window() -> None:
    policy = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=3))
    assert isinstance(policy, records.TimeWindowFreshnessPolicy)
    assert policy.fail_window.to_timedelta() == timedelta(hours=3)


def test_failures_and_checks_have_their_fields() -> None:
    assert records.AssetCheckExecutionRecordStatus.PLANNED.value == "PLANNED"
    assert fields_of(records.StepFailureData) >= {"error", "user_failure_data"}


def fields_of(kind: Any) -> set[str]:
    if dataclasses.is_dataclass(kind):
        return {field.name for field in dataclasses.fields(kind)}
    return set(getattr(kind, "_fields", ())) or set(inspect.signature(kind).parameters)
