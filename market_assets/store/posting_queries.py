"""What the store has of postings: how many, which did not count and why, and what pages show of single ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl
import sqlalchemy as sa

from market_assets.store.tables.postings import job_postings, posting_facts, rejected_postings

if TYPE_CHECKING:
    # Readers in the web process must not load ADBC: see `Database.pooled_engine`.
    from market_assets.store.connection import MarketConnection

#: Postings that one statement names; SQLite takes 32,766 at most.
_BATCH = 1_000


def read_rejections(connection: MarketConnection, start: datetime, end: datetime) -> pl.DataFrame:
    """reason (text), postings (int64): what was rejected on the days from start to end, most frequent first."""
    rejected = rejected_postings.c
    count = sa.func.count().label("postings")
    query = (
        sa.select(rejected.reason, count)
        .where(rejected.partition_date.between(start.date(), end.date()))
        .group_by(rejected.reason)
        .order_by(count.desc(), rejected.reason)
    )
    return connection.read(query, pl.Schema({"reason": pl.String(), "postings": pl.Int64()}))


def read_rejected(connection: MarketConnection, source: str, day: date) -> pl.DataFrame:
    """reason, payload (text): what was rejected of a source on a day."""
    rejected = rejected_postings.c
    query = (
        sa.select(rejected.reason, rejected.payload)
        .where(rejected.source == source, rejected.partition_date == day)
        .order_by(rejected.reason, rejected.payload_hash)
    )
    return connection.read(query, pl.Schema({"reason": pl.String(), "payload": pl.String()}))


def read_sources(connection: MarketConnection, start: datetime, end: datetime) -> pl.DataFrame:
    """source (text), postings and duplicates (int64): what each source gave with start ≤ posted_at ≤ end."""
    facts = posting_facts.c
    query = (
        sa.select(
            facts.source,
            (sa.func.count() - sa.func.count(facts.duplicate_of)).label("postings"),
            sa.func.count(facts.duplicate_of).label("duplicates"),
        )
        .where(facts.posted_at >= start, facts.posted_at <= end)
        .group_by(facts.source)
        .order_by(facts.source)
    )
    return connection.read(
        query, pl.Schema({"source": pl.String(), "postings": pl.Int64(), "duplicates": pl.Int64()})
    )


def count_duplicates(connection: MarketConnection, start: datetime, end: datetime) -> int:
    """How many postings with start ≤ posted_at ≤ end are not counted because they are another's duplicates."""
    facts = posting_facts.c
    within = sa.func.count().filter(facts.posted_at.between(start, end))
    # Duplicates are few, and have an index; a time as a condition would have the database read all of the window.
    return int(connection.scalar(sa.select(within).where(facts.duplicate_of.is_not(None))))


def count_stored(connection: MarketConnection) -> int:
    """How many postings the store holds."""
    return int(connection.scalar(sa.select(sa.func.count()).select_from(job_postings)))


def newest_stated(connection: MarketConnection) -> datetime | None:
    """The newest time of posting that a posting states; None where none does."""
    newest = connection.read(
        sa.select(sa.func.max(job_postings.c.stated_posted_at).label("newest")),
        pl.Schema({"newest": pl.Datetime("us", "UTC")}),
    )["newest"][0]
    assert newest is None or isinstance(newest, datetime)
    return newest


def read_filled_months(connection: MarketConnection) -> pl.DataFrame:
    """Every month of a daily partition or of posting, and how many postings its partitions were the first to see.

    Returns:
        month ('YYYY-MM'), postings (int64, 0 for a month of posting alone).
    """
    facts = posting_facts.c
    days = connection.read(
        sa.select(facts.partition_date, sa.func.count().label("postings")).group_by(facts.partition_date),
        pl.Schema({"partition_date": pl.Date(), "postings": pl.Int64()}),
    )
    filled = days.group_by(month=pl.col("partition_date").dt.strftime("%Y-%m")).agg(pl.col("postings").sum())
    posted = pl.DataFrame({"month": _months_of_posting(connection)}, schema={"month": pl.String})
    return posted.join(filled, on="month", how="full", coalesce=True).with_columns(pl.col("postings").fill_null(0))


def _months_of_posting(connection: MarketConnection) -> list[str]:
    """The months in which something was posted, each found by the index of `posted_at`."""
    months: list[str] = []
    posted_at = posting_facts.c.posted_at
    oldest = sa.select(sa.func.min(posted_at).label("oldest"))
    schema = pl.Schema({"oldest": pl.Datetime("us", "UTC")})
    found = connection.read(oldest, schema)["oldest"][0]
    while found is not None:
        months.append(f"{found:%Y-%m}")
        month = found.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        following = (month + timedelta(days=32)).replace(day=1)
        found = connection.read(oldest.where(posted_at >= following), schema)["oldest"][0]
    return months


class ShownPosting(NamedTuple):
    """A posting as its source stated it."""

    posting_id: int
    title: str
    company: str | None
    location: str | None
    posted_at: datetime
    url: str | None


def read_shown_postings(connection: sa.Connection, posting_ids: Sequence[int]) -> list[ShownPosting]:
    """The postings of these numbers that are in job_postings, the newest first."""
    columns = [job_postings.c[name] for name in ShownPosting._fields]
    found = [ShownPosting(*row) for row in _rows(connection, columns, posting_ids)]
    return sorted(found, key=lambda posting: (posting.posted_at, posting.posting_id), reverse=True)


def read_companies(connection: sa.Connection, posting_ids: Sequence[int]) -> dict[int, str]:
    """The employers of postings as they state it, by posting; those that are in job_postings and state one."""
    columns = [job_postings.c.posting_id, job_postings.c.company]
    return {number: company for number, company in _rows(connection, columns, posting_ids) if company}


def _rows(
    connection: sa.Connection, columns: Sequence[sa.Column[Any]], posting_ids: Sequence[int]
) -> Iterator[Sequence[Any]]:
    for start in range(0, len(posting_ids), _BATCH):
        wanted = job_postings.c.posting_id.in_(posting_ids[start : start + _BATCH])
        yield from connection.execute(sa.select(*columns).where(wanted))
