"""Writing a day's postings: texts staged in bulk, the rest ingested by `postings.ingest`, in one transaction.

A digest of what was ingested of a day is kept, so that one that is run again without a change is not written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from datetime import date
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

from market_assets.postings.duplicates import SKETCH
from market_assets.postings.identity import IDENTITY
from market_assets.postings.ingest import KNOWN, TEXTS, IngestionCounts, ingest
from market_assets.postings.normalise import NormalisedBatch
from market_assets.sources.reading import LandedBatch
from market_assets.store.connection import MarketConnection
from market_assets.store.duplicate_links import StoredLinks, write_links
from market_assets.store.posting_skills import archive_skills, delete_skills
from market_assets.store.revisions import count_up_postings, note_changed
from market_assets.store.tables.columns import arrow_schema
from market_assets.store.tables.postings import (
    ingested_days,
    job_postings,
    posting_facts,
    posting_sketches,
    rejected_postings,
)

_PACKAGE = Path(__file__).parents[1]
#: What decides which rows postings become.
_RULES = ("postings", "store")
#: Indexes of random keys grow at every place: of a million postings, pages would else be written again and again.
_CACHE_MEGABYTES = 256
_PAY = ("posted_at", "annual_salary_min", "annual_salary_max")
#: What changes in a posting whose content is newer than the day that is written.
_OF_SIGHTINGS = ("ingested_at", "partition_date", "duplicate_of", *_PAY)


def _staged(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(column) for column in columns))


# Temporary tables and statements are the same every day, and compiling them takes longer than a small day's rows:
# so they are made once.
_MERGED, _FACTS = "merged", "facts"
_INCOMING_TEXTS = _staged("incoming_texts", "row", *TEXTS)
#: Apart, since those that are compared are read in the order of their keys.
_INCOMING_SKETCHES = _staged("incoming_sketches", "row", "sketch")
#: SQLite would copy all texts into an index before it joins them, if they had no key.
_CREATE_BY_ROW = (
    f"DROP TABLE IF EXISTS temp.{_INCOMING_TEXTS.name}",
    f"""CREATE TABLE temp.{_INCOMING_TEXTS.name} ("row" INTEGER PRIMARY KEY, {", ".join(TEXTS)})""",
    f"DROP TABLE IF EXISTS temp.{_INCOMING_SKETCHES.name}",
    f"""CREATE TABLE temp.{_INCOMING_SKETCHES.name} ("row" INTEGER PRIMARY KEY, sketch)""",
)
_NUMBERED = _staged("numbered_texts", "posting_id", "row")
_COMPARED = _staged("compared_texts", "posting_id", "row")


def _sketches_of(numbered: sa.TableClause) -> sa.Select[Any]:
    sketches = _INCOMING_SKETCHES.c
    return sa.select(numbered.c.posting_id, sketches.sketch).join_from(
        numbered, _INCOMING_SKETCHES, sketches["row"] == numbered.c["row"]
    )


_COMPARED_SKETCHES = _sketches_of(_COMPARED).where(_INCOMING_SKETCHES.c.sketch.is_not(None))
_NEW_SKETCHES = _sketches_of(_NUMBERED).where(_INCOMING_SKETCHES.c.sketch.is_not(None))
_WITHOUT_SKETCH = (
    _sketches_of(_NUMBERED).with_only_columns(_NUMBERED.c.posting_id).where(_INCOMING_SKETCHES.c.sketch.is_(None))
)
_DELETE_SKETCHES = posting_sketches.delete().where(posting_sketches.c.posting_id.in_(_WITHOUT_SKETCH))
_WANTED = _staged("wanted", *IDENTITY)
_SEEN_BEFORE = _staged("seen_before", "posting_id", *_OF_SIGHTINGS)

_OF_FACTS = frozenset(
    (
        "posting_id",
        *IDENTITY,
        "url_key",
        "job_key",
        "company_key",
        "near_key",
        "text_hash",
        "posted_at",
        "in_store",
    )
)
_KNOWN_ROWS = (
    sa.select(*((posting_facts if name in _OF_FACTS else job_postings).c[name] for name in KNOWN))
    .join_from(_WANTED, posting_facts, sa.and_(*(_WANTED.c[name] == posting_facts.c[name] for name in IDENTITY)))
    .outerjoin(job_postings, job_postings.c.posting_id == posting_facts.c.posting_id)
)
_LAST_POSTING_ID = sa.select(sa.func.max(posting_facts.c.posting_id))
_UPDATE_SEEN_BEFORE = (
    job_postings.update()
    .values({name: _SEEN_BEFORE.c[name] for name in _OF_SIGHTINGS})
    .where(job_postings.c.posting_id == _SEEN_BEFORE.c.posting_id)
)


@cache
def _merged_rows(columns: tuple[str, ...]) -> sa.Select[Any]:
    """The rows of job_postings out of what was merged (these columns) and the staged texts."""
    staged, texts = _staged(_MERGED, "row", *columns), _INCOMING_TEXTS
    return (
        sa.select(*(staged.c[name] for name in columns), *(texts.c[name] for name in TEXTS))
        .join_from(staged, texts, texts.c["row"] == staged.c["row"])
        .where(sa.true())
    )


@cache
def _fact_rows(columns: tuple[str, ...]) -> sa.Select[Any]:
    return sa.select(*_staged(_FACTS, *columns).c).where(sa.true())


def last_posting_id(connection: MarketConnection) -> int:
    """The highest posting_id that is taken, 0 without any."""
    return int(connection.scalar(_LAST_POSTING_ID) or 0)


class StoredPostings(StoredLinks):
    """What the store knows of postings, for a day's ingestion: see `postings.ingest.KnownPostings`."""

    def __init__(self, connection: MarketConnection) -> None:
        super().__init__(connection)
        self._texts = False
        self._numbered = pl.DataFrame(schema={"posting_id": pl.Int64(), "row": pl.Int64()})

    def keep_texts(self, texts: pl.DataFrame) -> None:
        """Stage texts in the database, so that memory does not grow with the day."""
        if self._connection.database.is_sqlite and not self._texts:
            for statement in _CREATE_BY_ROW:
                self._connection.execute(statement)
            self._texts = True
        self._connection.stage(_INCOMING_TEXTS.name, texts.drop("sketch"), append=self._texts)
        self._connection.stage(_INCOMING_SKETCHES.name, texts.select("row", "sketch"), append=self._texts)
        self._texts = True

    def number_texts(self, postings: pl.DataFrame) -> None:
        """Stage which postings take their texts from those that were staged."""
        self._connection.stage(_NUMBERED.name, postings)
        self._numbered = postings

    def sketches(self, posting_ids: pl.Series) -> pl.DataFrame:
        """The sketches of postings: the stored ones, but for those of staged texts."""
        ids = posting_ids.alias("posting_id").to_frame()
        compared = self._numbered.join(ids, on="posting_id", how="semi")
        stored = super().sketches(ids.join(compared, on="posting_id", how="anti")["posting_id"])
        if compared.is_empty():
            return stored
        self._connection.stage(_COMPARED.name, compared)
        return pl.concat([stored, self._connection.read(_COMPARED_SKETCHES, SKETCH)])

    def known(self, identities: pl.DataFrame) -> pl.DataFrame:
        """What is known of postings; other writers of postings wait from here on."""
        count_up_postings(self._connection)
        self._connection.stage(_WANTED.name, identities)
        return self._connection.read(_KNOWN_ROWS, KNOWN)

    def last_posting_id(self) -> int:
        return last_posting_id(self._connection)


