"""What the scheduler's admin API must remember and Dagster does not: who paused or deleted what, until when."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table, Text

from market_assets.store.column_types import UtcDateTime
from market_assets.store.tables.columns import metadata

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
)

#: Schedules that ran when the scheduler was stopped (held_by "stop") or when their job was deleted
#: (held_by "deletion"), and run again afterwards.
held_schedules = Table(
    "held_schedules",
    metadata,
    Column("schedule", Text, primary_key=True),
    Column("held_by", Text, primary_key=True, info={"choices": ("stop", "deletion")}),
)

#: One row while the scheduler is stopped, none while it is not.
scheduler_stops = Table(
    "scheduler_stops",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("stopped_at", UtcDateTime, nullable=False),
    Column("stopped_by", Text, nullable=False),
)
