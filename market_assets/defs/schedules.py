"""When the jobs run: by the settings, in UTC, and by default running."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import dagster as dg

from market_assets.operations.names import CLEANUP, INGESTION, INTERVAL_TAG, MAKES_UP_TAG, PRUNE, REBUILD, REFRESH
from market_assets.operations.scheduling import (
    due_time,
    in_words,
    missed_days,
    missed_times,
    reason_off_schedule,
    reason_to_skip,
)
from market_assets.settings import Settings
from market_assets.tasks import Interval


def default_schedules(settings: Settings, *, fills_from: date | None) -> list[dg.ScheduleDefinition]:
    """A schedule for each job, named after it with the suffix `_schedule`.

    Args:
        settings: when the jobs run.
        fills_from: the first day of ingestion that is made up for if it was missed; None where no source has
            past days.
    """
    return [
        guarded_schedule(settings, INGESTION, settings.ingestion_cron, partitioned=True, fills_from=fills_from),
        guarded_schedule(settings, REFRESH, settings.refresh_cron),
        guarded_schedule(settings, CLEANUP, settings.cleanup_cron),
        guarded_schedule(settings, REBUILD, settings.rebuild_cron),
        guarded_schedule(settings, PRUNE, settings.history_cron),
    ]


def guarded_schedule(
    settings: Settings,
    job: str,
    when: Interval | str,
    *,
    partitioned: bool = False,
    fills_from: date | None = None,
) -> dg.ScheduleDefinition:
    """A schedule that skips its job while a run of it is active or an override holds.

    Args:
        settings: where the market database is, which has the overrides.
        job: the job that it starts; the schedule is named after it with the suffix `_schedule`.
        when: a cron expression or an interval, in UTC.
        partitioned: whether a run is for the day of its tick.
        fills_from: the first day that is made up for if it was missed; None where none is.
    """
    name = f"{job}_schedule"

    def evaluate(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        from market_assets.store.database import Database

        instance, tick = context.instance, context.scheduled_execution_time.astimezone(UTC)
        due = due_time(instance, name, when, tick) if isinstance(when, Interval) else tick
        if due is None:
            assert isinstance(when, Interval)
            yield dg.SkipReason(f"{job} runs {when.in_words}, next at {when.next(tick):%Y-%m-%d %H:%M} UTC")
        elif reason := reason_off_schedule(instance, Database(settings.market_url), job, name, datetime.now(UTC)):
            yield dg.SkipReason(reason)
        else:
            missed = missed_times(instance, name, when, due) if isinstance(when, str) else []
            yield from _requests(instance, job, due, missed, partitioned=partitioned, fills_from=fills_from)

    return dg.ScheduleDefinition(
        name=name,
        job_name=job,
        cron_schedule=when.crons if isinstance(when, Interval) else when,
        execution_timezone="UTC",
        execution_fn=evaluate,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Starts {job}, unless it is paused or still running."
        + (
            f" It is due {when.in_words}, counted from 1970-01-01 00:00 UTC." if isinstance(when, Interval) else ""
        ),
        tags={INTERVAL_TAG: str(when.minutes)} if isinstance(when, Interval) else None,
    )


def _requests(
    instance: dg.DagsterInstance,
    job: str,
    due: datetime,
    missed: list[datetime],
    *,
    partitioned: bool,
    fills_from: date | None,
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """A run for the due time, and one for each missed day that can still be fetched."""
    partition = due.date().isoformat() if partitioned else None
    # One refresh makes up for all missed ones; a day of ingestion only for itself.
    days: dict[str, datetime] = {}
    if partition is not None and fills_from is not None:
        fillable = [time for time in missed if time.date() >= fills_from]
        days, missed = missed_days(instance, job, fillable, partition), []
    if not (reason := reason_to_skip(instance, job, partition)):
        yield _request(job, due, partition, missed)
    elif not days:
        yield dg.SkipReason(reason)
    for day, time in days.items():
        yield _request(job, time, day, [time])


def _request(job: str, due: datetime, partition: str | None, makes_up_for: list[datetime]) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{job}:{due.isoformat()}",
        partition_key=partition,
        tags={MAKES_UP_TAG: in_words(makes_up_for)} if makes_up_for else {},
    )
