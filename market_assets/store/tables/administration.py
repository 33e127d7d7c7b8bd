"""Tables of the web process and the scheduler: executions, schedule overrides."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Table

from market_assets.store.tables.columns import integer, metadata, number, text, time

#: One row a run, as `defs.housekeeping` last saw it; it stays when Dagster's own history is pruned.
job_executions = Table(
    "job_executions",
    metadata,
    text("run_id", "Dagster's id of the run.", key=True),
    text("job_id", "Job that ran.", null=False),
    text("func_name", "Assets of the run, as Dagster selects them, or functions that it calls.", null=False),
    text(
        "status", "State of the run.", null=False, choices=("queued", "running", "success", "failed", "canceled")
    ),
    time("created_at", "When the run was asked for."),
    time("started_at", "When it started; null until then.", null=True),
    time("ended_at", "When it ended; null until then.", null=True),
    number("duration", "Seconds from start to end; null until it has ended."),
    integer("rows", "Rows that its assets reported, added up; null where none did."),
    text("error", "Cause of the failure, in one line."),
    text("triggered_by", "schedule, sensor, api:USER, ui:USER or cli.", null=False),
    Index("ix_job_executions_created_at", "created_at"),
    Index("ix_job_executions_job_id_created_at", "job_id", "created_at"),
)

#: A row for each job that was ever seen.
scheduled_jobs = Table(
    "scheduled_jobs",
    metadata,
    text("job", "Job.", key=True),
    time("registered_at", "When the job was first seen."),
    time("deleted_at", "When it was deleted; null where it is not.", null=True),
    text("deleted_by", "Who deleted it."),
    time("paused_at", "When it was paused; null where it is not.", null=True),
    text("paused_by", "Who paused it."),
    text("pause_reason", "Why it is paused."),
    time("paused_until", "When the pause ends by itself; null: never.", null=True),
    Column(
        "resumes",
        Boolean,
        nullable=False,
        default=False,
        comment="Whether it is on the schedule again once started or restored.",
    ),
)

#: One row while the scheduler is stopped, none while it is not.
scheduler_stops = Table(
    "scheduler_stops",
    metadata,
    integer("id", "Always the same number.", key=True),
    time("stopped_at", "When the scheduler was stopped."),
    text("stopped_by", "Who stopped it.", null=False),
)
