"""Tables of the web process and the scheduler: users, the audit log, executions, schedule overrides."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table

from market_assets.store.tables.columns import metadata, number, text, time

ROLES = ("admin", "viewer")

users = Table(
    "users",
    metadata,
    text("name_key", key=True, comment="Name without regard to case, so that no two users differ by case alone."),
    text("name", null=False, comment="Name to sign in with."),
    text("role", null=False, choices=ROLES, comment="What the user may do."),
    text("password_hash", null=False, comment="Hash of the password, with its salt."),
    Column(
        "token_version",
        BigInteger,
        nullable=False,
        comment="Goes up with password and role; older tokens are worth nothing.",
    ),
    time("created_at", comment="When the user was added."),
    time("changed_at", comment="When password or role last changed."),
)

#: Sessions that were signed out of before they ran out.
ended_sessions = Table(
    "ended_sessions",
    metadata,
    text("session_id", key=True, comment="Session that was signed out of."),
    time("expires_at", comment="When its tokens run out; the row is of no use after."),
)

audit_log = Table(
    "audit_log",
    metadata,
    # SQLite numbers rows by itself only where the key is an INTEGER.
    Column(
        "audit_id",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
        comment="Number of the entry.",
    ),
    time("at", comment="When it was done."),
    text("who", null=False, comment="User, or the program that acts for one."),
    text("address", null=False, comment="Address that the request came from."),
    text("action", null=False, comment="What was done."),
    text("target", null=False, comment="To what."),
    text("result", null=False, comment="How it ended."),
    text("detail", null=False, comment="Further words; empty without any."),
    Index(None, "at"),
)

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
