"""Postings that are older than the retention: found, archived, deleted; and restored from the archive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from market_assets.postings.duplicates import KEYED
from market_assets.postings.near_duplicates import near_identities
from market_assets.store.archive import ARCHIVED, read_month, write_month
from market_assets.store.column_types import arrow_schema
from market_assets.store.connection import MarketConnection
from market_assets.store.duplicate_links import keys_of, relink, write_sketches
from market_assets.store.posting_skills import ensure_skills
from market_assets.store.revisions import count_up_postings
from market_assets.store.tables.postings import job_postings, posting_facts, rejected_postings, skills

#: Restored postings are left alone for this long.
RESTORED_DAYS = 30
_BATCH = 10_000


@dataclass
class Expiry:
    """What a clean-up did, or would do."""

    archived: int = 0
    deleted: int = 0
    months: tuple[str, ...] = ()
    narrow_rows_deleted: int = 0
    rejections_deleted: int = 0


def count_expired(connection: MarketConnection, cutoff: datetime, now: datetime) -> dict[str, int]:
    """How many postings are older than the cutoff, by month of posting."""
    query = sa.select(job_postings.c.posted_at).where(_expired(cutoff, now))
    months = connection.read(query, pl.Schema({"posted_at": arrow_schema(job_postings)["posted_at"]})).select(
        month=pl.col("posted_at").dt.strftime("%Y-%m")
    )
    return dict(months.group_by("month").len().sort("month").iter_rows())


def expire(connection: MarketConnection, archive: Path, cutoff: datetime, now: datetime) -> Iterator[Expiry]:
    """Archive the expired postings of a month, then delete them; a step a batch, each whole in itself.

    A kill between archive and delete leaves postings in both: the next run finds them archived and deletes them.
    """
    while (batch := _next_batch(connection, cutoff, now)).height:
        month = batch["posted_at"][0].strftime("%Y-%m")
        write_month(archive, month, batch)
        yield Expiry(archived=batch.height, deleted=_delete(connection, batch), months=(month,))


def forget(connection: MarketConnection, reached_from: datetime, rejected_before: datetime) -> Expiry:
    """Delete narrow rows that no window reaches any more, and old rejections."""
    facts = posting_facts.c
    with connection.transaction():
        _count_up(connection)
        unreached = sa.and_(facts.posted_at < reached_from, sa.not_(facts.in_store))
        gone = keys_of(connection, unreached)
        connection.execute(posting_facts.delete().where(unreached))
        if gone.height:
            write_sketches(connection, gone.with_columns(sketch=pl.lit(None, pl.Binary())))
            relink(connection, gone)
        old = rejected_postings.c.partition_date < rejected_before.date()
        rejections = connection.scalar(sa.select(sa.func.count()).select_from(rejected_postings).where(old))
        connection.execute(rejected_postings.delete().where(old))
    return Expiry(narrow_rows_deleted=gone.height, rejections_deleted=int(rejections))


def restore_month(connection: MarketConnection, archive: Path, month: str, now: datetime) -> tuple[int, int]:
    """Bring a month's archived postings back; returns how many came back and how many were there already.

    Raises:
        StoreError: nothing of that month is in the archive.
    """
    archived = read_month(archive, month)
    with connection.transaction():
        _count_up(connection)
        wanted = connection.stage("wanted", archived.select("posting_id"))
        there = connection.read(
            sa.select(job_postings.c.posting_id).join(wanted, wanted.c.posting_id == job_postings.c.posting_id),
            pl.Schema({"posting_id": pl.Int64()}),
        )
        missing = archived.join(there, on="posting_id", how="anti", maintain_order="left")
        if missing.height:
            _bring_back(connection, missing, now)
        if there.height:
            # Archived, but not deleted yet: they too are to be left alone.
            kept = connection.stage("kept", there)
            connection.execute(
                job_postings.update()
                .values(restored_at=now)
                .where(job_postings.c.posting_id.in_(sa.select(kept.c.posting_id)))
            )
    return missing.height, there.height


def _expired(cutoff: datetime, now: datetime) -> sa.ColumnElement[bool]:
    postings = job_postings.c
    restored_long_ago = postings.restored_at < now - timedelta(days=RESTORED_DAYS)
    return sa.and_(postings.posted_at < cutoff, sa.or_(postings.restored_at.is_(None), restored_long_ago))


def _next_batch(connection: MarketConnection, cutoff: datetime, now: datetime) -> pl.DataFrame:
    """Some expired postings of the oldest month that has any, with the names of their skills."""
    with connection.transaction():
        oldest = connection.read(
            sa.select(sa.func.min(job_postings.c.posted_at).label("posted_at")).where(_expired(cutoff, now)),
            pl.Schema({"posted_at": arrow_schema(job_postings)["posted_at"]}),
        )["posted_at"][0]
        if oldest is None:
            return pl.DataFrame(schema=ARCHIVED)
        next_month = (
            oldest.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + timedelta(days=32)
        ).replace(day=1)
        stored = pl.Schema({name: dtype for name, dtype in ARCHIVED.items() if name != "skill_names"})
        source = [job_postings.c[name] if name in job_postings.c else posting_facts.c[name] for name in stored]
        query = (
            sa.select(*source)
            .join_from(job_postings, posting_facts, posting_facts.c.posting_id == job_postings.c.posting_id)
            .where(_expired(cutoff, now), job_postings.c.posted_at < next_month)
            .order_by(job_postings.c.posted_at, job_postings.c.posting_id)
            .limit(_BATCH)
        )
        return _with_skill_names(connection, connection.read(query, stored))


def _with_skill_names(connection: MarketConnection, postings: pl.DataFrame) -> pl.DataFrame:
    known = connection.read(
        sa.select(skills.c.code, skills.c.skill), pl.Schema({"code": pl.Binary(), "skill": pl.String()})
    )
    name_of = dict(known.iter_rows())
    names = [
        None if codes is None else [name_of[codes[place : place + 2]] for place in range(0, len(codes), 2)]
        for codes in postings["skills"]
    ]
    return postings.with_columns(skill_names=pl.Series(names, dtype=pl.List(pl.String())))


def _delete(connection: MarketConnection, batch: pl.DataFrame) -> int:
    with connection.transaction():
        _count_up(connection)
        gone = connection.stage("gone", batch.select("posting_id"))
        ids = sa.select(gone.c.posting_id)
        keys = keys_of(connection, posting_facts.c.posting_id.in_(ids))
        connection.execute(job_postings.delete().where(job_postings.c.posting_id.in_(ids)))
        connection.execute(
            posting_facts.update().values(in_store=False).where(posting_facts.c.posting_id.in_(ids))
        )
        relink(connection, keys)
    return batch.height


def _bring_back(connection: MarketConnection, postings: pl.DataFrame, now: datetime) -> None:
    """Insert archived postings again; skill ids are looked up by name, since they belong to one database."""
    names = postings["skill_names"].explode().drop_nulls().unique().sort()
    ids = ensure_skills(connection, _categories(connection, names))
    code_of = {name: int(number).to_bytes(2, "little") for name, number in zip(names, ids, strict=True)}
    encoded = [
        None if found is None else b"".join(code_of[name] for name in found) for found in postings["skill_names"]
    ]
    rows = postings.with_columns(
        restored_at=pl.lit(now, arrow_schema(job_postings)["restored_at"]),
        duplicate_of=pl.lit(None, pl.Int64()),
        skills=pl.Series(encoded, dtype=pl.Binary()),
        in_store=pl.lit(True),
        first_of_job=pl.lit(True),
        salary=pl.mean_horizontal("annual_salary_min", "annual_salary_max"),
    ).hstack(near_identities(postings))
    connection.append(job_postings, rows)
    staged = connection.stage("facts", rows.select(arrow_schema(posting_facts).names()))
    connection.upsert(posting_facts, sa.select(*staged.c).where(sa.true()))
    write_sketches(connection, rows)
    relink(connection, rows.select(KEYED.names()))


def _categories(connection: MarketConnection, names: pl.Series) -> pl.DataFrame:
    known = connection.read(
        sa.select(skills.c.skill, skills.c.category), pl.Schema({"skill": pl.String(), "category": pl.String()})
    )
    return (
        names.alias("skill")
        .to_frame()
        .join(known, on="skill", how="left", maintain_order="left")
        .with_columns(pl.col("category").fill_null("Other"))
    )


def _count_up(connection: MarketConnection) -> None:
    count_up_postings(connection)