class DayDigest:
    """A digest of all that the rows of a day depend on: what sources gave, exchange rates, the program."""

    def __init__(self, rates: pl.DataFrame, currency: str) -> None:
        self._digest = sha256(_program() + currency.encode())
        self._add(rates)

    def passing(self, batches: Iterable[LandedBatch]) -> Iterator[LandedBatch]:
        """The batches themselves, taken into account."""
        for batch in batches:
            self._digest.update(f"{batch.source} {batch.observed_at.isoformat()} {batch.raw.undecodable}".encode())
            self._add(batch.raw.frame)
            yield batch

    def hex(self) -> str:
        return self._digest.hexdigest()

    def _add(self, frame: pl.DataFrame) -> None:
        self._digest.update(f"{frame.schema} {frame.height}".encode())
        self._digest.update(frame.hash_rows().to_numpy().tobytes())


def known_days(connection: MarketConnection) -> set[date]:
    """The days that were ingested before."""
    days = sa.select(ingested_days.c.partition_date)
    return set(connection.read(days, pl.Schema({"partition_date": pl.Date()}))["partition_date"])


def unchanged(
    connection: MarketConnection, day: date, digest: DayDigest, batches: Iterable[LandedBatch]
) -> IngestionCounts | None:
    """What ingesting a day again would count, where it would write nothing; else None.

    That is so where everything is as it was the last time, and no posting has gone or come back since. The batches
    are only read where the day was ingested before: that takes a tenth of the time of ingesting them.
    """
    query = sa.select(*ingested_days.c).where(ingested_days.c.partition_date == day)
    stored = connection.read(query, arrow_schema(ingested_days))
    if stored.is_empty() or stored["postings"][0] != _postings(connection, day):
        return None
    for _batch in digest.passing(batches):
        pass
    if stored["digest"][0] != digest.hex():
        return None
    counts = IngestionCounts(**json.loads(stored["counts"][0]))
    return replace(counts, new=0, updated=counts.new + counts.updated)


