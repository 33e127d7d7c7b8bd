"""The market tables"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from market_assets.store.column_types import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


#: Two bytes a skill, low byte first, as in `skills.code`.
POSTING_SKILLS_VIEW = {
    "sqlite": """
        CREATE VIEW posting_skills AS
        WITH RECURSIVE place(number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM place WHERE number < 999)
        SELECT f.posting_id, s.skill
        FROM posting_facts f
        JOIN place p ON p.number < length(f.skills) / 2
        JOIN skills s ON s.code = substr(f.skills, 2 * p.number + 1, 2)
        WHERE f.in_store
    """,
    "postgresql": """
        CREATE VIEW posting_skills AS
        SELECT f.posting_id, s.skill
        FROM posting_facts f
        CROSS JOIN LATERAL generate_series(0, length(f.skills) / 2 - 1) AS p(number)
        JOIN skills s ON s.code = substring(f.skills FROM 2 * p.number + 1 FOR 2)
        WHERE f.in_store
    """,
}


def upgrade() -> None:
    op.create_table(
        "category_relationships",
        sa.Column("category_a", sa.Text(), nullable=False),
        sa.Column("category_b", sa.Text(), nullable=False),
        sa.Column("co_occurrences", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("category_a", "category_b", name=op.f("pk_category_relationships")),
    )
    op.create_table(
        "data_revision",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_revision")),
    )
    op.create_table(
        "industry_skills",
        sa.Column("industry", sa.Text(), nullable=False),
        sa.Column("skill", sa.Text(), nullable=False),
        sa.Column("postings", sa.BigInteger(), nullable=False),
        sa.Column("demand_share", sa.Float(precision=53), nullable=False),
        sa.Column("average_salary", sa.Float(precision=53), nullable=True),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("industry", "skill", name=op.f("pk_industry_skills")),
    )
    op.create_table(
        "job_postings",
        sa.Column("posting_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("company", sa.Text(), nullable=True),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("is_remote", sa.Boolean(), nullable=True),
        sa.Column("workplace", sa.Text(), nullable=True),
        sa.Column("employment_type", sa.Text(), nullable=True),
        sa.Column("industry", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("salary_min", sa.Float(precision=53), nullable=True),
        sa.Column("salary_max", sa.Float(precision=53), nullable=True),
        sa.Column("salary_currency", sa.Text(), nullable=True),
        sa.Column("salary_period", sa.Text(), nullable=True),
        sa.Column("annual_salary_min", sa.Float(precision=53), nullable=True),
        sa.Column("annual_salary_max", sa.Float(precision=53), nullable=True),
        sa.Column("posted_at", UtcDateTime(), nullable=False),
        sa.Column("ingested_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.Column("partition_date", sa.Date(), nullable=False),
        sa.Column("duplicate_of", sa.BigInteger(), nullable=True),
        sa.Column("stated_posted_at", UtcDateTime(), nullable=True),
        sa.Column("content_date", sa.Date(), nullable=False),
        sa.Column("restored_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("posting_id", name=op.f("pk_job_postings")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_job_postings_source_external_id")),
    )
    op.create_index("ix_job_postings_partition_date", "job_postings", ["partition_date"])
    op.create_index("ix_job_postings_content_date", "job_postings", ["content_date", "posting_id"])
    op.create_index("ix_job_postings_posted_at", "job_postings", ["posted_at"])

    op.create_table(
        "location_salaries",
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("postings", sa.BigInteger(), nullable=False),
        sa.Column("average_salary", sa.Float(precision=53), nullable=True),
        sa.Column("median_salary", sa.Float(precision=53), nullable=True),
        sa.Column("min_salary", sa.Float(precision=53), nullable=True),
        sa.Column("max_salary", sa.Float(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("location", name=op.f("pk_location_salaries")),
    )
    op.create_table(
        "market_summary",
        sa.Column("as_of", UtcDateTime(), nullable=False),
        sa.Column("window_start", UtcDateTime(), nullable=False),
        sa.Column("postings", sa.BigInteger(), nullable=False),
        sa.Column("duplicates", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("postings_with_salary", sa.BigInteger(), nullable=False),
        sa.Column("average_salary", sa.Float(precision=53), nullable=True),
        sa.Column("median_salary", sa.Float(precision=53), nullable=True),
        sa.Column("skills", sa.BigInteger(), nullable=False),
        sa.Column("industries", sa.BigInteger(), nullable=False),
        sa.Column("locations", sa.BigInteger(), nullable=False),
        sa.Column("remote_share", sa.Float(precision=53), nullable=True),
        sa.Column("top_skill", sa.Text(), nullable=True),
        sa.Column("fastest_growing_skill", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("as_of", name=op.f("pk_market_summary")),
    )
    op.create_table(
        "posting_facts",
        sa.Column("posting_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("posted_at", UtcDateTime(), nullable=False),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("industry", sa.Text(), nullable=True),
        sa.Column("employment_type", sa.Text(), nullable=True),
        sa.Column("workplace", sa.Text(), nullable=True),
        sa.Column("salary", sa.Float(precision=53), nullable=True),
        sa.Column("skills", sa.LargeBinary(), nullable=True),
        sa.Column("in_store", sa.Boolean(), nullable=False),
        sa.Column("duplicate_of", sa.BigInteger(), nullable=True),
        sa.Column("first_of_job", sa.Boolean(), nullable=False),
        sa.Column("url_key", sa.BigInteger(), nullable=True),
        sa.Column("job_key", sa.BigInteger(), nullable=True),
        sa.Column("text_hash", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("posting_id", name=op.f("pk_posting_facts")),
    )
    op.create_index("ix_posting_facts_duplicate_of", "posting_facts", ["duplicate_of"])
    op.create_index("ix_posting_facts_job_key", "posting_facts", ["job_key"])
    op.create_index("ix_posting_facts_posted_at", "posting_facts", ["posted_at"])
    op.create_index("ix_posting_facts_url_key", "posting_facts", ["url_key"])

    op.create_table(
        "posting_statistics",
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("postings", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("dimension", "value", name=op.f("pk_posting_statistics")),
    )
    op.create_table(
        "rejected_postings",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("partition_date", sa.Date(), nullable=False),
        sa.Column("payload_hash", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("rejected_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("source", "partition_date", "payload_hash", name=op.f("pk_rejected_postings")),
    )
    op.create_table(
        "salary_statistics",
        sa.Column("skill", sa.Text(), nullable=False),
        sa.Column("postings_with_salary", sa.BigInteger(), nullable=False),
        sa.Column("average_salary", sa.Float(precision=53), nullable=True),
        sa.Column("p10", sa.Float(precision=53), nullable=True),
        sa.Column("p25", sa.Float(precision=53), nullable=True),
        sa.Column("median_salary", sa.Float(precision=53), nullable=True),
        sa.Column("p75", sa.Float(precision=53), nullable=True),
        sa.Column("p90", sa.Float(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("skill", name=op.f("pk_salary_statistics")),
    )
    op.create_table(
        "salary_trends",
        sa.Column("skill", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("postings", sa.BigInteger(), nullable=False),
        sa.Column("average_salary", sa.Float(precision=53), nullable=True),
        sa.Column("median_salary", sa.Float(precision=53), nullable=True),
        sa.Column("trend_direction", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("skill", "month", name=op.f("pk_salary_trends")),
    )
    op.create_table(
        "skill_demand",
        sa.Column("skill", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("industry", sa.Text(), nullable=True),
        sa.Column("postings", sa.BigInteger(), nullable=False),
        sa.Column("demand_share", sa.Float(precision=53), nullable=False),
        sa.Column("demand_score", sa.Float(precision=53), nullable=False),
        sa.Column("average_salary", sa.Float(precision=53), nullable=True),
        sa.Column("median_salary", sa.Float(precision=53), nullable=True),
        sa.Column("min_salary", sa.Float(precision=53), nullable=True),
        sa.Column("max_salary", sa.Float(precision=53), nullable=True),
        sa.Column("top_sources", sa.Text(), nullable=False),
        sa.Column("top_industries", sa.Text(), nullable=False),
        sa.Column("top_locations", sa.Text(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("skill", "industry", name=op.f("uq_skill_demand_skill_industry")),
    )
    op.create_table(
        "skill_pairs",
        sa.Column("skill_a", sa.Text(), nullable=False),
        sa.Column("skill_b", sa.Text(), nullable=False),
        sa.Column("co_occurrences", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("skill_a", "skill_b", name=op.f("pk_skill_pairs")),
    )
    op.create_table(
        "skill_recommendations",
        sa.Column("skill", sa.Text(), nullable=False),
        sa.Column("recommended_skill", sa.Text(), nullable=False),
        sa.Column("score", sa.Float(precision=53), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("skill", "recommended_skill", name=op.f("pk_skill_recommendations")),
    )
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
        sa.PrimaryKeyConstraint("skill_a", "skill_b", name=op.f("pk_skill_relationships")),
    )
    op.create_table(
        "skills",
        sa.Column("skill_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.LargeBinary(), nullable=False),
        sa.Column("skill", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("skill_id", name=op.f("pk_skills")),
        sa.UniqueConstraint("code", name=op.f("uq_skills_code")),
        sa.UniqueConstraint("skill", name=op.f("uq_skills_skill")),
    )
    op.create_table(
        "trending_skills",
        sa.Column("skill", sa.Text(), nullable=False),
        sa.Column("recent_postings", sa.BigInteger(), nullable=False),
        sa.Column("previous_postings", sa.BigInteger(), nullable=False),
        sa.Column("growth", sa.Float(precision=53), nullable=True),
        sa.Column("trend", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("skill", name=op.f("pk_trending_skills")),
    )
    op.execute("INSERT INTO data_revision (id, revision) VALUES (1, 0)")
    op.execute(POSTING_SKILLS_VIEW[op.get_bind().dialect.name])
