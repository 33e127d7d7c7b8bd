"""When the jobs run: by the settings, in UTC, running unless someone stops them."""

from __future__ import annotations

from datetime import UTC

import dagster as dg

from market_assets.automation import jobs
from market_assets.automation.guard import reason_to_skip
from market_assets.settings import Settings


def default_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """A schedule for each job, called by the job's name with `_schedule`."""
    return [
        _schedule(jobs.INGESTION, settings.ingestion_cron, partitioned=True),
        _schedule(jobs.REFRESH, settings.refresh_cron),
        _schedule(jobs.CLEANUP, settings.cleanup_cron),
        _schedule(jobs.REBUILD, settings.rebuild_cron),
    ]


def _schedule(job: str, cron: str, *, partitioned: bool = False) -> dg.ScheduleDefinition:
    def evaluate(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        moment = context.scheduled_execution_time.astimezone(UTC)
        partition = moment.date().isoformat() if partitioned else None
        if reason := reason_to_skip(context.instance, job, partition):
            return dg.SkipReason(reason)
        return dg.RunRequest(run_key=f"{job}:{moment.isoformat()}", partition_key=partition)

    return dg.ScheduleDefinition(
        name=f"{job}_schedule",
        job_name=job,
        cron_schedule=cron,
        execution_timezone="UTC",
        execution_fn=evaluate,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Starts {job}, unless it is still running.",
    )
