"""What near duplicates are told by"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("posting_facts", sa.Column("near_key", sa.BigInteger(), nullable=True))
    op.create_index("ix_posting_facts_near_key", "posting_facts", ["near_key"])
    op.create_table(
        "posting_sketches",
        sa.Column("posting_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sketch", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("posting_id", name=op.f("pk_posting_sketches")),
    )
