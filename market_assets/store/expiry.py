"""Postings that are older than the retention: found, archived, deleted; and restored from the archive.

The archive is Parquet files by month, `<archive>/month=YYYY-MM/postings-<hash>.parquet`, never overwritten. A
file is written beside its place, read back and counted, and only then given its name, so that a file with a
proper name is whole. The name comes from what it holds: archiving the same postings again finds the file that
is already there, and a posting that has changed since gets a new one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from market_assets.postings.duplicates import KEYS
from market_assets.postings.identity import IDENTITY, company_keys
from market_assets.postings.near_keys import near_identities
from market_assets.store.connection import MarketConnection
from market_assets.store.database import StoreError, file_errors
from market_assets.store.duplicate_links import read_keys, relink_stored, write_sketches
from market_assets.store.ingestion import last_posting_id
from market_assets.store.posting_skills import append_skills, archive_skills, delete_skills, read_skills
from market_assets.store.revisions import count_up_postings, note_changed
from market_assets.store.skills import ensure_skills, read_known_skills
from market_assets.store.tables.columns import arrow_schema
from market_assets.store.tables.postings import job_postings, posting_facts, rejected_postings

#: Restored postings are left alone for this long.
RESTORED_DAYS = 30
_BATCH = 20_000
_ID = pl.Schema({"posting_id": pl.Int64()})
_EXPIRED = pl.Schema({**_ID, "posted_at": arrow_schema(job_postings)["posted_at"]})
_OF_FACTS = ("skills_version", "url_key", "job_key", "text_hash")
#: What is kept of a posting: its row of job_postings, what only its fact row holds, and its skills by name, each
#: with its `skills.weights.Weight`; both lists are empty where it has none or has not been searched.
ARCHIVED = pl.Schema(
    {
        **arrow_schema(job_postings),
        **{name: dtype for name, dtype in arrow_schema(posting_facts).items() if name in _OF_FACTS},
        "skill_names": pl.List(pl.String()),
        "skill_weights": pl.List(pl.Int16()),
    }
)


def count_expired(connection: MarketConnection, cutoff: datetime, now: datetime) -> dict[str, int]:
    """How many postings are older than the cutoff, by month of posting."""
    query = sa.select(job_postings.c.posted_at).where(_expired(cutoff, now))
    months = connection.read(query, pl.Schema({"posted_at": arrow_schema(job_postings)["posted_at"]})).select(
        month=pl.col("posted_at").dt.strftime("%Y-%m")
    )
    return dict(months.group_by("month").len().sort("month").iter_rows())


def expire(
    connection: MarketConnection, archive: Path, cutoff: datetime, now: datetime
) -> Iterator[tuple[str, int]]:
    """Archive the expired postings of a month, then delete them, a batch at a time, each whole in itself.

    A kill between archive and delete leaves postings in both: the next run finds them archived and deletes them.

    Yields:
        The month of a batch, and how many postings it was.
    """
    with connection.transaction():
        expired = connection.read(
            sa.select(*(job_postings.c[name] for name in _EXPIRED)).where(_expired(cutoff, now)), _EXPIRED
        )
    months = expired.with_columns(month=pl.col("posted_at").dt.strftime("%Y-%m")).sort("month", "posting_id")
    for (month,), postings in months.group_by("month", maintain_order=True):
        # By number, so that postings that lie together go together, and each page is written once.
        for ids in postings.select("posting_id").iter_slices(_BATCH):
            with connection.transaction():
                batch = _read(connection, ids)
            write_month(archive, str(month), batch)
            _delete(connection, batch)
            yield str(month), batch.height


def forget(connection: MarketConnection, reached_from: datetime, rejected_before: datetime) -> tuple[int, int]:
    """Delete fact rows that no window reaches any more, and old rejections; returns how many of each."""
    facts = posting_facts.c
    with connection.transaction():
        count_up_postings(connection)
        unreached = sa.and_(facts.posted_at < reached_from, sa.not_(facts.in_store))
        keys = read_keys(connection, unreached)
        gone = connection.read(sa.select(facts.posting_id).where(unreached), _ID)
        if gone.height:
            connection.execute(posting_facts.delete().where(unreached))
            note_changed(connection, gone["posting_id"])
            delete_skills(connection, gone["posting_id"])
            write_sketches(connection, gone.with_columns(sketch=pl.lit(None, pl.Binary())))
            relink_stored(connection, keys)
        old = rejected_postings.c.partition_date < rejected_before.date()
        rejections = connection.scalar(sa.select(sa.func.count()).select_from(rejected_postings).where(old))
        connection.execute(rejected_postings.delete().where(old))
    return gone.height, int(rejections)


def restore_month(connection: MarketConnection, archive: Path, month: str, now: datetime) -> tuple[int, int]:
    """Bring a month's archived postings back; returns how many came back and how many were there already.

    Raises:
        StoreError: nothing of that month is in the archive.
    """
    archived = read_month(archive, month)
    postings, facts = job_postings.c, posting_facts.c
    with connection.transaction():
        count_up_postings(connection)
        wanted = connection.stage("wanted", archived.select(IDENTITY))
        same = sa.and_(*(facts[name] == wanted.c[name] for name in IDENTITY))
        known = connection.read(
            sa.select(*wanted.c, facts.posting_id, facts.in_store).join(posting_facts, same),
            pl.Schema({name: arrow_schema(posting_facts)[name] for name in (*IDENTITY, "posting_id", "in_store")}),
        )
        missing = archived.join(known.filter("in_store"), on=IDENTITY, how="anti", maintain_order="left")
        if missing.height:
            _bring_back(connection, _numbered(connection, missing, known), now)
        there = known.filter("in_store").select("posting_id")
        if there.height:
            # Archived, but not deleted yet: they too are to be left alone.
            kept = connection.stage("kept", there)
            connection.execute(
                job_postings.update()
                .values(restored_at=now)
                .where(postings.posting_id.in_(sa.select(kept.c.posting_id)))
            )
    return missing.height, there.height


def write_month(archive: Path, month: str, postings: pl.DataFrame) -> Path:
    """Write postings of one month to the archive and check what was written; returns the file.

    Raises:
        StoreUnavailableError: the folder can't be written.
        StoreError: what was read back is not what was written.
    """
    folder = archive / f"month={month}"
    path = folder / f"postings-{_digest(postings)}.parquet"
    with file_errors(path):
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists():
            path.touch()
        else:
            unfinished = path.with_suffix(".part")
            postings.select(ARCHIVED.names()).write_parquet(unfinished, compression="zstd")
            _check(unfinished, postings.height)
            unfinished.rename(path)
        _check(path, postings.height)
    return path


def read_month(archive: Path, month: str) -> pl.DataFrame:
    """All archived postings of a month, each once, as it was archived last.

    Raises:
        StoreError: nothing of that month is in the archive.
    """
    files = sorted((archive / f"month={month}").glob("*.parquet"), key=lambda path: path.stat().st_mtime)
    if not files:
        raise StoreError(
            f"nothing of {month} is in the archive {archive}; it holds: {_months(archive) or 'nothing'}"
        )
    frames = [_read_file(path) for path in files]
    return pl.concat(frames).unique(IDENTITY, keep="last", maintain_order=True)


def _expired(cutoff: datetime, now: datetime) -> sa.ColumnElement[bool]:
    postings = job_postings.c
    restored_long_ago = postings.restored_at < now - timedelta(days=RESTORED_DAYS)
    return sa.and_(postings.posted_at < cutoff, sa.or_(postings.restored_at.is_(None), restored_long_ago))


def _read(connection: MarketConnection, ids: pl.DataFrame) -> pl.DataFrame:
    """Postings by their posting_id, schema `ARCHIVED`."""
    of_skills = ("skill_names", "skill_weights")
    stored = pl.Schema({name: dtype for name, dtype in ARCHIVED.items() if name not in of_skills})
    source = [job_postings.c[name] if name in job_postings.c else posting_facts.c[name] for name in stored]
    wanted = connection.stage("expired", ids)
    query = (
        sa.select(*source)
        .join_from(wanted, job_postings, job_postings.c.posting_id == wanted.c.posting_id)
        .join(posting_facts, posting_facts.c.posting_id == wanted.c.posting_id)
    )
    return _with_skills(connection, connection.read(query, stored).sort("posting_id"))


def _with_skills(connection: MarketConnection, postings: pl.DataFrame) -> pl.DataFrame:
    skills = (
        read_skills(connection, postings["posting_id"])
        .join(read_known_skills(connection), on="skill_id")
        .sort("posting_id", "skill")
        .group_by("posting_id", maintain_order=True)
        .agg(skill_names="skill", skill_weights="weight")
    )
    lists = (pl.col(name).fill_null(pl.lit([], ARCHIVED[name])) for name in ("skill_names", "skill_weights"))
    return postings.join(skills, on="posting_id", how="left", maintain_order="left").with_columns(lists)


def _delete(connection: MarketConnection, batch: pl.DataFrame) -> None:
    with connection.transaction():
        count_up_postings(connection)
        gone = connection.stage("gone", batch.select("posting_id"))
        ids = sa.select(gone.c.posting_id)
        connection.execute(job_postings.delete().where(job_postings.c.posting_id.in_(ids)))
        connection.execute(
            posting_facts.update().values(in_store=False).where(posting_facts.c.posting_id.in_(ids))
        )
        archive_skills(connection, batch["posting_id"])
        # Of a job that loses another posting than its original, no link changes.
        duplicates = posting_facts.alias("duplicates").c.duplicate_of
        originals = sa.select(duplicates).where(duplicates.in_(ids), duplicates.is_not(None))
        relink_stored(connection, read_keys(connection, posting_facts.c.posting_id.in_(originals)))


def _numbered(connection: MarketConnection, postings: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """With the numbers that archived postings have where their fact rows are still there, else the next ones."""
    numbered = postings.drop("posting_id").join(
        known.drop("in_store"), on=IDENTITY, how="left", maintain_order="left"
    )
    new = pl.col("posting_id").is_null()
    next_id = last_posting_id(connection) + new.cum_sum().cast(pl.Int64)
    return numbered.with_columns(posting_id=pl.when(new).then(next_id).otherwise("posting_id"))


def _bring_back(connection: MarketConnection, postings: pl.DataFrame, now: datetime) -> None:
    """Insert archived postings again, and their skills by name, since ids of skills belong to one database."""
    rows = postings.with_columns(
        restored_at=pl.lit(now, arrow_schema(job_postings)["restored_at"]),
        duplicate_of=pl.lit(None, pl.Int64()),
        in_store=pl.lit(True),
        first_of_job=pl.lit(True),
        salary=pl.mean_horizontal("annual_salary_min", "annual_salary_max"),
        dated=pl.col("stated_posted_at").is_not_null(),
        company_key=company_keys(postings["company"]),
    ).hstack(near_identities(postings))
    connection.append(job_postings, rows)
    delete_skills(connection, rows["posting_id"])
    staged = connection.stage("facts", rows.select(arrow_schema(posting_facts).names()))
    connection.upsert(posting_facts, sa.select(*staged.c).where(sa.true()))
    note_changed(connection, rows["posting_id"])
    write_sketches(connection, rows)
    _bring_skills_back(connection, postings)
    relink_stored(connection, rows.select(KEYS))


def _bring_skills_back(connection: MarketConnection, postings: pl.DataFrame) -> None:
    skills = postings.select("posting_id", skill="skill_names", weight="skill_weights").explode("skill", "weight")
    skills = skills.filter(pl.col("skill").is_not_null())
    known = read_known_skills(connection).drop("skill_id")
    names = skills.select(pl.col("skill").unique().sort()).join(
        known, on="skill", how="left", maintain_order="left"
    )
    ids = ensure_skills(connection, names.with_columns(pl.col("category").fill_null("Other")))
    found = skills.join(names.select("skill", skill_id=pl.Series(ids, dtype=pl.Int16)), on="skill")
    append_skills(connection, found)


def _digest(postings: pl.DataFrame) -> str:
    """A name for what postings hold, but for what the store makes of them each time anew.

    It depends on values alone, not on how a library or a file format writes them; on texts by their hashes.
    """
    apart = ("posting_id", "restored_at", "duplicate_of", "description")
    content = postings.select(ARCHIVED.names()).drop(apart).sort(IDENTITY)
    lists = [name for name, dtype in content.schema.items() if isinstance(dtype, pl.List)]
    digest = hashlib.sha256(content.select(pl.col(lists).list.len()).write_csv().encode())
    for column in (content[name].explode() if name in lists else content[name] for name in content.columns):
        digest.update(column.is_null().to_numpy().tobytes())
        if column.dtype == pl.String:
            digest.update(column.str.len_bytes().fill_null(0).cast(pl.Int64).to_numpy().tobytes())
            digest.update(column.str.join()[0].encode())
        else:
            kind = pl.Float64 if column.dtype.is_float() else pl.Int64
            digest.update(column.to_physical().cast(kind).fill_null(0).to_numpy().tobytes())
    return digest.hexdigest()[:16]


def _read_file(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path, hive_partitioning=False, glob=False).select(ARCHIVED.names())
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StoreError(f"can't read the archive {path}: {error}") from error


def _check(path: Path, rows: int) -> None:
    try:
        found = pl.scan_parquet(path, hive_partitioning=False, glob=False).select(pl.len()).collect().item()
    except pl.exceptions.PolarsError as error:
        raise StoreError(f"{path} can't be read back; nothing was deleted: {error}") from error
    if found != rows:
        raise StoreError(f"{path} holds {found} postings instead of {rows}; nothing was deleted")


def _months(archive: Path) -> str:
    return ", ".join(sorted(path.name.removeprefix("month=") for path in archive.glob("month=*")))
