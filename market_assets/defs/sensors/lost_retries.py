"""Retries that Dagster owes and has lost are asked for again.

Dagster's daemon looks at a failure once. If it looks between the event and the run's new status, or while the code
server is away, the retry never comes. Looking again is harmless: a run that was repeated is not repeated twice.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg

from market_assets.dagster_ext.run_events import (
    AUTO_RETRY_RUN_ID_TAG,
    RUN_FAILURE_REASON_TAG,
    WILL_RETRY_TAG,
    RunFailureReason,
    auto_reexecution_should_retry_run,
)

SENSOR_SECONDS = 30
#: Later the next scheduled run is nearer than a repetition.
_LATEST = timedelta(hours=1)
_ASKED_TAG = "market_assets/retry_asked_again"
_MOST_ASKED = 3
_CURSOR = f"EVENT_LOG_CONSUMER_CURSOR-{dg.DagsterEventType.RUN_FAILURE.value}"


def ask_again(instance: dg.DagsterInstance, now: datetime) -> list[str]:
    """Have Dagster's daemon look again at failures whose retry never came; returns the ids of those runs."""
    filters = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=now - _LATEST)
    lost = [run for run in instance.get_runs(filters) if _is_lost(instance, run)]
    ids = [number for run in lost if (number := _failure_id(instance, run, now)) is not None]
    if not ids:
        return []
    for run in lost:
        asked = str(int(run.tags.get(_ASKED_TAG, "0")) + 1)
        instance.add_run_tags(run.run_id, {WILL_RETRY_TAG: "true", _ASKED_TAG: asked})
    instance.daemon_cursor_storage.set_cursor_values({_CURSOR: str(min(ids) - 1)})
    return [run.run_id for run in lost]


def _is_lost(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    if AUTO_RETRY_RUN_ID_TAG in run.tags or int(run.tags.get(_ASKED_TAG, "0")) >= _MOST_ASKED:
        return False
    reason = run.tags.get(RUN_FAILURE_REASON_TAG)
    return bool(auto_reexecution_should_retry_run(instance, run, RunFailureReason(reason) if reason else None))


def _failure_id(instance: dg.DagsterInstance, run: dg.DagsterRun, now: datetime) -> int | None:
    """The number of a run's failure among all events."""
    changes = dg.RunStatusChangeRecordsFilter(
        event_type=dg.DagsterEventType.RUN_FAILURE,
        after_timestamp=(now - 2 * _LATEST).timestamp(),
        job_names=[run.job_name],
    )
    for record in instance.fetch_run_status_changes(changes, limit=1000).records:
        if record.run_id == run.run_id:
            return record.storage_id
    return None


def lost_retries_sensor() -> dg.SensorDefinition:
    """Sees to it that a run whose process died is started again."""

    @dg.sensor(
        name="lost_retries",
        minimum_interval_seconds=SENSOR_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks again for retries of runs that Dagster's daemon has overlooked.",
    )
    def lost_retries(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        asked = ask_again(context.instance, datetime.now(UTC))
        return dg.SkipReason(f"asked again to retry {', '.join(asked)}" if asked else "no retry is missing")

    return lost_retries
