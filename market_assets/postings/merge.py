"""Merging of postings that are seen again: content of the newest partition, first seen in the oldest.

The result does not depend on the order in which partitions are run, nor on how often.
"""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from market_assets.postings.identity import IDENTITY
from market_assets.postings.salaries.annual import annual_pay, midpoint
from market_assets.postings.schemas import UTC_DATETIME

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

#: When a posting was first and last seen, and the partitions of first sight and of the content.
SIGHTING = pl.Schema(
    {
        "ingested_at": UTC_DATETIME,
        "last_seen_at": UTC_DATETIME,
        "partition_date": pl.Date(),
        "content_date": pl.Date(),
    }
)


def merge_sightings(
    incoming: pl.DataFrame,
    existing: pl.DataFrame,
    *,
    day: date,
    observed_at: datetime,
    rates: pl.DataFrame,
    currency: str,
) -> pl.DataFrame:
    """Merge the postings of a day's partition with the stored ones.

    Args:
        incoming: `IDENTITY`, `CONTENT` and any further columns, one row a posting.
        existing: posting_id, `IDENTITY`, `CONTENT` and `SIGHTING`, for those of them that are stored.
        day: the partition.
        observed_at: when the partition's payloads were fetched, UTC.
        rates: exchange rates, as `postings.salaries.annual.annual_pay` takes them.
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
    seen, partition = pl.lit(observed_at, UTC_DATETIME), pl.lit(day, pl.Date())
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
