"""The sensor that does what nobody wants to know of: four small duties, none of which waits for another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from market_assets.defs.sensors.executions import mirror_executions
from market_assets.defs.sensors.lost_retries import queue_forgotten, repeat_failures
from market_assets.operations.schedule_overrides import end_pauses
from market_assets.settings import Settings

if TYPE_CHECKING:
    from market_assets.store.database import Database

SENSOR = "housekeeping"
SENSOR_SECONDS = 30


def housekeeping_sensor(settings: Settings) -> dg.SensorDefinition:
    """Writes executions, ends pauses, repeats failures whose retry was lost, queues runs that were forgotten."""

    @dg.sensor(
        name=SENSOR,
        minimum_interval_seconds=SENSOR_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Writes runs that changed into the table job_executions, puts jobs whose pause is over back "
        "on the schedule, reports a failure again whose retry Dagster's daemon has missed, and queues a run whose "
        "maker died before it was queued.",
    )
    def housekeeping(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        from market_assets.store.database import Database

        database = Database(settings.market_url)
        done, failed = [], []
        duties: tuple[Callable[[], str | None], ...] = (
            lambda: _record_executions(context, database),
            lambda: _end_pauses(context, database),
            lambda: _repeat_failures(context.instance),
            lambda: _queue_forgotten(context.instance),
        )
        for duty in duties:
            try:
                done.append(duty())
            except Exception as error:
                failed.append(error)
        if failed:
            raise failed[0]
        return dg.SkipReason("; ".join(filter(None, done)) or "nothing was to be done")

    return housekeeping


def _record_executions(context: dg.SensorEvaluationContext, database: Database) -> str | None:
    from market_assets.store.database import StoreUnavailableError, has_table

    since = datetime.fromisoformat(context.cursor) if context.cursor else None
    try:
        if not has_table(database, "job_executions"):
            return "there is no table job_executions yet: market-assets db upgrade makes it"
        written, since = mirror_executions(database.engine(), context.instance, since)
    except StoreUnavailableError as error:
        return f"{error}; what changed is written at the next tick"
    if since:
        context.update_cursor(since.isoformat())
    return f"wrote {written} executions" if written else None


def _end_pauses(context: dg.SensorEvaluationContext, database: Database) -> str | None:
    from market_assets.store.schedule_overrides import read_overrides_if_any

    overrides = read_overrides_if_any(database)
    if not any(job.pause for job in overrides.jobs.values()):
        return None
    schedules: dict[str, list[str]] = {}
    assert context.repository_def is not None
    for schedule in context.repository_def.schedule_defs:
        schedules.setdefault(schedule.job_name, []).append(schedule.name)
    ended = end_pauses(database.engine(), context.instance, schedules, datetime.now(UTC))
    return "; ".join(f"ended {pause}" for pause in ended) or None


def _repeat_failures(instance: dg.DagsterInstance) -> str | None:
    repeated = repeat_failures(instance, datetime.now(UTC))
    return f"reported again, since their retry is missing: {', '.join(repeated)}" if repeated else None


def _queue_forgotten(instance: dg.DagsterInstance) -> str | None:
    queued = queue_forgotten(instance, datetime.now(UTC))
    return f"queued, since nobody else did: {', '.join(queued)}" if queued else None
