"""The runs of all jobs, for queries in SQL; they stay when Dagster's own history of them is pruned."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Table, Text

from market_assets.store.column_types import UtcDateTime
from market_assets.store.tables.columns import metadata

#: One row a run, as `defs.sensors.executions` last saw it.
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
