"""The jobs: as the API shows them, and triggering their runs.

A run is launched by Dagster's GraphQL, in this process, so that Dagster checks its config and the caller's role.
"""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import dagster as dg
from starlette.requests import HTTPConnection

from market_assets.dagster_ext.workspace import WorkspaceProcessContext
from market_assets.operations.executions import begun_at, status_of
from market_assets.operations.names import (
    CLEANUP,
    INGESTION,
    PARTITION_TAG,
    PRUNE,
    REBUILD,
    REFRESH,
    TRIGGERED_BY_TAG,
)
from market_assets.operations.scheduling import active_run
from market_assets.settings import Settings
from market_assets.store.database import Database
from market_assets.store.lock import mutex
from market_assets.web.admin.executions import RunReader
from market_assets.web.admin.models import Configuration, DefaultTask, Job, JobPause, TriggerRequest
from market_assets.web.admin.scheduler import KnownJob, Overview, utc_now
from market_assets.web.errors import ApiError

#: The caller's name for a request: repeated within this time it gives the same run.
IDEMPOTENCY_TAG = "market_assets/idempotency_key"
IDEMPOTENCY_TIME = timedelta(hours=24)
_DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
_LAUNCH = """
mutation Trigger($parameters: ExecutionParams!) {
  launchRun(executionParams: $parameters) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on Error { message }
  }
}
"""


def configuration(overview: Overview, settings: Settings) -> Configuration:
    """How the scheduler is set up, and the jobs that come with this program."""
    kept_days = {CLEANUP: settings.retention_days, PRUNE: settings.history_days}
    jobs = (overview.every_job.get(name) for name in (INGESTION, REFRESH, CLEANUP, REBUILD, PRUNE))
    tasks = {
        job.job_id: DefaultTask(
            description=job.description or "",
            schedule=job.cron,
            frequency=frequency(job.cron),
            retention_days=kept_days.get(job.job_id),
        )
        for job in jobs
        if job is not None
    }
    return Configuration(default_tasks=tasks)


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


def job_entry(job: KnownJob, overview: Overview, runs: RunReader) -> Job:
    """A job as the API shows it."""
    pause = overview.pause_of(job)
    newest = runs.context.instance.get_run_records(dg.RunsFilter(job_name=job.job_id), limit=1)
    last = newest[0] if newest else None
    return Job(
        id=job.job_id,
        description=job.description,
        func_name=job.func_name,
        status=overview.status_of(job),
        schedule=job.cron or None,
        created_at=overview.overrides.jobs[job.job_id].registered_at,
        last_run=begun_at(last) if last else None,
        next_run=job.next_run(overview.now) if overview.is_scheduled(job) else None,
        last_status=status_of(last.dagster_run) if last else None,
        pause=JobPause.model_validate(pause) if pause else None,
    )


class Launcher:
    """Starts runs of jobs, never two of the same job and partition at once."""

    def __init__(self, context: WorkspaceProcessContext, schema: Any, database: Database) -> None:
        self._context = context
        self._schema = schema
        self._database = database

    def trigger(
        self, connection: HTTPConnection, user: str, job: KnownJob, request: TriggerRequest, key: str | None
    ) -> tuple[str, bool]:
        """Queue a run of a job; its id, and whether it is new or that of an earlier trigger with the same key.

        Args:
            connection: the HTTP request, by which Dagster knows the user's permissions.
            user: the user's name.
            job: the job.
            request: what to run it with.
            key: the caller's name for this request.

        Raises:
            ApiError: 409, the job is active (on that partition); 422, a partition or config that is not valid.
        """
        partition = _partition(job, request.partition)
        run_config = _checked_config(request.run_config)
        tags = {TRIGGERED_BY_TAG: f"api:{user}"}
        if partition is not None:
            tags[PARTITION_TAG] = partition
        # Other web processes of the same store may get a trigger at the same time.
        with mutex(self._database):
            if key is not None:
                tags[IDEMPOTENCY_TAG] = key
                if earlier := self._earlier(job, user, key):
                    return earlier, False
            if run := active_run(self._context.instance, job.job_id, partition):
                about = f" on {partition}" if partition else ""
                raise ApiError(409, f"Job {job.job_id} is already active{about}", {"run_id": run.run_id})
            return self._launch(connection, job, run_config, tags), True

    def _earlier(self, job: KnownJob, user: str, key: str) -> str | None:
        """The run that a request with this key started."""
        filters = dg.RunsFilter(
            job_name=job.job_id,
            tags={IDEMPOTENCY_TAG: key, TRIGGERED_BY_TAG: f"api:{user}"},
            created_after=utc_now() - IDEMPOTENCY_TIME,
        )
        # A retry carries the tags of the run that it repeats: the oldest is the one.
        found = self._context.instance.get_run_records(filters, limit=1, ascending=True)
        return found[0].dagster_run.run_id if found else None

    def _launch(
        self, connection: HTTPConnection, job: KnownJob, run_config: dict[str, Any], tags: dict[str, str]
    ) -> str:
        parameters = {
            "selector": {
                "repositoryLocationName": job.repository.handle.location_name,
                "repositoryName": job.repository.name,
                "jobName": job.job_id,
            },
            "runConfigData": run_config,
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        }
        with self._context.create_request_context(connection) as context:
            result = asyncio.run(
                self._schema.execute_async(_LAUNCH, variables={"parameters": parameters}, context_value=context)
            )
        if result.errors or result.data is None:
            raise ApiError(503, f"Dagster did not take the run: {_one_line(str(result.errors))}")
        return _run_id(result.data["launchRun"])


def _run_id(result: dict[str, Any]) -> str:
    kind = result["__typename"]
    if kind == "LaunchRunSuccess":
        return str(result["run"]["runId"])
    if kind == "RunConfigValidationInvalid":
        raise ApiError(422, "run_config: " + "; ".join(_one_line(error["message"]) for error in result["errors"]))
    raise ApiError(503, f"Dagster did not take the run: {_one_line(result.get('message') or kind)}")


def _partition(job: KnownJob, stated: str | None) -> str | None:
    partitions = job.partitions
    if partitions is None:
        if stated is not None:
            raise ApiError(422, f"partition: job {job.job_id} has no partitions")
        return None
    if stated is None:
        return partitions.get_last_partition_key()
    if not partitions.has_partition_key(stated):
        first, last = partitions.get_first_partition_key(), partitions.get_last_partition_key()
        raise ApiError(422, f"partition: {stated!r} is not one of job {job.job_id}, {first} to {last}")
    return stated


def _checked_config(run_config: dict[str, Any] | None) -> dict[str, Any]:
    text = json.dumps(run_config or {}, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ApiError(422, "run_config: holds text that is not Unicode") from None
    if "\\u0000" in text:
        raise ApiError(422, "run_config: holds the character NUL")
    return run_config or {}


def _one_line(text: str) -> str:
    return " ".join(text.split())[:1_000]
