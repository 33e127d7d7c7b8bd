"""When the jobs run: by the settings, in UTC, running unless someone stops them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from market_assets.automation import jobs
from market_assets.automation.guard import reason_off_schedule, reason_to_skip
from market_assets.automation.missed import MAKES_UP_TAG, in_words, missed_days, missed_moments
from market_assets.settings import Settings


def default_schedules(settings: Settings, *, fills_past: bool = True) -> list[dg.ScheduleDefinition]:
    """A schedule for each job, called by the job's name with `_schedule`.

    Args:
        settings: when the jobs run.
        fills_past: whether a source can give a day that is over, so that a day that was missed can be made up for.
    """
    return [
        _schedule(settings, jobs.INGESTION, settings.ingestion_cron, partitioned=True, fills_past=fills_past),
        _schedule(settings, jobs.REFRESH, settings.refresh_cron),
        _schedule(settings, jobs.CLEANUP, settings.cleanup_cron),
        _schedule(settings, jobs.REBUILD, settings.rebuild_cron),
        _schedule(settings, jobs.PRUNE, settings.history_cron),
    ]


def _schedule(
    settings: Settings, job: str, cron: str, *, partitioned: bool = False, fills_past: bool = False
) -> dg.ScheduleDefinition:
    name = f"{job}_schedule"

    def evaluate(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        from market_assets.storage.database import Database

        moment = context.scheduled_execution_time.astimezone(UTC)
        partition = moment.date().isoformat() if partitioned else None
        database = Database(settings.market_url)
        if reason := reason_off_schedule(context.instance, database, job, name, datetime.now(UTC)):
            yield dg.SkipReason(reason)
            return
        missed = missed_moments(context.instance, name, cron, moment)
        # Another refresh is as good as those that were missed; another day is not, as long as it can be had.
        by_days = partition is not None and fills_past
        days = missed_days(context.instance, job, missed, partition) if partition and by_days else {}
        if not (reason := reason_to_skip(context.instance, job, partition)):
            yield _request(job, moment, partition, [] if by_days else missed)
        elif not days:
            yield dg.SkipReason(reason)
        for day, due in days.items():
            yield _request(job, due, day, [due])

    return dg.ScheduleDefinition(
        name=name,
        job_name=job,
        cron_schedule=cron,
        execution_timezone="UTC",
        execution_fn=evaluate,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Starts {job}, unless it is paused or still running.",
    )


def _request(job: str, due: datetime, partition: str | None, makes_up_for: list[datetime]) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{job}:{due.isoformat()}",
        partition_key=partition,
        tags={MAKES_UP_TAG: in_words(makes_up_for)} if makes_up_for else {},
    )
