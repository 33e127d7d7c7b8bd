"""Triggering runs: through Dagster's own GraphQL, in this process, so that it checks the config and who may."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import dagster as dg
from starlette.requests import HTTPConnection

from market_assets.dagster_ext.workspace import KnownJob
from market_assets.dagster_ext.workspace_types import WorkspaceProcessContext
from market_assets.operations.executions import TRIGGERED_BY_TAG
from market_assets.operations.overlap_guard import active_run
from market_assets.store.database import Database
from market_assets.store.lock import mutex
from market_assets.web.admin.models import TriggerRequest
from market_assets.web.admin.scheduler import utc_now
from market_assets.web.auth.identity import ApiError

#: The caller's own name for a request: the same one within this time is the same run.
IDEMPOTENCY_TAG = "market_assets/idempotency_key"
IDEMPOTENCY_TIME = timedelta(hours=24)
_PARTITION_TAG = "dagster/partition"
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


@dataclass(frozen=True)
class Launched:
    """A run that a trigger started, or one that an earlier trigger with the same key started."""

    run_id: str
    is_new: bool


class Launcher:
    """Starts runs of jobs, never two of the same job and partition at once."""

    def __init__(self, context: WorkspaceProcessContext, schema: Any, database: Database) -> None:
        self._context = context
        self._schema = schema
        self._database = database

    def trigger(
        self, connection: HTTPConnection, user: str, job: KnownJob, request: TriggerRequest, key: str | None
    ) -> Launched:
        """Queue a run of a job.

        Args:
            connection: the request that asks for it; Dagster asks what its user may do.
            user: that user's name.
            job: the job.
            request: what to run it with.
            key: the caller's own name for this request.

        Raises:
            ApiError: 409, the job is active (on that partition); 422, a partition or config that won't do.
        """
        partition = _partition(job, request.partition)
        run_config = _plain_config(request.run_config)
        tags = {TRIGGERED_BY_TAG: f"api:{user}"}
        if partition is not None:
            tags[_PARTITION_TAG] = partition
        # Other web processes of the same store may be asked at the same moment.
        with mutex(self._database):
            if key is not None:
                tags[IDEMPOTENCY_TAG] = key
                if earlier := self._earlier(job, user, key):
                    return Launched(earlier, is_new=False)
            if run := active_run(self._context.instance, job.job_id, partition):
                about = f" on {partition}" if partition else ""
                raise ApiError(409, f"Job {job.job_id} is already active{about}", {"run_id": run.run_id})
            return Launched(self._launch(connection, job, run_config, tags), is_new=True)

    def _earlier(self, job: KnownJob, user: str, key: str) -> str | None:
        """The run that a request of this key started."""
        filters = dg.RunsFilter(
            job_name=job.job_id,
            tags={IDEMPOTENCY_TAG: key, TRIGGERED_BY_TAG: f"api:{user}"},
            created_after=utc_now() - IDEMPOTENCY_TIME,
        )
        # A retry carries the tags of the run it repeats: the oldest is the one.
        found = self._context.instance.get_run_records(filters, limit=1, ascending=True)
        return found[0].dagster_run.run_id if found else None

    def _launch(
        self, connection: HTTPConnection, job: KnownJob, run_config: dict[str, Any], tags: dict[str, str]
    ) -> str:
        parameters = {
            "selector": {
                "repositoryLocationName": job.location,
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


def _run_id(answer: dict[str, Any]) -> str:
    kind = answer["__typename"]
    if kind == "LaunchRunSuccess":
        return str(answer["run"]["runId"])
    if kind == "RunConfigValidationInvalid":
        raise ApiError(422, "run_config: " + "; ".join(_one_line(error["message"]) for error in answer["errors"]))
    if kind == "UnauthorizedError":
        raise ApiError(403, "Admin access required")
    if kind == "PipelineNotFoundError":
        raise ApiError(404, "Job not found")
    raise ApiError(503, f"Dagster did not take the run: {_one_line(answer.get('message') or kind)}")


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


def _plain_config(run_config: dict[str, Any] | None) -> dict[str, Any]:
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
