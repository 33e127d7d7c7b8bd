"""Postings, what was found in them, and what was rejected."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy import text as sqltext

from market_assets.postings.schemas import EMPLOYMENT_TYPES, PAY_QUALITIES, SALARY_PERIODS, SENIORITIES, WORKPLACES
from market_assets.store.tables.columns import (
    COMMENTS,
    NOT_NEGATIVE,
    count,
    day,
    flag,
    integer,
    metadata,
    money,
    number,
    share,
    text,
    time,
)

#: SQLite finds a row by its number without an index where the column is declared as this very type.
ROW_NUMBER = BigInteger().with_variant(Integer(), "sqlite")
SMALL_ROW_NUMBER = SmallInteger().with_variant(Integer(), "sqlite")


def _posting_id() -> Column[int]:
    return Column("posting_id", ROW_NUMBER, primary_key=True, autoincrement=False, comment=COMMENTS["posting_id"])


job_postings = Table(
    "job_postings",
    metadata,
    _posting_id(),
    text("source", null=False),
    text("external_id", null=False),
    text("title", "Title, as stated.", null=False),
    text("company"),
    text("location"),
    text("country"),
    text("locations", "JSON list of [location, country] where there are several: see posting_locations."),
    flag("is_remote", "Whether the work is done from anywhere; null where not stated."),
    text("workplace", choices=WORKPLACES),
    text("employment_type", choices=EMPLOYMENT_TYPES),
    text("industry"),
    text("seniority", choices=SENIORITIES),
    text("occupation"),
    text("language"),
    text("description", "Text of the posting, without markup."),
    text("url", "Page of the posting."),
    *money("salary_min", "salary_max"),
    text("salary_currency", "Currency of pay as stated, ISO 4217."),
    text("salary_period", "Period of pay as stated.", choices=SALARY_PERIODS),
    *money("annual_salary_min", "annual_salary_max"),
    text("pay_quality", "How pay is known; null without pay.", choices=PAY_QUALITIES),
    time("posted_at"),
    time("ingested_at", "When the oldest partition that has it saw it."),
    time("last_seen_at", "When the newest partition that has it saw it."),
    day("partition_date"),
    integer("duplicate_of"),
    time("stated_posted_at", "When it was posted, as stated.", null=True),
    day("content_date", "Newest daily partition that saw it, which the content is of.", null=False),
    time("restored_at", "When it came back from the archive; null if it never left.", null=True),
    UniqueConstraint("source", "external_id"),
    Index(None, "posted_at"),
    Index(None, "partition_date"),
    Index("ix_job_postings_content_date", "content_date", "posting_id"),
)

_DUPLICATE = sqltext("duplicate_of IS NOT NULL")

#: The fact table of postings, which statistics read. A row outlives its posting until no window reaches it.
posting_facts = Table(
    "posting_facts",
    metadata,
    _posting_id(),
    text("source", null=False),
    text("external_id", null=False),
    time("posted_at"),
    flag("dated", "Whether posted_at is stated, not the time of first sight.", null=False),
    day("partition_date"),
    integer("company_key", "Hash of the company; null without one."),
    text("location"),
    text("locations", "JSON list of [location, country] where there are several: see posting_locations."),
    text("country"),
    text("industry"),
    text("employment_type"),
    text("workplace"),
    text("seniority"),
    text("occupation"),
    text("language"),
    number("salary", "Midpoint of annual pay, or the end that is known.", NOT_NEGATIVE),
    integer(
        "skills_version", "Version of the rules that found its skills and occupation; null until it is searched."
    ),
    flag("in_store", "Whether the posting is in job_postings.", null=False),
    integer("duplicate_of"),
    flag("first_of_job", "Whether it is the first of its job, archived ones included.", null=False),
    integer("url_key", "Hash of URL and title: postings that share it are one job."),
    integer("job_key", "Hash of title, company, location and text, likewise."),
    integer("near_key", "Hash of company and role: postings that share it are compared."),
    integer("text_hash", "Hash of title and description."),
    UniqueConstraint("source", "external_id"),
    Index(None, "posted_at"),
    Index(None, "url_key"),
    Index(None, "job_key"),
    Index(None, "near_key"),
    # To find the duplicates of originals that leave the store.
    Index(None, "duplicate_of", sqlite_where=_DUPLICATE, postgresql_where=_DUPLICATE),
)

_IN_STORE = sqltext("archived IS NULL")

#: The fact table of posting and skill: which skills a posting asks for, and its `skills.weights.Weight` of each.
#: `archived` is true where the posting is no longer in job_postings, else null, which takes no byte of a row: with
#: the narrow types a row is 36 bytes on PostgreSQL instead of 44. The rows come in the order of the key, so that
#: it only grows at its end; PostgreSQL stores each skill once in the index and six bytes for each posting.
posting_skill_facts = Table(
    "posting_skill_facts",
    metadata,
    Column("posting_id", Integer, nullable=False, comment=COMMENTS["posting_id"]),
    Column("skill_id", SmallInteger, nullable=False, comment="Number of the skill in skills."),
    Column(
        "weight",
        SmallInteger,
        nullable=False,
        info={"minimum": 1, "maximum": 100},
        comment="How much the posting wants the skill, in hundredths.",
    ),
    flag("archived", "True where the posting has been archived, else null."),
    PrimaryKeyConstraint("posting_id", "skill_id"),
    # An archived posting leaves the index, which is half the cost of moving its entries there.
    Index(None, "skill_id", "archived", sqlite_where=_IN_STORE, postgresql_where=_IN_STORE),
    sqlite_with_rowid=False,
)

#: What postings that share a `near_key` are compared by; apart, as few postings are compared.
posting_sketches = Table(
    "posting_sketches",
    metadata,
    _posting_id(),
    Column("sketch", LargeBinary, nullable=False, comment="What company, place, rank and text are compared by."),
)

skills = Table(
    "skills",
    metadata,
    Column(
        "skill_id",
        SMALL_ROW_NUMBER,
        primary_key=True,
        autoincrement=False,
        info={"minimum": 0},
        comment="Number of the skill in this database.",
    ),
    Column("skill", Text, nullable=False, unique=True, comment=COMMENTS["skill"]),
    text("category", null=False),
    text(
        "esco", comment="Address of the same skill in ESCO, the European classification; null where it has none."
    ),
)

rejected_postings = Table(
    "rejected_postings",
    metadata,
    text("source", key=True),
    day("partition_date", "Daily partition that rejected it.", key=True),
    text("payload_hash", "SHA-256 of the payload.", key=True),
    text("payload", "The record as it came, shortened.", null=False),
    text("reason", "Why it is no posting, in words.", null=False),
    time("rejected_at", "When it was rejected."),
)

#: See `store.ingestion`.
ingested_days = Table(
    "ingested_days",
    metadata,
    day("partition_date", "Daily partition.", key=True),
    text("digest", "SHA-256 of all that its rows were made of.", null=False),
    count("postings", "How many postings it was the first to see."),
    text("counts", "What was counted when it was ingested, as JSON.", null=False),
)

#: A row of numbers each for the postings (writers queue on it) and every result table, counted up by every
#: transaction that writes them, so that readers see what changed: see `store.revisions`.
data_revision = Table(
    "data_revision",
    metadata,
    integer("id", "What is revised: the postings, or a result table.", key=True),
    integer("revision", "How often it has been written.", null=False),
)

#: Which fact rows have changed, block by block of their numbers: see `store.revisions` and `store.facts`.
fact_blocks = Table(
    "fact_blocks",
    metadata,
    integer("block", "posting_id ÷ 65,536, rounded down.", key=True),
    integer("stamp", "Random number, another one after every change of the block.", null=False),
)

#: A view: the skills of the postings in job_postings, a row each; so it is not among the tables to be made.
posting_skills = Table(
    "posting_skills",
    MetaData(),
    integer("posting_id", null=False),
    text("skill", null=False),
    share("weight", "How much the posting wants the skill; asked for from 0.4 on."),
    UniqueConstraint("posting_id", "skill"),
)

POSTING_SKILLS_VIEW = """
    CREATE VIEW posting_skills AS
    SELECT f.posting_id, s.skill, CAST(f.weight AS DOUBLE PRECISION) / 100 AS weight
    FROM posting_skill_facts f
    JOIN skills s ON s.skill_id = f.skill_id
    WHERE f.archived IS NULL
"""

#: A view: the places of the postings in job_postings, a row each.
posting_locations = Table(
    "posting_locations",
    MetaData(),
    integer("posting_id", null=False),
    text("location", null=False),
    text("country"),
)


def posting_locations_view(dialect: str) -> str:
    """What makes the view on SQLite or PostgreSQL."""
    each, name, country = (
        ("json_array_elements(p.locations::json) AS place (value)", "place.value ->> 0", "place.value ->> 1")
        if dialect == "postgresql"
        else (
            "json_each(p.locations) AS place",
            "json_extract(place.value, '$[0]')",
            "json_extract(place.value, '$[1]')",
        )
    )
    return f"""
        CREATE VIEW posting_locations AS
        SELECT posting_id, location, country FROM job_postings WHERE locations IS NULL AND location IS NOT NULL
        UNION ALL
        SELECT p.posting_id, {name}, {country} FROM job_postings p CROSS JOIN {each} WHERE p.locations IS NOT NULL
    """
