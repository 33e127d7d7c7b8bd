"""Runs and ticks of any date, written through Dagster's own storage without executing anything."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluation,
    AssetCheckEvaluationPlanned,
)
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.events import AssetMaterializationPlannedData, StepMaterializationData
from dagster._core.scheduler.instigation import TickData, TickStatus
from dagster_shared.error import SerializableErrorInfo

Kind = dg.DagsterEventType


def fabricate_run(
    instance: dg.DagsterInstance, job: str, asset: str, at: datetime, partition: str | None = None
) -> str:
    """A successful run that materialized an asset and passed a check; returns its id."""
    tags = {"dagster/partition": partition} if partition else {}
    run = dg.DagsterRun(job, run_id=str(uuid4()), tags=tags | {"dagster/schedule_name": job})
    instance.run_storage.add_historical_run(run, run_creation_time=at)
    key = dg.AssetKey(asset)
    materialization = dg.AssetMaterialization(key, partition=partition, metadata={"dagster/row_count": 3})
    planned = AssetCheckEvaluationPlanned(asset_key=key, check_name="whole")
    result = AssetCheckEvaluation(key, "whole", passed=True, metadata={})
    for kind, data in (
        (Kind.RUN_START, None),
        (Kind.ASSET_MATERIALIZATION_PLANNED, AssetMaterializationPlannedData(key, partition=partition)),
        (Kind.ASSET_CHECK_EVALUATION_PLANNED, planned),
        (Kind.ASSET_MATERIALIZATION, StepMaterializationData(materialization)),
        (Kind.ASSET_CHECK_EVALUATION, result),
        (Kind.RUN_SUCCESS, None),
    ):
        event = dg.DagsterEvent(kind.value, job_name=job, event_specific_data=data, step_key="a_step")
        instance.handle_new_event(
            dg.EventLogEntry(  # type: ignore[no-untyped-call]
                error_info=None,
                level=20,
                user_message="",
                run_id=run.run_id,
                timestamp=at.timestamp(),
                step_key="a_step",
                job_name=job,
                dagster_event=event,
            )
        )
    return run.run_id


def fabricate_ticks(instance: dg.DagsterInstance, day: datetime) -> None:
    """Ticks of a sensor: one of each status."""
    for hour, status in enumerate((TickStatus.SUCCESS, TickStatus.SKIPPED, TickStatus.FAILURE)):
        at = day + timedelta(hours=hour)
        error = SerializableErrorInfo("it failed", [], "Error") if status is TickStatus.FAILURE else None
        instance.create_tick(
            TickData(
                *("origin", "alerts", InstigatorType.SENSOR, status, at.timestamp()),
                *([], [], error),
                selector_id="selector",
            )
        )


def purge_ticks(instance: dg.DagsterInstance, now: datetime) -> None:
    """As Dagster's daemon does after each tick, by the `retention` of the instance."""
    for status, days in instance.get_tick_retention_settings(InstigatorType.SENSOR).items():
        before = (now - timedelta(days=days)).timestamp()
        instance.purge_ticks("origin", "selector", before=before, tick_statuses=[status])
