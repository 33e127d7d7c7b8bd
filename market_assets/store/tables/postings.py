"""Postings, what was found in them, and what was rejected."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    column,
    table,
)

from market_assets.postings.schemas import (
    EMPLOYMENT_TYPES,
    PAY_QUALITIES,
    SALARY_PERIODS,
    SENIORITIES,
    WORKPLACES,
)
from market_assets.store.tables.columns import UtcDateTime, metadata, money, text

#: SQLite finds a row by its number without an index where the column is declared as this very type.
ROW_NUMBER = BigInteger().with_variant(Integer(), "sqlite")
SMALL_ROW_NUMBER = SmallInteger().with_variant(Integer(), "sqlite")

job_postings = Table(
    "job_postings",
    metadata,
    Column("posting_id", ROW_NUMBER, primary_key=True, autoincrement=False),
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
    text("seniority", choices=SENIORITIES),
    text("language"),
    text("description"),
    text("url"),
    *money("salary_min", "salary_max"),
    text("salary_currency"),
    text("salary_period", choices=SALARY_PERIODS),
    *money("annual_salary_min", "annual_salary_max"),
    text("pay_quality", choices=PAY_QUALITIES),
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

#: The fact table of postings, which statistics read. A row outlives its posting until no window reaches it.
#: `skills_version` is the version of the rules by which its skills were found (`store.skills`), null until then.
#: `duplicate_of` is the posting's own; `first_of_job` is true for the first posting of a job among all rows,
#: those whose posting has been archived included. `dated` is false where `posted_at` is the time of first sight.
posting_facts = Table(
    "posting_facts",
    metadata,
    Column("posting_id", ROW_NUMBER, primary_key=True, autoincrement=False),
    text("source", null=False),
    text("external_id", null=False),
    Column("posted_at", UtcDateTime, nullable=False),
    Column("dated", Boolean, nullable=False),
    Column("partition_date", Date, nullable=False),
    Column("company_key", BigInteger),
    text("location"),
    text("country"),
    text("industry"),
    text("employment_type"),
    text("workplace"),
    text("seniority"),
    text("language"),
    *money("salary"),
    Column("skills_version", BigInteger),
    Column("in_store", Boolean, nullable=False),
    Column("duplicate_of", BigInteger),
    Column("first_of_job", Boolean, nullable=False),
    Column("url_key", BigInteger),
    Column("job_key", BigInteger),
    Column("near_key", BigInteger),
    Column("text_hash", BigInteger),
    UniqueConstraint("source", "external_id"),
    Index(None, "posted_at"),
    Index(None, "url_key"),
    Index(None, "job_key"),
    Index(None, "near_key"),
)

#: The fact table of posting and skill: which skills a posting asks for, and its `skills.weights.Weight` of each.
#: `archived` is true where the posting is no longer in job_postings, else null, which takes no byte of a row: with
#: the narrow types a row is 36 bytes on PostgreSQL instead of 44. The rows come in the order of the key, so that
#: it only grows at its end; PostgreSQL stores each skill once in the index and six bytes for each posting.
posting_skill_facts = Table(
    "posting_skill_facts",
    metadata,
    Column("posting_id", Integer, nullable=False),
    Column("skill_id", SmallInteger, nullable=False),
    Column("weight", SmallInteger, nullable=False, info={"minimum": 1, "maximum": 100}),
    Column("archived", Boolean),
    PrimaryKeyConstraint("posting_id", "skill_id"),
    Index(None, "skill_id", "archived"),
    sqlite_with_rowid=False,
)

#: What the texts of postings that share a `near_key` are compared by; apart, as few postings are compared.
posting_sketches = Table(
    "posting_sketches",
    metadata,
    Column("posting_id", ROW_NUMBER, primary_key=True, autoincrement=False),
    Column("sketch", LargeBinary, nullable=False),
)

skills = Table(
    "skills",
    metadata,
    Column("skill_id", SMALL_ROW_NUMBER, primary_key=True, autoincrement=False, info={"minimum": 0}),
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

#: A view: the skills of the postings in job_postings, a row each. `weight` is how much the posting wants it,
#: above 0 up to 1.
posting_skills = table(
    "posting_skills", column("posting_id", BigInteger), column("skill", Text), column("weight", Float(53))
)

POSTING_SKILLS_VIEW = """
    CREATE VIEW posting_skills AS
    SELECT f.posting_id, s.skill, CAST(f.weight AS DOUBLE PRECISION) / 100 AS weight
    FROM posting_skill_facts f
    JOIN skills s ON s.skill_id = f.skill_id
    WHERE f.archived IS NULL
"""
