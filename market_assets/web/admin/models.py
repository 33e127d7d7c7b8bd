"""What the admin API takes and answers, as OpenAPI shows it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

RunStatus = Literal["queued", "running", "success", "failed", "canceled"]
JobStatus = Literal["scheduled", "paused", "unscheduled"]


def _as_utc(moment: datetime) -> datetime:
    """The same moment in UTC; one without an offset is UTC, as everything here."""
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is beyond the calendar") from None


def _stated_moment(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError("is not a time such as 2030-01-31T06:00:00+00:00")
    try:
        return _as_utc(datetime.fromisoformat(value))
    except ValueError:
        raise ValueError(f"{value[:40]!r} is not a time such as 2030-01-31T06:00:00+00:00") from None


def _is_none(value: object) -> bool:
    return value is None


def _is_empty(value: list[str]) -> bool:
    return not value


_TIME_SCHEMA = {"type": "string", "format": "date-time", "examples": ["2030-01-31T06:00:00+00:00"]}
#: A moment in an answer: ISO 8601, UTC, with its offset.
Moment = Annotated[
    datetime, PlainSerializer(lambda moment: _as_utc(moment).isoformat(), str), WithJsonSchema(_TIME_SCHEMA)
]
#: A moment in a request: ISO 8601; without an offset it is UTC.
StatedMoment = Annotated[datetime, BeforeValidator(_stated_moment), WithJsonSchema(_TIME_SCHEMA)]
#: Text from outside, without what PostgreSQL can't store.
_SafeText = StringConstraints(max_length=500, pattern=r"^[^\x00]*$")


class Failed(BaseModel):
    """Every answer that is not a success."""

    error: str


class StillActive(Failed):
    """The job is active already: this is its run."""

    run_id: str


class Done(BaseModel):
    """What was done, in words."""

    success: Literal[True] = True
    message: str
    timestamp: Moment


class NotDone(Failed):
    """The scheduler is in that state already."""

    success: Literal[False] = False
    message: str


class SchedulerState(BaseModel):
    is_running: bool = Field(description="False from a stop until the next start")
    timestamp: Moment
    jobs_count: int
    daemon_healthy: bool = Field(description="Whether the process that starts scheduled runs is alive")


class Status(BaseModel):
    success: Literal[True] = True
    scheduler: SchedulerState


class JobPause(BaseModel):
    by: str
    reason: str | None
    until: Moment | None


class Execution(BaseModel):
    """One run of a job."""

    run_id: str
    job_id: str
    func_name: str = Field(description="The assets that the run makes, or the function that it calls")
    status: RunStatus
    started_at: Moment | None
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
    created_at: Moment = Field(description="When the job was first seen")
    last_run: Moment | None
    next_run: Moment | None = Field(description="null while paused, and without a schedule")
    last_status: RunStatus | None
    pause: JobPause | None = Field(
        default=None,
        exclude_if=_is_none,
        description="Only where the job was paused through this API",
    )


class JobDetail(Job):
    executions: list[Execution] = Field(description="The newest runs, newest first")


class Jobs(BaseModel):
    success: Literal[True] = True
    jobs: list[Job]
    count: int
    task_problems: list[str] = Field(
        default=[],
        exclude_if=_is_empty,
        description="What is wrong with files of custom tasks, which are left out; only where something is",
    )


class OneJob(BaseModel):
    success: Literal[True] = True
    job: JobDetail


class Executions(BaseModel):
    success: Literal[True] = True
    executions: list[Execution]
    count: int


class TriggerRequest(BaseModel):
    """What to run a job with."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"partition": "2026-01-31"}, {"run_config": {}}]}
    )

    partition: Annotated[str, _SafeText] | None = Field(
        None, description="A partition of a partitioned job; by default the newest, which is today's"
    )
    run_config: dict[str, Any] | None = Field(None, description="Dagster's run config")


class RunResult(BaseModel):
    status: RunStatus
    duration: float | None
    error: str | None


class Triggered(BaseModel):
    success: Literal[True] = True
    message: str
    run_id: str
    timestamp: Moment


class Finished(Triggered):
    """The answer to a caller who waited."""

    result: RunResult


class PauseRequest(BaseModel):
    """Why a job is paused, and for how long."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"reason": "the source is moving", "until": "2030-01-31T06:00:00+00:00"}]},
    )

    reason: Annotated[str, _SafeText] | None = None
    until: StatedMoment | None = Field(None, description="When the pause ends by itself; in the future")


class SchedulerConfig(BaseModel):
    scheduler_type: str
    timezone: str
    max_instances: int = Field(description="How many runs of a job, on the same partition, may be active at once")


class Task(BaseModel):
    description: str
    schedule: str = Field(description="Cron expression, UTC")
    frequency: str = Field(description="The schedule in words")
    retention_days: int | None = Field(
        default=None,
        exclude_if=_is_none,
        description="For how long postings are kept; only where the task deletes them",
    )


class Config(BaseModel):
    success: Literal[True] = True
    config: SchedulerConfig
    default_tasks: dict[str, Task]


class AuditEntry(BaseModel):
    """Who changed what, when, from where, and what came of it."""

    audit_id: int
    at: Moment
    who: str
    address: str
    action: str
    target: str
    result: str
    detail: str


class Audit(BaseModel):
    success: Literal[True] = True
    entries: list[AuditEntry]
    count: int
