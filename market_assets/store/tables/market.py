"""Every table of the market database, declared once. Migrations create them, checks are made from them.

A column's `info` says what must hold for its values: `minimum`, `maximum` and `choices`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    column,
    table,
)

from market_assets.postings.schemas import EMPLOYMENT_TYPES, SALARY_PERIODS, WORKPLACES
from market_assets.store.column_types import UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

SHARE: dict[str, Any] = {"minimum": 0.0, "maximum": 1.0}
NOT_NEGATIVE: dict[str, Any] = {"minimum": 0}
POSITIVE: dict[str, Any] = {"minimum": 1}
STRENGTHS = ("very_weak", "weak", "moderate", "strong", "very_strong")
TRENDS = ("growing", "declining", "emerging", "steady")
TREND_DIRECTIONS = ("increasing", "decreasing", "stable", "insufficient_data")


def _text(name: str, *, null: bool = True, key: bool = False, choices: tuple[str, ...] = ()) -> Column[str]:
    info: dict[str, Any] = {"choices": choices} if choices else {}
    return Column(name, Text, nullable=null and not key, primary_key=key, info=info)


def _count(name: str, info: dict[str, Any] = NOT_NEGATIVE) -> Column[int]:
    return Column(name, BigInteger, nullable=False, info=info)


def _number(name: str, *, null: bool = True, info: dict[str, Any] | None = None) -> Column[float]:
    return Column(name, Float(53), nullable=null, info=info or {})


def _money(*names: str) -> list[Column[float]]:
    return [_number(name, info=NOT_NEGATIVE) for name in names]


# --- ingestion ---------------------------------------------------------------------------------

job_postings = Table(
    "job_postings",
    metadata,
    Column("posting_id", BigInteger, primary_key=True, autoincrement=False),
    _text("source", null=False),
    _text("external_id", null=False),
    _text("title", null=False),
    _text("company"),
    _text("location"),
    _text("country"),
    Column("is_remote", Boolean),
    _text("workplace", choices=WORKPLACES),
    _text("employment_type", choices=EMPLOYMENT_TYPES),
    _text("industry"),
    _text("description"),
    _text("url"),
    *_money("salary_min", "salary_max"),
    _text("salary_currency"),
    _text("salary_period", choices=SALARY_PERIODS),
    *_money("annual_salary_min", "annual_salary_max"),
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
    _text("source", null=False),
    _text("external_id", null=False),
    Column("posted_at", UtcDateTime, nullable=False),
    _text("location"),
    _text("industry"),
    _text("employment_type"),
    _text("workplace"),
    *_money("salary"),
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
    _text("category", null=False),
)

rejected_postings = Table(
    "rejected_postings",
    metadata,
    _text("source", key=True),
    Column("partition_date", Date, primary_key=True),
    _text("payload_hash", key=True),
    _text("payload", null=False),
    _text("reason", null=False),
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

# --- statistics --------------------------------------------------------------------------------

skill_demand = Table(
    "skill_demand",
    metadata,
    _text("skill", null=False),
    _text("category", null=False),
    _text("industry"),
    _count("postings", POSITIVE),
    _number("demand_share", null=False, info=SHARE),
    _number("demand_score", null=False, info={"minimum": 0.0, "maximum": 100.0}),
    _number("required_share", info=SHARE),
    *_money("average_salary", "median_salary", "min_salary", "max_salary"),
    _text("top_sources", null=False),
    _text("top_industries", null=False),
    _text("top_locations", null=False),
    _count("rank", POSITIVE),
    UniqueConstraint("skill", "industry"),
    info={"key": ("skill", "industry")},
)

salary_statistics = Table(
    "salary_statistics",
    metadata,
    _text("skill", key=True),
    _count("postings_with_salary", POSITIVE),
    *_money("average_salary", "p10", "p25", "median_salary", "p75", "p90"),
)

salary_trends = Table(
    "salary_trends",
    metadata,
    _text("skill", key=True),
    _text("month", key=True),
    _count("postings", POSITIVE),
    *_money("average_salary", "median_salary"),
    _text("trend_direction", null=False, choices=TREND_DIRECTIONS),
)

industry_skills = Table(
    "industry_skills",
    metadata,
    _text("industry", key=True),
    _text("skill", key=True),
    _count("postings", POSITIVE),
    _number("demand_share", null=False, info=SHARE),
    *_money("average_salary"),
    _count("rank", POSITIVE),
)

location_salaries = Table(
    "location_salaries",
    metadata,
    _text("location", key=True),
    _count("postings", POSITIVE),
    *_money("average_salary", "median_salary", "min_salary", "max_salary"),
)

trending_skills = Table(
    "trending_skills",
    metadata,
    _text("skill", key=True),
    _count("recent_postings"),
    _count("previous_postings"),
    _number("growth", info={"minimum": -1.0}),
    _text("trend", null=False, choices=TRENDS),
)

posting_statistics = Table(
    "posting_statistics",
    metadata,
    _text("dimension", key=True),
    _text("value", key=True),
    _count("postings", POSITIVE),
)

market_summary = Table(
    "market_summary",
    metadata,
    Column("as_of", UtcDateTime, primary_key=True),
    Column("window_start", UtcDateTime, nullable=False),
    _count("postings"),
    _count("duplicates"),
    _count("rejected"),
    _count("postings_with_salary"),
    *_money("average_salary", "median_salary"),
    _count("skills"),
    _count("industries"),
    _count("locations"),
    _number("remote_share", info=SHARE),
    _text("top_skill"),
    _text("fastest_growing_skill"),
)

# --- relationships -----------------------------------------------------------------------------

skill_pairs = Table(
    "skill_pairs",
    metadata,
    _text("skill_a", key=True),
    _text("skill_b", key=True),
    _count("co_occurrences", POSITIVE),
)

skill_relationships = Table(
    "skill_relationships",
    metadata,
    _text("skill_a", key=True),
    _text("skill_b", key=True),
    _count("co_occurrences", {"minimum": 2}),
    _number("support", null=False, info=SHARE),
    _number("confidence_ab", null=False, info=SHARE),
    _number("confidence_ba", null=False, info=SHARE),
    _number("lift", null=False, info=NOT_NEGATIVE),
    _number("npmi", null=False, info={"minimum": -1.0, "maximum": 1.0}),
    _text("strength", null=False, choices=STRENGTHS),
    _number("lift_lower", null=False, info=NOT_NEGATIVE),
    _number("npmi_lower", null=False, info={"minimum": -1.0, "maximum": 1.0}),
    _number("log_likelihood", null=False, info=NOT_NEGATIVE),
)

category_relationships = Table(
    "category_relationships",
    metadata,
    _text("category_a", key=True),
    _text("category_b", key=True),
    _count("co_occurrences", POSITIVE),
)

skill_recommendations = Table(
    "skill_recommendations",
    metadata,
    _text("skill", key=True),
    _text("recommended_skill", key=True),
    _number("score", null=False, info=NOT_NEGATIVE),
    _count("rank", {"minimum": 1, "maximum": 10}),
    _count("co_occurrences", POSITIVE),
    _number("npmi_lower", null=False, info={"minimum": -1.0, "maximum": 1.0}),
    _text("strength", null=False, choices=STRENGTHS),
    *_money("median_salary"),
)

#: What `recommend` adds up for a set of skills; the row of a skill with itself is what it starts from.
skill_affinities = Table(
    "skill_affinities",
    metadata,
    _text("skill", key=True),
    _text("recommended_skill", key=True),
    _number("weight", null=False),
)
