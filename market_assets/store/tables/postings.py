"""Postings, what was found in them, and what was rejected."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    column,
    table,
)

from market_assets.postings.schemas import EMPLOYMENT_TYPES, SALARY_PERIODS, WORKPLACES
from market_assets.store.column_types import UtcDateTime
from market_assets.store.tables.columns import metadata, money, text

job_postings = Table(
    "job_postings",
    metadata,
    Column("posting_id", BigInteger, primary_key=True, autoincrement=False),
    text("source", null=False),
    text("external_id", null=False),
    text("title", null=False),
    text("company"),
    text("location"),
    text("country"),
    Column("is_remote", Boolean),
    text("workplace", choices=WORKPLACES),
    text("employment_type", choices=EMPLOYMENT_TYPES),
    text("industry"),
    text("description"),
    text("url"),
    *money("salary_min", "salary_max"),
    text("salary_currency"),
    text("salary_period", choices=SALARY_PERIODS),
    *money("annual_salary_min", "annual_salary_max"),
    Column("posted_at", UtcDateTime, nullable=False),
    Column("ingested_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("partition_date", Date, nullable=False),
    Column("duplicate_of", BigInteger),
    Column("stated_posted_at", UtcDateTime),
    Column("content_date", Date, nullable=False),
    Column("restored_at", UtcDateTime),
    UniqueConstraint("source", "external_id"),
    Index(None, "posted_at"),
    Index(None, "partition_date"),
    Index("ix_job_postings_content_date", "content_date", "posting_id"),
)

#: The narrow row of a posting that statistics read. It outlives the posting until no window reaches it.
#: `skills` holds two bytes a skill (see `skills.code`), null until they have been extracted. `skill_weights` holds
#: a byte a skill in the same order, a `skills.weights.Weight`; `skills_version` is the version of the rules that
#: found them (`store.extraction`). Both are null where the skills were found before there were weights.
#: `duplicate_of` is the posting's own; `first_of_job` is true for the first posting of a job among all
#: narrow rows, those whose posting has been archived included.
posting_facts = Table(
    "posting_facts",
    metadata,
    Column("posting_id", BigInteger, primary_key=True, autoincrement=False),
    text("source", null=False),
    text("external_id", null=False),
    Column("posted_at", UtcDateTime, nullable=False),
    text("location"),
    text("industry"),
    text("employment_type"),
    text("workplace"),
    *money("salary"),
    Column("skills", LargeBinary),
    Column("skill_weights", LargeBinary),
    Column("skills_version", BigInteger),
    Column("in_store", Boolean, nullable=False),
    Column("duplicate_of", BigInteger),
    Column("first_of_job", Boolean, nullable=False),
    Column("url_key", BigInteger),
    Column("job_key", BigInteger),
    Column("near_key", BigInteger),
    Column("text_hash", BigInteger),
    Index(None, "posted_at"),
    Index(None, "url_key"),
    Index(None, "job_key"),
    Index(None, "near_key"),
    Index(None, "duplicate_of"),
)

#: What the texts of postings that share a `near_key` are compared by, beside the narrow rows to keep those narrow.
posting_sketches = Table(
    "posting_sketches",
    metadata,
    Column("posting_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sketch", LargeBinary, nullable=False),
)

skills = Table(
    "skills",
    metadata,
    Column("skill_id", BigInteger, primary_key=True, autoincrement=False, info={"minimum": 0, "maximum": 65535}),
    Column("code", LargeBinary, nullable=False, unique=True),
    Column("skill", Text, nullable=False, unique=True),
    text("category", null=False),
)

rejected_postings = Table(
    "rejected_postings",
    metadata,
    text("source", key=True),
    Column("partition_date", Date, primary_key=True),
    text("payload_hash", key=True),
    text("payload", null=False),
    text("reason", null=False),
    Column("rejected_at", UtcDateTime, nullable=False),
)

#: A row of numbers each for the postings (writers queue on it) and every result table, counted up by every
#: transaction that writes them, so that readers see what changed: see `store.revisions`.
data_revision = Table(
    "data_revision",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
)

#: A view, made by the migrations: the skills of the postings in job_postings, a row each.
#: `weight` is how much the posting wants it, above 0 up to 1; null where it has not been weighed yet.
posting_skills = table(
    "posting_skills", column("posting_id", BigInteger), column("skill", Text), column("weight", Float(53))
)

#: The statement that makes the view, by SQLAlchemy's name of the dialect.
POSTING_SKILLS_VIEW = {
    # SQLite gives the number of a byte only as that of an ASCII character; weights are 1 to 100.
    "sqlite": """
        CREATE VIEW posting_skills AS
        WITH RECURSIVE place(number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM place WHERE number < 999)
        SELECT f.posting_id, s.skill,
               unicode(CAST(substr(f.skill_weights, p.number + 1, 1) AS TEXT)) / 100.0 AS weight
        FROM posting_facts f
        JOIN place p ON p.number < length(f.skills) / 2
        JOIN skills s ON s.code = substr(f.skills, 2 * p.number + 1, 2)
        WHERE f.in_store
    """,
    "postgresql": """
        CREATE VIEW posting_skills AS
        SELECT f.posting_id, s.skill,
               get_byte(f.skill_weights, p.number)::double precision / 100 AS weight
        FROM posting_facts f
        CROSS JOIN LATERAL generate_series(0, length(f.skills) / 2 - 1) AS p(number)
        JOIN skills s ON s.code = substring(f.skills FROM 2 * p.number + 1 FOR 2)
        WHERE f.in_store
    """,
}

#: `taxonomy` is the skills as JSON, so that a later version can tell which of them have changed since; `rules`
#: names everything else that extraction depends on.
extraction_versions = Table(
    "extraction_versions",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("rules", Text, nullable=False),
    Column("taxonomy", Text, nullable=False),
)