def write_day(
    connection: MarketConnection,
    batches: Iterable[NormalisedBatch],
    sources: Iterable[str],
    *,
    day: date,
    rates: pl.DataFrame,
    currency: str,
    digest: DayDigest | None = None,
) -> IngestionCounts:
    """Ingest a daily partition into job_postings, posting_facts and rejected_postings, in one transaction.

    Args:
        connection: where the postings are.
        batches: the postings of all sources.
        sources: those whose earlier rejections of the day are replaced.
        day, rates, currency: as for `postings.ingest.ingest`.
        digest: of the batches, once they have been read; it is kept, to know the day again.
    """
    with connection.transaction():
        connection.keep_pages(_CACHE_MEGABYTES)
        ingested = ingest(batches, StoredPostings(connection), day=day, rates=rates, currency=currency)
        if ingested.postings.height:
            _write_postings(connection, ingested.postings)
            _write_facts(connection, ingested.postings)
            write_links(connection, ingested.links)
        _replace_rejected(connection, ingested.rejected, day, list(sources))
        if digest is not None:
            note_day(connection, day, digest.hex(), ingested.counts)
    return ingested.counts


def _write_postings(connection: MarketConnection, postings: pl.DataFrame) -> None:
    columns = [name for name in arrow_schema(job_postings).names() if name in postings.columns]
    taken = postings.filter("takes_content").select("row", *columns)
    connection.stage(_MERGED, taken)
    connection.upsert(job_postings, _merged_rows(tuple(columns)))
    seen_before = postings.filter(~pl.col("takes_content"))
    if seen_before.height:
        connection.stage(_SEEN_BEFORE.name, seen_before.select("posting_id", *_OF_SIGHTINGS))
        connection.execute(_UPDATE_SEEN_BEFORE)


def _write_facts(connection: MarketConnection, postings: pl.DataFrame) -> None:
    """Upsert the fact rows; the skills that were found in a text that has changed are deleted."""
    postings = postings.with_columns(in_store=pl.lit(True))
    facts = postings.select(name for name in arrow_schema(posting_facts).names() if name in postings.columns)
    connection.stage(_FACTS, facts)
    written = connection.upsert_noting(posting_facts, _fact_rows(tuple(facts.columns)))
    note_changed(connection, written["posting_id"])
    connection.upsert(posting_sketches, _NEW_SKETCHES)
    connection.execute(_DELETE_SKETCHES)
    archive_skills(connection, postings.filter("returns")["posting_id"], archived=False)
    delete_skills(connection, postings.filter("text_changed")["posting_id"])


def _replace_rejected(connection: MarketConnection, rejected: pl.DataFrame, day: date, sources: list[str]) -> None:
    table = rejected_postings.c
    connection.execute(rejected_postings.delete().where(table.partition_date == day, table.source.in_(sources)))
    clean = pl.col("payload", "reason").str.replace_all("\x00", "", literal=True)
    connection.append(rejected_postings, rejected.with_columns(clean))


def count_broken_links(connection: MarketConnection) -> int:
    """How many postings name an original that is gone, is a duplicate itself or is not that of their facts."""
    facts, duplicate, original = posting_facts.c, job_postings.alias("duplicate"), job_postings.alias("original")
    return int(
        connection.scalar(
            sa.select(sa.func.count())
            # Read first: job_postings, with its texts, takes ten times as long.
            .select_from(posting_facts)
            .join(duplicate, duplicate.c.posting_id == facts.posting_id)
            .outerjoin(original, original.c.posting_id == duplicate.c.duplicate_of)
            .where(
                facts.duplicate_of.is_not(None),
                sa.or_(
                    duplicate.c.duplicate_of.is_distinct_from(facts.duplicate_of),
                    original.c.posting_id.is_(None),
                    original.c.duplicate_of.is_not(None),
                ),
            )
        )
    )


def note_day(connection: MarketConnection, day: date, digest: str, counts: IngestionCounts) -> None:
    """Keep what was ingested of a day; inside the transaction that writes its postings."""
    connection.execute(ingested_days.delete().where(ingested_days.c.partition_date == day))
    postings = _postings(connection, day)
    row = {"partition_date": day, "digest": digest, "postings": postings, "counts": json.dumps(asdict(counts))}
    connection.append(ingested_days, pl.DataFrame([row], schema=arrow_schema(ingested_days)))


def _postings(connection: MarketConnection, day: date) -> int:
    first_seen = job_postings.c.partition_date == day
    return int(connection.scalar(sa.select(sa.func.count()).select_from(job_postings).where(first_seen)))


@cache
def _program() -> bytes:
    """A digest of the files of the rooms that make rows of postings."""
    digest = sha256()
    for room in _RULES:
        for path in sorted((_PACKAGE / room).rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                digest.update(path.read_bytes())
    return digest.digest()
