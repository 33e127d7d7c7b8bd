"""Relationships that say how sure they are, recommendations with their reason, affinities of skills

The two tables are made anew, empty: what the new columns hold can't be told from the old rows, and the next
refresh fills both.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("skill_relationships")
    op.create_table(
        "skill_relationships",
        sa.Column("skill_a", sa.Text(), nullable=False),
        sa.Column("skill_b", sa.Text(), nullable=False),
        sa.Column("co_occurrences", sa.BigInteger(), nullable=False),
        sa.Column("support", sa.Float(precision=53), nullable=False),
        sa.Column("confidence_ab", sa.Float(precision=53), nullable=False),
        sa.Column("confidence_ba", sa.Float(precision=53), nullable=False),
        sa.Column("lift", sa.Float(precision=53), nullable=False),
        sa.Column("npmi", sa.Float(precision=53), nullable=False),
        sa.Column("strength", sa.Text(), nullable=False),
        sa.Column("lift_lower", sa.Float(precision=53), nullable=False),
        sa.Column("npmi_lower", sa.Float(precision=53), nullable=False),
        sa.Column("log_likelihood", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("skill_a", "skill_b", name=op.f("pk_skill_relationships")),
    )
    op.drop_table("skill_recommendations")
    op.create_table(
        "skill_recommendations",
        sa.Column("skill", sa.Text(), nullable=False),
        sa.Column("recommended_skill", sa.Text(), nullable=False),
        sa.Column("score", sa.Float(precision=53), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("co_occurrences", sa.BigInteger(), nullable=False),
        sa.Column("npmi_lower", sa.Float(precision=53), nullable=False),
        sa.Column("strength", sa.Text(), nullable=False),
        sa.Column("median_salary", sa.Float(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("skill", "recommended_skill", name=op.f("pk_skill_recommendations")),
    )
    op.create_table(
        "skill_affinities",
        sa.Column("skill", sa.Text(), nullable=False),
        sa.Column("recommended_skill", sa.Text(), nullable=False),
        sa.Column("weight", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("skill", "recommended_skill", name=op.f("pk_skill_affinities")),
    )
