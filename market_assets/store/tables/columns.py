"""What all tables are declared with: their common `metadata`, types and columns of the usual kinds.

The types mean the same on SQLite and PostgreSQL. A column's `info` holds what must be true of its values:
`minimum`, `maximum` and `choices`. Its `comment` is what the UI, the documentation and PostgreSQL say about it.
Polars is imported where it is used: a code server that runs nothing needs the tables alone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    types,
)

if TYPE_CHECKING:
    import polars as pl

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Rules = dict[str, Any]
NOT_NEGATIVE: Rules = {"minimum": 0}
POSITIVE: Rules = {"minimum": 1}

_PAY = "in MARKET_ASSETS_CURRENCY a year"
_PUBLISHED = f"{_PAY}; null below MARKET_ASSETS_MIN_SAMPLE postings with pay"

#: The comments of columns that mean the same in every table; where one means more, its table says so itself.
COMMENTS = {
    # Postings
    "posting_id": "Number of the posting in this database, given when it is first seen.",
    "source": "Source that gave the posting, or the board that it is from.",
    "external_id": "Name of the posting at its source: the stated one, else its URL, else a hash of its content.",
    "company": "Employer, as stated.",
    "location": "'City, CC' where the city is known ('City, OR, US' in US, CA, AU), else the cleaned text.",
    "country": "Country of the job, ISO 3166-1.",
    "workplace": "Where the work is done.",
    "employment_type": "Form of employment.",
    "industry": "Industry, each under one name.",
    "seniority": "Whom the job is for, as far as the posting says.",
    "occupation": "Occupation: a unit group of ISCO-08, or a finer one of ESCO.",
    "language": "Language of the description, ISO 639-1.",
    "salary_min": "Least pay as stated, in salary_currency for salary_period.",
    "salary_max": "Most pay as stated, in salary_currency for salary_period.",
    "annual_salary_min": f"Least pay, {_PAY}.",
    "annual_salary_max": f"Most pay, {_PAY}.",
    "posted_at": "When it was posted, as stated, else when it was first seen.",
    "partition_date": "Oldest daily partition that saw the posting.",
    "duplicate_of": "posting_id of the original of the same job; null where the posting is the original.",
    # Statistics
    "skill": "Skill, as the taxonomy calls it.",
    "category": "Category of the skill in the taxonomy.",
    "month": "Month of posting, YYYY-MM.",
    "postings": "Counted postings that ask for the skill.",
    "demand_share": "postings ÷ all counted postings, or those of the row's industry.",
    "mentions_only": "Further postings that mention the skill without asking for it.",
    "postings_with_salary": "Those of the postings that state believable pay.",
    "countries": "Known countries that the salaries are from; above 1 the figures mix them.",
    "average_salary": f"Mean salary, {_PUBLISHED}.",
    "median_salary": f"Median salary, {_PUBLISHED}.",
    "median_lower": "Lower end of the 95 % interval of the median.",
    "median_upper": "Upper end of the 95 % interval of the median.",
    "min_salary": f"Lowest salary, {_PAY}.",
    "max_salary": f"Highest salary, {_PAY}.",
    **{f"p{percent}": f"{percent}th percentile of salaries, {_PUBLISHED}." for percent in (10, 25, 75, 90)},
    "rank": "1 for the most postings; ties by name.",
    "recommended_skill": "Skill that is recommended beside it.",
    # Relationships
    "skill_a": "First skill of the pair; before skill_b in the alphabet.",
    "skill_b": "Second skill of the pair.",
    "co_occurrences": "Counted postings that ask for both.",
    "strength": "npmi in a word: below 0.05, 0.15, 0.3, 0.5, and from there on.",
    "npmi_lower": "npmi at the lower end of the 99.9 % interval of the postings with both.",
}

#: How SQLAlchemy, and so this project, writes a time into SQLite.
SQLITE_TIME = "%Y-%m-%d %H:%M:%S%.6f"


class UtcDateTime(types.TypeDecorator[datetime]):
    """A time in UTC: TIMESTAMPTZ on PostgreSQL, text 'YYYY-MM-DD HH:MM:SS.ffffff' on SQLite."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        return dialect.type_descriptor(DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a time zone can't be stored: {value!r}")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def literal_processor(self, dialect: Dialect) -> Callable[[datetime], str]:
        def as_literal(value: datetime) -> str:
            bound = self.process_bind_param(value, dialect)
            assert bound is not None
            return f"'{bound.isoformat(sep=' ', timespec='microseconds')}'"

        return as_literal

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def arrow_type(column: Column[Any]) -> pl.DataType:
    """The polars type that holds the values of a column."""
    import polars as pl

    from market_assets.postings.schemas import UTC_DATETIME

    kinds: list[tuple[type, pl.DataType]] = [
        (UtcDateTime, UTC_DATETIME),
        (Boolean, pl.Boolean()),
        (Date, pl.Date()),
        (Float, pl.Float64()),
        (SmallInteger, pl.Int16()),
        (BigInteger, pl.Int64()),
        (Integer, pl.Int32()),
        (LargeBinary, pl.Binary()),
        (Text, pl.String()),
    ]
    return next(dtype for kind, dtype in kinds if isinstance(column.type, kind))


