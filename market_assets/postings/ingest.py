"""Ingestion of a day's normalised postings: merging with the stored ones, numbering, and links of duplicates.

Of a posting that is seen again the content is that of the newest partition, and it was first seen in the oldest:
the result depends neither on the order in which partitions are run, nor on how often.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from io import BytesIO
from typing import Protocol

import polars as pl
from polars import selectors

from market_assets.postings.duplicates import CANDIDATE, KEYS, LINK, LinkedPostings, relink
from market_assets.postings.identity import IDENTITY
from market_assets.postings.normalise import NormalisedBatch
from market_assets.postings.salaries.readings import annual_pay, midpoint
from market_assets.postings.schemas import NORMALISED_POSTING, REJECTED_POSTING, UTC_DATETIME

#: Texts are stored separately while a day is ingested; only the other columns are in memory at once.
TEXTS = ("title", "company", "description", "url")
#: What is stored separately: the sketches of texts, too, are longer than all that is left of a posting.
KEPT = (*TEXTS, "sketch")

#: The columns of a posting that statistics, annual pay or views depend on.
CONTENT = (
    "location",
    "country",
    "locations",
    "workplace",
    "is_remote",
    "employment_type",
    "industry",
    "seniority",
    "occupation",
    "language",
    "salary_min",
    "salary_max",
    "salary_currency",
    "salary_period",
    "pay_quality",
    "stated_posted_at",
    "url_key",
    "job_key",
    "company_key",
    "near_key",
    "text_hash",
)

#: As codes they wait in half of the memory until all is written.
_TEXTS_OF_FEW_VALUES = (selectors.by_name(CONTENT) & selectors.string()).cast(pl.Categorical)

#: When a posting was first and last seen, and the partitions of first sight and of the content.
SIGHTING = pl.Schema(
    {
        "ingested_at": UTC_DATETIME,
        "last_seen_at": UTC_DATETIME,
        "partition_date": pl.Date(),
        "content_date": pl.Date(),
    }
)

#: A posting as it is stored before the day. Of an archived posting (`in_store` is false) only the ids, the keys,
#: the text hash and posted_at are not null.
KNOWN = pl.Schema(
    {
        "posting_id": pl.Int64(),
        **{name: NORMALISED_POSTING[name] for name in (*IDENTITY, *CONTENT)},
        **SIGHTING,
        "posted_at": UTC_DATETIME,
        "in_store": pl.Boolean(),
    }
)

#: So many postings are merged at a time: it takes several times their memory.
_MERGED_TOGETHER = 50_000
_NO_IDENTITY = pl.DataFrame(schema=dict.fromkeys(IDENTITY, pl.String()))

REJECTED = pl.Schema(
    {"source": pl.String(), "partition_date": pl.Date(), **REJECTED_POSTING, "rejected_at": UTC_DATETIME}
)


class KnownPostings(LinkedPostings, Protocol):
    """Access to the stored postings, and a place for texts during the ingestion."""

    def keep_texts(self, texts: pl.DataFrame) -> None:
        """Keep texts and sketches (row, `KEPT`) for the postings of the same `row`."""
        ...

    def number_texts(self, postings: pl.DataFrame) -> None:
        """Note which postings (posting_id, row) take theirs from those: `sketches` gives them from then on."""
        ...

    def known(self, identities: pl.DataFrame) -> pl.DataFrame:
        """The stored ones of some postings (`IDENTITY`). Schema `KNOWN`. Locks the postings for other writers."""
        ...

    def last_posting_id(self) -> int:
        """The highest posting_id in use, 0 if there is none."""
        ...


@dataclass
class IngestionCounts:
    """Numbers of the records of a day, by what was done with them."""

    accepted: int = 0
    rejected: int = 0
    repeated: int = 0
    new: int = 0
    updated: int = 0
    already_archived: int = 0
    duplicates: int = 0
    nulled: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class IngestedDay:
    """The rows of a day.

    Attributes:
        postings: one row a posting to be written: posting_id, all of `NORMALISED_POSTING` but `KEPT`, the columns
            of `merge_sightings` and `LINK`, `row` of its texts, and `returns`: whether it was archived. Texts of
            `CONTENT` are Categorical. Without rows it may lack columns.
        links: schema `LINK`, other postings whose link has changed.
        rejected: schema `REJECTED`, each payload once.
        counts: the numbers of records.
    """

    postings: pl.DataFrame
    links: pl.DataFrame
    rejected: pl.DataFrame
    counts: IngestionCounts


def ingest(
    batches: Iterable[NormalisedBatch], store: KnownPostings, *, day: date, rates: pl.DataFrame, currency: str
) -> IngestedDay:
    """Ingest the postings of a day.

    Args:
        batches: the postings of all sources, normalised one batch at a time, so that memory does not grow.
        store: the stored postings.
        day: the daily partition.
        rates: exchange rates, as `postings.salaries.readings.annual_pay` takes them.
        currency: the reporting currency.
    """
    counts = IngestionCounts()
    incoming, identities, rejected = _collected(batches, store, day, counts)
    # Sources that repeat a posting list its newest version last.
    newest = identities.select(pl.struct(IDENTITY).is_last_distinct()).to_series()
    counts.repeated = counts.accepted - len(newest.arg_true())
    known = store.known(identities.filter(newest))
    if identities.is_empty():
        return IngestedDay(identities, LINK.to_frame(), rejected, counts)
    merged = _in_one_piece(
        merge_sightings(rows, known, day=day, rates=rates, currency=currency).with_columns(_TEXTS_OF_FEW_VALUES)
        for rows in _only(incoming, newest)
    )
    implausible = merged.select((pl.col("takes_content") & (pl.col("pay_quality") == "implausible")).sum()).item()
    if implausible:
        counts.nulled["annual_salary"] = implausible
    postings = _numbered(_not_archived(merged, known, counts), store)
    store.number_texts(postings.filter("takes_content").select("posting_id", "row"))
    candidates = postings.with_columns(in_store=pl.lit(True))
    keys = pl.concat([postings.select(KEYS), known.select(KEYS)])
    links = relink(keys, store, candidates.select(CANDIDATE.names()))
    postings = postings.with_columns(links[: postings.height].drop("posting_id"))
    counts.duplicates = postings["duplicate_of"].count()
    return IngestedDay(postings, links[postings.height :], rejected, counts)


def merge_sightings(
    incoming: pl.DataFrame,
    existing: pl.DataFrame,
    *,
    day: date,
    rates: pl.DataFrame,
    currency: str,
) -> pl.DataFrame:
    """Merge the postings of a day's partition with the stored ones.

    Args:
        incoming: `IDENTITY`, `CONTENT`, observed_at (when it was fetched, UTC) and any further columns, one row a
            posting.
        existing: posting_id, `IDENTITY`, `CONTENT` and `SIGHTING`, for those of them that are stored.
        day: the partition.
        rates: exchange rates, as `postings.salaries.readings.annual_pay` takes them.
        currency: the reporting currency.

    Returns:
        The incoming rows in their order with merged CONTENT and SIGHTING, `posting_id` (null for new postings),
        `takes_content` (whether the incoming content is the newest), `text_changed` (whether skills must be
        extracted again), `posted_at` (as stated, else when first seen), `annual_salary_min`, `annual_salary_max`,
        `salary` (their midpoint), the `pay_quality` of these, and `dated` (whether the posting time is stated).
    """
    kept = ("posting_id", *IDENTITY)
    known = existing.rename({name: f"known_{name}" for name in existing.columns if name not in kept})
    joined = incoming.join(known, on=IDENTITY, how="left", maintain_order="left")
    takes_content = (pl.col("known_content_date") <= day).fill_null(True)
    first_sight = (pl.col("known_partition_date") >= day).fill_null(True)
    seen, partition = pl.col("observed_at"), pl.lit(day, pl.Date())
    merged = joined.with_columns(
        (takes_content & pl.col("text_hash").ne_missing(pl.col("known_text_hash"))).alias("text_changed"),
        *(pl.when(takes_content).then(name).otherwise(f"known_{name}").alias(name) for name in CONTENT),
        takes_content.alias("takes_content"),
        pl.when(first_sight).then(seen).otherwise("known_ingested_at").alias("ingested_at"),
        pl.when(first_sight).then(partition).otherwise("known_partition_date").alias("partition_date"),
        pl.when(takes_content).then(seen).otherwise("known_last_seen_at").alias("last_seen_at"),
        pl.when(takes_content).then(partition).otherwise("known_content_date").alias("content_date"),
    ).drop(name for name in known.columns if name not in kept)
    merged = merged.with_columns(posted_at=pl.coalesce("stated_posted_at", "ingested_at"))
    annual = annual_pay(merged, rates, currency)
    return merged.with_columns(annual).with_columns(
        midpoint(pl.col("annual_salary_min"), pl.col("annual_salary_max")).alias("salary"),
        pl.col("stated_posted_at").is_not_null().alias("dated"),
    )


def _collected(
    batches: Iterable[NormalisedBatch], store: KnownPostings, day: date, counts: IngestionCounts
) -> tuple[list[bytes], pl.DataFrame, pl.DataFrame]:
    """The rows of each batch without what the store keeps, compressed; all identities; the rejected postings."""
    kept: list[bytes] = []
    identities = [_NO_IDENTITY]
    rejected = [REJECTED.to_frame()]
    for batch in batches:
        rows = batch.postings.with_row_index("row", offset=counts.accepted).cast({"row": pl.Int64})
        counts.accepted += rows.height
        store.keep_texts(rows.select("row", *KEPT))
        observed_at = pl.lit(batch.observed_at, UTC_DATETIME)
        kept.append(_compressed(rows.drop(KEPT).with_columns(observed_at=observed_at)))
        identities.append(rows.select(IDENTITY))
        refused = batch.rejected.with_columns(
            source=pl.lit(batch.source), partition_date=pl.lit(day, pl.Date()), rejected_at=observed_at
        )
        rejected.append(refused.select(REJECTED.names()))
        for name, number in batch.nulled.items():
            counts.nulled[name] = counts.nulled.get(name, 0) + number
    unique = pl.concat(rejected).unique(["source", "payload_hash"], maintain_order=True)
    counts.rejected = unique.height
    return kept, pl.concat(identities), unique


def _compressed(rows: pl.DataFrame) -> bytes:
    """Rows in a fraction of their memory, as all wait until the last batch has been normalised."""
    file = BytesIO()
    rows.write_ipc(file, compression="lz4")
    return file.getvalue()


def _only(batches: list[bytes], wanted: pl.Series) -> Iterator[pl.DataFrame]:
    """The wanted rows of all batches, many at a time; those that have been given leave the list."""
    start, together = 0, list[pl.DataFrame]()
    while batches:
        rows = pl.read_ipc(batches.pop(0))
        together.append(rows.filter(wanted.slice(start, rows.height)))
        start += rows.height
        if not batches or sum(each.height for each in together) >= _MERGED_TOGETHER:
            yield pl.concat(together)
            together = []


def _in_one_piece(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """All rows in one piece: else Polars would copy all columns whenever one in one piece is put beside them."""
    columns = pl.concat(parts).get_columns()
    # Column by column, so that never all of them are there twice.
    return pl.DataFrame([columns.pop(0).rechunk() for _ in range(len(columns))])


def _not_archived(merged: pl.DataFrame, known: pl.DataFrame, counts: IngestionCounts) -> pl.DataFrame:
    """Drop archived postings that are not posted again; `returns` marks those that are."""
    in_archive = known.filter(~pl.col("in_store")).select("posting_id", archived_posted_at="posted_at")
    times = merged.select("posting_id", "stated_posted_at", "posted_at").join(
        in_archive, on="posting_id", how="left", maintain_order="left"
    )
    returns = pl.col("archived_posted_at").is_not_null()
    # Without a stated time, a posting would otherwise return as new as long as its board lists it.
    older = pl.col("stated_posted_at").is_null() | (pl.col("posted_at") <= pl.col("archived_posted_at"))
    is_dropped = times.select(returns & older).to_series()
    postings = merged.with_columns(times.select(returns=returns))
    if is_dropped.any():
        postings = postings.filter(~is_dropped)
    counts.already_archived = merged.height - postings.height
    counts.updated = postings.filter(pl.col("posting_id").is_not_null() & ~pl.col("returns")).height
    counts.new = postings.height - counts.updated
    return postings


def _numbered(postings: pl.DataFrame, store: KnownPostings) -> pl.DataFrame:
    """Give new postings the next ids, in their order."""
    new = pl.col("posting_id").is_null()
    next_id = store.last_posting_id() + new.cum_sum().cast(pl.Int64)
    return postings.with_columns(posting_id=pl.when(new).then(next_id).otherwise("posting_id"))
