"""Which postings are the same job, and which of them is the original."""

from __future__ import annotations

import polars as pl

from market_assets.postings.near_duplicates import near_groups

#: What the linking needs of each posting.
CANDIDATE = pl.Schema(
    {
        "posting_id": pl.Int64(),
        "source": pl.String(),
        "external_id": pl.String(),
        "posted_at": pl.Datetime("us", "UTC"),
        "url_key": pl.Int64(),
        "job_key": pl.Int64(),
        "near_key": pl.Int64(),
        "in_store": pl.Boolean(),
        "sketch": pl.Binary(),
    }
)

#: By which the postings of a job are found; those of one `near_key` need not be one job.
KEYS = ("url_key", "job_key", "near_key")
KEYED = pl.Schema({"posting_id": pl.Int64(), **dict.fromkeys(KEYS, pl.Int64())})


def link_duplicates(candidates: pl.DataFrame) -> pl.DataFrame:
    """Link each posting to the original of its job.

    Postings that share a `url_key` or a `job_key` are the same job, and so are near duplicates among those that
    share a `near_key`; also by way of a third. The original is the one with the earliest posted_at, then the
    smallest (source, external_id), among those in the store; where none is left in the store, among the narrow
    rows that remain.

    Args:
        candidates: schema `CANDIDATE`, holding every posting of each key. A sketch may be missing where no other
            posting has the near_key.

    Returns:
        posting_id, duplicate_of (null for an original) and first_of_job: whether it is the first posting of its
        job among all rows, whether in the store or not.
    """
    ordered = candidates.sort("posted_at", "source", "external_id").with_row_index("order")
    ordered = ordered.with_columns(near_groups(ordered), job=pl.col("order"))
    jobs = _spread_smallest(ordered)
    in_store = pl.col("order").filter(pl.col("in_store")).min().over("job")
    original = pl.coalesce(in_store, "job")
    linked = jobs.with_columns(original=original)
    ids = jobs.select(original="order", original_id="posting_id")
    return linked.join(ids, on="original", how="left", maintain_order="left").select(
        "posting_id",
        duplicate_of=pl.when(pl.col("original") != pl.col("order")).then("original_id"),
        first_of_job=pl.col("job") == pl.col("order"),
    )


def _spread_smallest(postings: pl.DataFrame) -> pl.DataFrame:
    """Give all postings that are connected through their keys the smallest `job` among them."""
    while True:
        spread = postings
        for key in ("url_key", "job_key", "near_group"):
            smallest = pl.col("job").min().over(key)
            spread = spread.with_columns(job=pl.when(pl.col(key).is_null()).then("job").otherwise(smallest))
        if spread["job"].equals(postings["job"]):
            return spread
        postings = spread
