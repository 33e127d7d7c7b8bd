"""Tables of the web process and the scheduler: accounts, executions, schedule overrides.

Users, their tokens and sessions and the audit log are apart from all others (`accounts`), so that who may read
results need not be given password hashes: in a file of their own on SQLite, in a schema of their own on PostgreSQL
(see `Database.accounts`).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, Table

from market_assets.store.database import ACCOUNTS_SCHEMA
from market_assets.store.tables.columns import integer, metadata, number, text, time

accounts = MetaData(schema=ACCOUNTS_SCHEMA, naming_convention=metadata.naming_convention)

ROLES = ("admin", "viewer")

users = Table(
    "users",
    accounts,
    text("name_key", "Name without regard to case, so that no two users differ by case alone.", key=True),
    text("name", "Name to sign in with.", null=False),
    text("role", "What the user may do.", null=False, choices=ROLES),
    text("password_hash", "Hash of the password, with its salt.", null=False),
    integer("token_version", "Goes up with password and role; older tokens are worth nothing.", null=False),
    time("created_at", "When the user was added."),
    time("changed_at", "When password or role last changed."),
)

#: What a token may do: what viewers may, or what admins may.
SCOPES = READ_SCOPE, ADMIN_SCOPE = "read", "admin"

#: Personal access tokens, for programs.
access_tokens = Table(
    "access_tokens",
    accounts,
    text("token_id", "Names the token, to revoke it.", key=True),
    text("token_hash", "SHA-256 of the token.", null=False),
    text("name_key", "The user, as in users.", null=False),
    integer("token_version", "That of the user when it was made.", null=False),
    text("name", "What the token is for.", null=False),
    text("scope", "What it may do.", null=False, choices=SCOPES),
    time("created_at", "When it was made."),
    time("expires_at", "When it stops working by itself."),
    Index(None, "token_hash", unique=True),
    Index(None, "name_key"),
)

#: Sessions that were signed out of before they ran out.
ended_sessions = Table(
    "ended_sessions",
    accounts,
    text("session_id", "Session that was signed out of.", key=True),
    time("expires_at", "When its tokens run out; the row is of no use after."),
)

audit_log = Table(
    "audit_log",
    accounts,
    # SQLite numbers rows by itself only where the key is an INTEGER.
    Column(
        "audit_id",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
        comment="Number of the entry.",
    ),
    time("at", "When it was done."),
    text("who", "User, or the program that acts for one.", null=False),
    text("address", "Address that the request came from.", null=False),
    text("action", "What was done.", null=False),
    text("target", "To what.", null=False),
    text("result", "How it ended.", null=False),
    text("detail", "Further words; empty without any.", null=False),
    Index(None, "at"),
)


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
