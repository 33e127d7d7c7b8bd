"""Tables of the web process and the scheduler: users, the audit log, executions, schedule overrides."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, Table, Text

from market_assets.store.tables.columns import UtcDateTime, metadata

ROLES = ("admin", "viewer")

#: `name_key` is the name without regard to case, so that no two users differ by case alone.
#: `token_version` goes up with the password or the role; tokens of an older version are worth nothing.
users = Table(
    "users",
    metadata,
    Column("name_key", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False, info={"choices": ROLES}),
    Column("password_hash", Text, nullable=False),
    Column("token_version", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

#: Sessions that were signed out of before they ran out; a row is of no use after `expires_at`.
ended_sessions = Table(
    "ended_sessions",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("expires_at", UtcDateTime, nullable=False),
)

audit_log = Table(
    "audit_log",
    metadata,
    # SQLite numbers rows by itself only where the key is an INTEGER.
    Column("audit_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("who", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index(None, "at"),
)

#: One row a run, as `defs.sensors.executions` last saw it; it stays when Dagster's own history is pruned.
job_executions = Table(
    "job_executions",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("job_id", Text, nullable=False),
    # The assets that the run makes, as Dagster's asset selection, or the functions that it calls.
    Column("func_name", Text, nullable=False),
    Column(
        "status", Text, nullable=False, info={"choices": ("queued", "running", "success", "failed", "canceled")}
    ),
    # When it was asked for.
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    # Seconds from start to end; null until it has ended.
    Column("duration", Float(53)),
    # What the assets reported of their rows, added up; null where none did.
    Column("rows", BigInteger),
    # The cause of the failure, in one line.
    Column("error", Text),
    # schedule, sensor, api:USER, ui:USER or cli.
    Column("triggered_by", Text, nullable=False),
    Index("ix_job_executions_created_at", "created_at"),
    Index("ix_job_executions_job_id_created_at", "job_id", "created_at"),
)

#: A job, from when it was first seen. It is deleted where deleted_at is set, paused where paused_at is.
scheduled_jobs = Table(
    "scheduled_jobs",
    metadata,
    Column("job", Text, primary_key=True),
    Column("registered_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),
    Column("deleted_by", Text),
    Column("paused_at", UtcDateTime),
    Column("paused_by", Text),
    Column("pause_reason", Text),
    Column("paused_until", UtcDateTime),
    # Whether it is on the schedule again once the scheduler is started, or the job restored.
    Column("resumes", Boolean, nullable=False, default=False),
)

#: One row while the scheduler is stopped, none while it is not.
scheduler_stops = Table(
    "scheduler_stops",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("stopped_at", UtcDateTime, nullable=False),
    Column("stopped_by", Text, nullable=False),
)
