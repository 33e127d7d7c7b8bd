"""The jobs, as the API tells of them."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg

from market_assets.dagster_ext.workspace import KnownJob, what_it_runs
from market_assets.defs import jobs as default_jobs
from market_assets.operations.executions import begun_at, status_of
from market_assets.settings import Settings
from market_assets.web.admin.executions import RunReader
from market_assets.web.admin.models import Config, Job, JobDetail, JobPause, SchedulerConfig, Task
from market_assets.web.admin.scheduler import Overview

_OWN_JOBS = (
    default_jobs.INGESTION,
    default_jobs.REFRESH,
    default_jobs.CLEANUP,
    default_jobs.REBUILD,
    default_jobs.PRUNE,
)
#: How many of its runs a job is shown with.
NEWEST_RUNS = 10
_DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]


def job_list(jobs: Mapping[str, KnownJob], seen: Overview, runs: RunReader) -> list[Job]:
    """Some jobs, in their order."""
    return [_job(job, seen, runs) for job in jobs.values()]


def job_detail(job: KnownJob, seen: Overview, runs: RunReader) -> JobDetail:
    """One job, with its newest runs."""
    told = _job(job, seen, runs)
    return JobDetail(**dict(told), executions=runs.newest(job.job_id, limit=NEWEST_RUNS))


def scheduler_config(seen: Overview, settings: Settings) -> Config:
    """How the scheduler is set up, and the jobs that come with this program."""
    kept_days = {default_jobs.CLEANUP: settings.retention_days, default_jobs.PRUNE: settings.history_days}
    tasks = {}
    for job_id in _OWN_JOBS:
        if job := seen.every_job.get(job_id):
            tasks[job_id] = Task(
                description=job.description or "",
                schedule=job.cron,
                frequency=frequency(job.cron),
                retention_days=kept_days.get(job_id),
            )
    # The guard lets no job overlap itself on the same partition.
    config = SchedulerConfig(scheduler_type="DagsterDaemonScheduler", timezone="UTC", max_instances=1)
    return Config(config=config, default_tasks=tasks)


def frequency(cron: str) -> str:
    """A cron expression in words where it is a simple one, else itself."""
    fields = cron.split()
    if len(fields) != 5 or not fields[0].isdigit() or fields[2:4] != ["*", "*"]:
        return cron
    minute, hours, weekday = int(fields[0]), fields[1], fields[4]
    if weekday == "*" and hours == "*":
        return f"hourly at minute {minute}"
    if not all(hour.isdigit() for hour in hours.split(",")):
        return cron
    times = [f"{int(hour):02}:{minute:02}" for hour in hours.split(",")]
    if weekday == "*":
        return f"daily at {' and '.join(times)} UTC"
    if weekday.isdigit():
        return f"weekly on {_DAYS[int(weekday) % 7]} at {' and '.join(times)} UTC"
    return cron


def _job(job: KnownJob, seen: Overview, runs: RunReader) -> Job:
    pause = seen.pause_of(job)
    newest = runs.context.instance.get_run_records(dg.RunsFilter(job_name=job.job_id), limit=1)
    last = newest[0] if newest else None
    return Job(
        id=job.job_id,
        description=job.description,
        func_name=what_it_runs(runs.context, job.job_id),
        status=seen.status_of(job),
        schedule=job.cron or None,
        created_at=seen.overrides.jobs[job.job_id].registered_at,
        last_run=begun_at(last) if last else None,
        next_run=job.next_run(seen.now) if seen.is_scheduled(job) else None,
        last_status=status_of(last.dagster_run) if last else None,
        pause=JobPause(by=pause.by, reason=pause.reason, until=pause.until) if pause else None,
    )