def arrow_schema(table: Table) -> pl.Schema:
    """The polars schema of a whole table."""
    import polars as pl

    return pl.Schema({column.name: arrow_type(column) for column in table.columns})


def text(
    name: str, comment: str | None = None, *, null: bool = True, key: bool = False, choices: tuple[str, ...] = ()
) -> Column[str]:
    return _column(name, Text(), comment, null=null, key=key, info={"choices": choices} if choices else None)


def count(name: str, comment: str | None = None, info: Rules = NOT_NEGATIVE) -> Column[int]:
    return _column(name, BigInteger(), comment, null=False, info=info)


def integer(name: str, comment: str | None = None, *, null: bool = True, key: bool = False) -> Column[int]:
    return _column(name, BigInteger(), comment, null=null, key=key)


def number(
    name: str, comment: str | None = None, info: Rules | None = None, *, null: bool = True
) -> Column[float]:
    return _column(name, Float(53), comment, null=null, info=info)


def share(name: str, comment: str | None = None, *, null: bool = False) -> Column[float]:
    return number(name, comment, {"minimum": 0.0, "maximum": 1.0}, null=null)


def money(*names: str) -> list[Column[float]]:
    return [number(name, info=NOT_NEGATIVE) for name in names]


def flag(name: str, comment: str | None = None, *, null: bool = True) -> Column[bool]:
    return _column(name, Boolean(), comment, null=null)


def day(name: str, comment: str | None = None, *, null: bool = False, key: bool = False) -> Column[date]:
    return _column(name, Date(), comment, null=null, key=key)


def time(name: str, comment: str | None = None, *, null: bool = False, key: bool = False) -> Column[datetime]:
    return _column(name, UtcDateTime(), comment, null=null, key=key)


def _column(
    name: str,
    kind: types.TypeEngine[Any],
    comment: str | None,
    *,
    null: bool,
    key: bool = False,
    info: Rules | None = None,
) -> Column[Any]:
    return Column(
        name,
        kind,
        nullable=null and not key,
        primary_key=key,
        autoincrement=False,
        info=info or {},
        comment=comment or COMMENTS.get(name),
    )


def unique_keys(table: Table) -> list[list[str]]:
    """The columns that together are different in every row, the primary key first."""
    constraints = [table.primary_key, *(each for each in table.constraints if isinstance(each, UniqueConstraint))]
    return [[column.name for column in each.columns] for each in constraints if len(each.columns)]


def value_rules(column: Column[Any]) -> list[str]:
    """What must be true of a column's values, in words."""
    words = {"minimum": "≥ {:g}", "maximum": "≤ {:g}", "choices": "one of {}"}
    return [
        words[rule].format(", ".join(value) if isinstance(value, tuple) else value)
        for rule, value in column.info.items()
    ]
