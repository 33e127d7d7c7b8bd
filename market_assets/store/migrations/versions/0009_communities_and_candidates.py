"""Communities of skills, and names that the taxonomy may lack"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "skill_communities",
        sa.Column("skill", sa.Text(), nullable=False),
        sa.Column("community", sa.BigInteger(), nullable=False),
        sa.Column("community_name", sa.Text(), nullable=False),
        sa.Column("centrality", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("skill", name=op.f("pk_skill_communities")),
    )
    op.create_table(
        "skill_candidates",
        sa.Column("candidate", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("listed_postings", sa.BigInteger(), nullable=False),
        sa.Column("postings", sa.BigInteger(), nullable=False),
        sa.Column("listed_share", sa.Float(precision=53), nullable=False),
        sa.Column("capital_share", sa.Float(precision=53), nullable=False),
        sa.Column("score", sa.Float(precision=53), nullable=False),
        sa.Column("example", sa.Text(), nullable=False),
        sa.Column("suggested_line", sa.Text(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("candidate", name=op.f("pk_skill_candidates")),
    )
