"""What pages show of single postings: title, employer, place, date and link."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from market_assets.store.tables.postings import job_postings

#: Postings that one statement names; SQLite takes 32,766 at most.
_BATCH = 1_000


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
