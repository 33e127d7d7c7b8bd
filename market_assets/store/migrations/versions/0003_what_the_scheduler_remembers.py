"""What the scheduler's admin API remembers"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from market_assets.store.column_types import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "scheduled_jobs",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("registered_at", UtcDateTime(), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.Column("deleted_by", sa.Text(), nullable=True),
        sa.Column("paused_at", UtcDateTime(), nullable=True),
        sa.Column("paused_by", sa.Text(), nullable=True),
        sa.Column("pause_reason", sa.Text(), nullable=True),
        sa.Column("paused_until", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("job", name=op.f("pk_scheduled_jobs")),
    )
    op.create_table(
        "held_schedules",
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("held_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("schedule", "held_by", name=op.f("pk_held_schedules")),
    )
    op.create_table(
        "scheduler_stops",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("stopped_at", UtcDateTime(), nullable=False),
        sa.Column("stopped_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheduler_stops")),
    )
