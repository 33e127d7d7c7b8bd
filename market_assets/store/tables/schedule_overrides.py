"""What the scheduler's admin API must remember and Dagster does not: who paused or deleted what, until when."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Table, Text

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
