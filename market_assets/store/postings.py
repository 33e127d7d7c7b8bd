"""Writing a day's postings: staged in bulk, merged with what is known, linked, all in one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

import polars as pl
import sqlalchemy as sa

from market_assets.postings.duplicates import KEYED
from market_assets.postings.merge import CONTENT, SIGHTING, merge_sightings, newest_of_each
from market_assets.postings.schemas import NORMALISED_POSTING
from market_assets.sources.reading import NormalisedBatch
from market_assets.store.column_types import arrow_schema
from market_assets.store.connection import MarketConnection
from market_assets.store.duplicate_links import relink, write_sketches
from market_assets.store.revisions import count_up_postings
from market_assets.store.tables.postings import job_postings, posting_facts, rejected_postings

#: Texts stay in the database while a day is merged; only the other columns pass through memory at once.
_TEXTS = ("title", "company", "description", "url")
_PAY = ("posted_at", "annual_salary_min", "annual_salary_max")
#: What changes in a posting whose content is newer than the day that is written.
_OF_SIGHTINGS = ("ingested_at", "partition_date", *_PAY)

#: What is known of a posting before the day is merged.
_KNOWN = pl.Schema(
    {
        **{name: NORMALISED_POSTING.get(name, pl.Int64()) for name in ("posting_id", *CONTENT)},
        **SIGHTING,
        "posted_at": pl.Datetime("us", "UTC"),
        "in_store": pl.Boolean(),
    }
)
_KNOWN_OF_FACTS = ("posting_id", "url_key", "job_key", "near_key", "text_hash", "posted_at", "in_store")


def _staged(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(column) for column in columns))


# Temporary tables and statements are the same every day, and compiling them takes longer than a small day's rows:
# so they are made once.
_MERGED, _FACTS = "merged", "facts"
_INCOMING_TEXTS = _staged("incoming_texts", "row", *_TEXTS)
_WANTED = _staged("wanted", "posting_id")
_SEEN_BEFORE = _staged("seen_before", "posting_id", *_OF_SIGHTINGS)
_CHANGED = _staged("changed", "posting_id")

_KNOWN_QUERY = (
    sa.select(*((posting_facts if name in _KNOWN_OF_FACTS else job_postings).c[name] for name in _KNOWN))
    .join_from(posting_facts, _WANTED, _WANTED.c.posting_id == posting_facts.c.posting_id)
    .outerjoin(job_postings, job_postings.c.posting_id == posting_facts.c.posting_id)
)
_UPDATE_SEEN_BEFORE = (
    job_postings.update()
    .values({name: _SEEN_BEFORE.c[name] for name in _OF_SIGHTINGS})
    .where(job_postings.c.posting_id == _SEEN_BEFORE.c.posting_id)
)
_FORGET_SKILLS = (
    posting_facts.update()
    .values(skills=None, skill_weights=None, skills_version=None)
    # Of new postings no skills are known: writing their rows again would take as long as writing them did.
    .where(posting_facts.c.skills.is_not(None), posting_facts.c.posting_id.in_(sa.select(_CHANGED.c.posting_id)))
)


@cache
def _merged_rows(columns: tuple[str, ...]) -> sa.Select[Any]:
    """The rows of job_postings out of what was merged (these columns) and the staged texts."""
    staged, texts = _staged(_MERGED, *columns), _INCOMING_TEXTS
    return (
        sa.select(
            *(staged.c[name] for name in columns if name in job_postings.c), *(texts.c[name] for name in _TEXTS)
        )
        .join_from(staged, texts, texts.c["row"] == staged.c["row"])
        .where(sa.true())
    )


@cache
def _fact_rows(columns: tuple[str, ...]) -> sa.Select[Any]:
    return sa.select(*_staged(_FACTS, *columns).c).where(sa.true())


@dataclass
class IngestedDay:
    """What became of the records of one partition."""

    accepted: int = 0
    rejected: int = 0
    repeated: int = 0
    new: int = 0
    updated: int = 0
    already_archived: int = 0
    duplicates: int = 0
    nulled: dict[str, int] = field(default_factory=dict)


class DayWriter:
    """Writes one daily partition into job_postings, posting_facts and rejected_postings."""

    def __init__(self, connection: MarketConnection, day: date, rates: pl.DataFrame, currency: str) -> None:
        self._connection = connection
        self._day = day
        self._rates = rates
        self._currency = currency

    def write(self, batches: Iterable[NormalisedBatch], sources: Iterable[str]) -> IngestedDay:
        """Write all batches in one transaction; `sources` are those whose earlier rejections are replaced."""
        result = IngestedDay()
        with self._connection.transaction():
            narrow, rejected = self._stage(batches, result)
            count_up_postings(self._connection)
            if narrow.height:
                self._merge(narrow, result)
            self._replace_rejected(rejected, list(sources))
        result.rejected = rejected.height
        return result

    def _stage(self, batches: Iterable[NormalisedBatch], result: IngestedDay) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Stage texts in the database; keep the other columns, the newest row of each posting."""
        kept: list[pl.DataFrame] = []
        rejected: list[pl.DataFrame] = []
        count = 0
        for batch in batches:
            postings = batch.postings.with_row_index("row", offset=count).with_columns(
                pl.col("row").cast(pl.Int64)
            )
            count += postings.height
            self._connection.stage(_INCOMING_TEXTS.name, postings.select("row", *_TEXTS), append=bool(kept))
            text = pl.concat_str("title", pl.col("description").fill_null(""), separator="\n")
            kept.append(
                postings.with_columns(
                    text_hash=text.hash(seed=0).reinterpret(signed=True),
                    observed_at=pl.lit(batch.observed_at, pl.Datetime("us", "UTC")),
                ).drop(_TEXTS)
            )
            rejected.append(self._rejections(batch))
            for name, number in batch.nulled.items():
                result.nulled[name] = result.nulled.get(name, 0) + number
        if not kept:
            return pl.DataFrame(), pl.DataFrame(schema=arrow_schema(rejected_postings))
        narrow = newest_of_each(pl.concat(kept))
        result.accepted, result.repeated = count, count - narrow.height
        unique = pl.concat(rejected).unique(["source", "partition_date", "payload_hash"], maintain_order=True)
        return narrow, unique

    def _rejections(self, batch: NormalisedBatch) -> pl.DataFrame:
        rows = batch.rejected.with_columns(
            pl.lit(batch.source).alias("source"),
            pl.lit(self._day, pl.Date()).alias("partition_date"),
            pl.lit(batch.observed_at, pl.Datetime("us", "UTC")).alias("rejected_at"),
        )
        return rows.select(arrow_schema(rejected_postings).names())

    def _merge(self, narrow: pl.DataFrame, result: IngestedDay) -> None:
        known = self._known(narrow["posting_id"])
        merged = pl.concat(
            merge_sightings(
                incoming,
                known,
                day=self._day,
                observed_at=observed_at,
                rates=self._rates,
                currency=self._currency,
            )
            for (observed_at,), incoming in narrow.group_by("observed_at", maintain_order=True)
        )
        in_archive = known.filter(~pl.col("in_store")).select("posting_id", archived_posted_at="posted_at")
        merged = merged.join(in_archive, on="posting_id", how="left", maintain_order="left")
        # One without a stated time would otherwise come back as new for as long as its board lists it.
        older = pl.col("stated_posted_at").is_null() | (pl.col("posted_at") <= pl.col("archived_posted_at"))
        archived = pl.col("archived_posted_at").is_not_null() & older
        result.already_archived = merged.filter(archived).height
        merged = merged.filter(~archived).drop("archived_posted_at")
        result.updated = merged.join(known.filter("in_store"), on="posting_id", how="semi").height
        result.new = merged.height - result.updated
        if merged.height:
            self._write_postings(merged)
            self._write_facts(merged)
            result.duplicates = relink(self._connection, pl.concat([_keys(merged), _keys(known)]))

    def _known(self, posting_ids: pl.Series) -> pl.DataFrame:
        """What is known of the postings: from job_postings where they are, else from their narrow rows."""
        self._connection.stage(_WANTED.name, posting_ids.to_frame())
        return self._connection.read(_KNOWN_QUERY, _KNOWN)

    def _write_postings(self, merged: pl.DataFrame) -> None:
        taken = merged.filter("takes_content").drop(
            "salary", "text_changed", "takes_content", "observed_at", "sketch"
        )
        self._connection.stage(_MERGED, taken)
        self._connection.upsert(job_postings, _merged_rows(tuple(taken.columns)))
        seen_before = merged.filter(~pl.col("takes_content"))
        if seen_before.height:
            self._connection.stage(_SEEN_BEFORE.name, seen_before.select("posting_id", *_OF_SIGHTINGS))
            self._connection.execute(_UPDATE_SEEN_BEFORE)

    def _write_facts(self, merged: pl.DataFrame) -> None:
        """Upsert the narrow rows; skills found in a text that has changed are forgotten."""
        names = [name for name in arrow_schema(posting_facts).names() if name in merged.columns]
        facts = merged.select(names).with_columns(
            in_store=pl.lit(True), duplicate_of=pl.lit(None, pl.Int64()), first_of_job=pl.lit(True)
        )
        self._connection.stage(_FACTS, facts)
        self._connection.upsert(
            posting_facts, _fact_rows(tuple(facts.columns)), keep=("duplicate_of", "first_of_job")
        )
        write_sketches(self._connection, merged.filter("takes_content"))
        self._connection.stage(_CHANGED.name, merged.filter("text_changed").select("posting_id"))
        self._connection.execute(_FORGET_SKILLS)

    def _replace_rejected(self, rejected: pl.DataFrame, sources: list[str]) -> None:
        table = rejected_postings.c
        self._connection.execute(
            rejected_postings.delete().where(table.partition_date == self._day, table.source.in_(sources))
        )
        clean = pl.col("payload", "reason").str.replace_all("\x00", "", literal=True)
        self._connection.append(rejected_postings, rejected.with_columns(clean))


def _keys(postings: pl.DataFrame) -> pl.DataFrame:
    return postings.select(KEYED.names())


def count_broken_links(connection: MarketConnection) -> int:
    """How many postings name an original that is not there or is a duplicate itself."""
    duplicate, original = job_postings.alias("duplicate"), job_postings.alias("original")
    return int(
        connection.scalar(
            sa.select(sa.func.count())
            .select_from(duplicate.outerjoin(original, original.c.posting_id == duplicate.c.duplicate_of))
            .where(
                duplicate.c.duplicate_of.is_not(None),
                sa.or_(original.c.posting_id.is_(None), original.c.duplicate_of.is_not(None)),
            )
        )
    )
