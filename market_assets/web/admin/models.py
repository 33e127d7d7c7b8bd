"""Requests and responses of the admin API, as OpenAPI shows them."""

from __future__ import annotations

import operator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints
from pydantic import WithJsonSchema as JsonSchema

from market_assets.operations.alerts.incidents import Kind
from market_assets.store.executions import ExecutionStatus

JobStatus = Literal["scheduled", "paused", "unscheduled"]


def _as_utc(time: datetime) -> datetime:
    """The same time in UTC, which one without an offset is in already."""
    try:
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except OverflowError:
        raise ValueError("is beyond the calendar") from None


_TIME_SCHEMA = {"type": "string", "format": "date-time", "examples": ["2030-01-31T06:00:00+00:00"]}
#: A time in a response: ISO 8601, UTC, with its offset.
UtcTime = Annotated[
    datetime, PlainSerializer(lambda time: _as_utc(time).isoformat(), str), JsonSchema(_TIME_SCHEMA)
]
#: A time in a request: ISO 8601; without an offset it is UTC.
StatedTime = Annotated[datetime, AfterValidator(_as_utc), JsonSchema(_TIME_SCHEMA)]
#: Text of a request, without the character that PostgreSQL can't store.
SafeText = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]


class Succeeded(BaseModel):
    success: Literal[True] = True


class Done(Succeeded):
    """A change was made; the message describes it."""

    message: str
    timestamp: UtcTime


class NotDone(BaseModel):
    """The scheduler is in that state already."""

    success: Literal[False] = False
    message: str
    error: str


class SchedulerState(BaseModel):
    is_running: bool = Field(description="False from a stop until the next start")
    timestamp: UtcTime
    jobs_count: int
    daemon_healthy: bool = Field(description="Whether the process that starts scheduled runs is alive")


class SchedulerStatus(Succeeded):
    scheduler: SchedulerState


class JobPause(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    by: str
    reason: str | None
    until: UtcTime | None


class ExecutionEntry(BaseModel):
    """One run of a job."""

    run_id: str
    job_id: str
    func_name: str = Field(description="The assets that the run makes, or the function that it calls")
    status: ExecutionStatus
    started_at: UtcTime | None
    duration: float | None = Field(description="Seconds; up to now while it is running")
    rows: int | None = Field(description="What the assets reported of their rows, added up")
    error: str | None = Field(description="The cause of the failure, in one line")
    triggered_by: str = Field(description="schedule, sensor, api:USER, ui:USER or cli")


class Job(BaseModel):
    """A job; `unscheduled` where it only runs when it is triggered."""

    id: str
    description: str | None
    func_name: str
    status: JobStatus
    schedule: str | None = Field(
        description="Cron expression, UTC, or an interval in words such as `every 5 hours`; null without one"
    )
    created_at: UtcTime = Field(description="When the job was first registered")
    last_run: UtcTime | None
    next_run: UtcTime | None = Field(description="null while paused, and without a schedule")
    last_status: ExecutionStatus | None
    pause: JobPause | None = Field(
        default=None, exclude_if=operator.not_, description="Only where the job was paused through this API"
    )


class JobDetail(Job):
    executions: list[ExecutionEntry] = Field(description="The newest runs, newest first")


class JobList(Succeeded):
    jobs: list[Job]
    count: int
    task_problems: list[str] = Field(
        default=[],
        exclude_if=operator.not_,
        description="What is wrong with files of custom tasks, which are left out; only where something is",
    )


class OneJob(Succeeded):
    job: JobDetail


class ExecutionList(Succeeded):
    executions: list[ExecutionEntry]
    count: int


class TriggerRequest(BaseModel):
    """What to run a job with."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"partition": "2026-01-31"}, {"run_config": {}}]}
    )

    partition: SafeText | None = Field(
        None, description="A partition of a partitioned job; by default the newest, which is today's"
    )
    run_config: dict[str, Any] | None = Field(None, description="Dagster's run config")


class RunResult(BaseModel):
    status: ExecutionStatus
    duration: float | None
    error: str | None


class Triggered(Done):
    run_id: str


class Finished(Triggered):
    """The answer to a trigger with `wait`."""

    result: RunResult


class JobActive(BaseModel):
    """The job is active already, in the run `run_id`."""

    error: str
    run_id: str


class PauseRequest(BaseModel):
    """Why a job is paused, and for how long."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"reason": "the source is moving", "until": "2030-01-31T06:00:00+00:00"}]},
    )

    reason: SafeText | None = None
    until: StatedTime | None = Field(None, description="When the pause ends by itself; in the future")


class SchedulerConfig(BaseModel):
    scheduler_type: str = "DagsterDaemonScheduler"
    timezone: str = "UTC"
    max_instances: int = Field(
        default=1, description="How many runs of a job, on the same partition, may be active at once"
    )


class DefaultTask(BaseModel):
    description: str
    schedule: str = Field(description="Cron expression, UTC")
    frequency: str = Field(description="The schedule in words")
    retention_days: int | None = Field(
        default=None,
        exclude_if=lambda days: days is None,
        description="For how long postings are kept; only where the task deletes them",
    )


class Configuration(Succeeded):
    config: SchedulerConfig = SchedulerConfig()
    default_tasks: dict[str, DefaultTask]


class AuditEntry(BaseModel):
    """Who changed what, when, from where, and with what result."""

    audit_id: int
    at: UtcTime
    who: str
    address: str
    action: str
    target: str
    result: str
    detail: str


class AuditLog(Succeeded):
    entries: list[AuditEntry]
    count: int


class IncidentEntry(BaseModel):
    """A problem, open or over."""

    model_config = ConfigDict(from_attributes=True)

    kind: Kind
    title: str
    detail: str
    begun_at: UtcTime
    over_at: UtcTime | None
    ending: str = Field(description="How it ended; empty while it is open")


class AlertRecipient(BaseModel):
    """A recipient of alerts, by the scheme and host of its address."""

    model_config = ConfigDict(from_attributes=True)

    host: str
    error: str | None = Field(description="Why the last message could not be sent; null where it was")
    error_at: UtcTime | None
    retry_at: UtcTime | None


class Alerts(Succeeded):
    open: list[IncidentEntry] = Field(description="The oldest first")
    over: list[IncidentEntry] = Field(description="Those of the last days, the last to end first")
    recipients: list[AlertRecipient]
