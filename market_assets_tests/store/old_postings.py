"""Postings of four months, cleaning up, and all that is known of them: for the tests of the archive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from market_assets.store.connection import MarketConnection
from market_assets.store.expiry import expire
from market_assets.store.tables.postings import job_postings, posting_facts, posting_skills
from market_assets_tests.store.made_up_postings import (
    by_identity,
    days_after,
    find_skills,
    posting,
    stored,
    write_day,
)

#: Postings are made up for the hundred days up to here.
NOW = datetime(2026, 4, 11, 12, tzinfo=UTC)
MONTHS = ("2026-01", "2026-02", "2026-03", "2026-04")
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def write(connection: MarketConnection, postings: list[dict[str, object]]) -> None:
    """Store postings with their skills, as a day that is later than all of them saw them."""
    day = days_after(60)
    write_day(connection, day, postings, rejected=[("bad", "title is missing")])
    find_skills(connection, day)


def old_and_new() -> list[dict[str, object]]:
    """Three postings in each month from January to April; the middle ones of all months are one job."""
    starts = [datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3, 4)]
    return [
        posting(
            f"{place}-{start:%m}",
            title="Python Docker",
            country="DE",
            seniority="senior",
            language="de",
            stated_posted_at=start + timedelta(days=3 * place),
            url_key=9 if place == 1 else None,
        )
        for start in starts
        for place in range(3)
    ]


def clean_up(connection: MarketConnection, archive: Path, cutoff: datetime, now: datetime = NOW) -> int:
    return sum(postings for _, postings in expire(connection, archive, cutoff, now))


def everything(connection: MarketConnection) -> list[pl.DataFrame]:
    """All that is known of postings, but for their numbers and when they were restored."""
    postings = stored(connection, job_postings).drop("restored_at")
    return [by_identity(postings), by_identity(stored(connection, posting_facts))]


def same(before: list[pl.DataFrame], after: list[pl.DataFrame]) -> bool:
    return all(one.equals(other) for one, other in zip(before, after, strict=True))


def skills_in(connection: MarketConnection) -> list[tuple[str, str, float]]:
    """The skills of the postings in the store: external_id, skill, weight."""
    query = sa.select(job_postings.c.external_id, posting_skills.c.skill, posting_skills.c.weight).join_from(
        job_postings, posting_skills, posting_skills.c.posting_id == job_postings.c.posting_id
    )
    schema = pl.Schema({"external_id": pl.String(), "skill": pl.String(), "weight": pl.Float64()})
    with connection.transaction():
        count = connection.scalar(sa.select(sa.func.count()).select_from(posting_skills))
        rows = sorted(connection.read(query, schema).rows())
    assert count == len(rows), "skills of postings that are not there"
    return rows


def numbers(connection: MarketConnection) -> dict[str, int]:
    """external_id → posting_id of the postings in the store."""
    return dict(stored(connection, job_postings).select("external_id", "posting_id").iter_rows())
