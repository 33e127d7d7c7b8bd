"""Tables of the web process and the scheduler: executions, schedule overrides."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Table

from market_assets.store.tables.columns import metadata, number, text, time

#: One row a run, as `defs.sensors.executions` last saw it; it stays when Dagster's own history is pruned.
job_executions = Table(
    "job_executions",
    metadata,
    text("run_id", key=True, comment="Dagster's id of the run."),
    text("job_id", null=False, comment="Job that ran."),
    text(
        "func_name", null=False, comment="Assets of the run, as Dagster selects them, or functions that it calls."
    ),
    text(
        "status",
        null=False,
        choices=("queued", "running", "success", "failed", "canceled"),
        comment="State of the run.",
    ),
    time("created_at", comment="When the run was asked for."),
    time("started_at", null=True, comment="When it started; null until then."),
    time("ended_at", null=True, comment="When it ended; null until then."),
    number("duration", comment="Seconds from start to end; null until it has ended."),
    Column("rows", BigInteger, comment="Rows that its assets reported, added up; null where none did."),
    text("error", comment="Cause of the failure, in one line."),
    text("triggered_by", null=False, comment="schedule, sensor, api:USER, ui:USER or cli."),
    Index("ix_job_executions_created_at", "created_at"),
    Index("ix_job_executions_job_id_created_at", "job_id", "created_at"),
)

#: A row for each job that was ever seen.
scheduled_jobs = Table(
    "scheduled_jobs",
    metadata,
    text("job", key=True, comment="Job."),
    time("registered_at", comment="When the job was first seen."),
    time("deleted_at", null=True, comment="When it was deleted; null where it is not."),
    text("deleted_by", comment="Who deleted it."),
    time("paused_at", null=True, comment="When it was paused; null where it is not."),
    text("paused_by", comment="Who paused it."),
    text("pause_reason", comment="Why it is paused."),
    time("paused_until", null=True, comment="When the pause ends by itself; null: never."),
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
    Column("id", BigInteger, primary_key=True, autoincrement=False, comment="Always the same number."),
    time("stopped_at", comment="When the scheduler was stopped."),
    text("stopped_by", null=False, comment="Who stopped it."),
)
