"""Duplicates: which postings are the same job, and which of them is the original."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import polars as pl

from market_assets.postings.near_duplicates import components, near_groups
from market_assets.postings.schemas import UTC_DATETIME

#: Keys that the postings of a job share. Postings that share a `near_key` alone need not be one job.
KEYS = ("url_key", "job_key", "near_key")

#: The input of `link_duplicates`.
CANDIDATE = pl.Schema(
    {
        "posting_id": pl.Int64(),
        "source": pl.String(),
        "external_id": pl.String(),
        "posted_at": UTC_DATETIME,
        **dict.fromkeys(KEYS, pl.Int64()),
        "in_store": pl.Boolean(),
    }
)

#: The result of `link_duplicates`.
LINK = pl.Schema({"posting_id": pl.Int64(), "duplicate_of": pl.Int64(), "first_of_job": pl.Boolean()})

#: A stored posting and its link.
LINKED = pl.Schema({**CANDIDATE, **LINK})
SKETCH = pl.Schema({"posting_id": pl.Int64(), "sketch": pl.Binary()})


class LinkedPostings(Protocol):
    """Access to the stored postings and their links."""

    def sharing(self, key: str, values: pl.Series) -> pl.DataFrame:
        """The postings whose `key`, one of `KEYS`, is among the values. Schema `LINKED`."""
        ...

    def sketches(self, posting_ids: pl.Series) -> pl.DataFrame:
        """The sketches of the postings that have one. Schema `SKETCH`."""
        ...


def relink(keys: pl.DataFrame, stored: LinkedPostings, changed: pl.DataFrame | None = None) -> pl.DataFrame:
    """Update the links of all jobs to which some postings belong or belonged.

    Args:
        keys: `KEYS` of those postings, present and former.
        stored: the stored postings.
        changed: schema `CANDIDATE`, new and changed postings, whose sketches `stored` gives too.

    Returns:
        Schema `LINK`: first `changed` in its order, then the stored postings whose link has changed.
    """
    changed = CANDIDATE.to_frame() if changed is None else changed
    others = _whole_jobs(keys, stored, changed["posting_id"])
    links = link_duplicates(pl.concat([changed, others.select(CANDIDATE.names())]), stored.sketches)
    of_changed = changed.select("posting_id").join(links, on="posting_id", how="left", maintain_order="left")
    of_others = links.join(changed, on="posting_id", how="anti")
    news = of_others.join(others, on=LINK.names(), how="anti", nulls_equal=True)
    return pl.concat([of_changed, news])


def _whole_jobs(keys: pl.DataFrame, stored: LinkedPostings, changed: pl.Series) -> pl.DataFrame:
    """The stored postings that are connected with the keys, also by way of others, without the changed ones."""
    followed: dict[str, pl.Series] = {name: pl.Series(name, [], dtype=pl.Int64()) for name in KEYS}
    found, frontier = LINKED.to_frame(), keys.select(KEYS)
    while frontier.height:
        reached = [LINKED.to_frame()]
        for name, done in followed.items():
            values = frontier[name].drop_nulls().unique()
            fresh = values.filter(~values.is_in(done.implode()))
            if fresh.len():
                followed[name] = pl.concat([done, fresh])
                reached.append(stored.sharing(name, fresh))
        frontier = pl.concat(reached).filter(~pl.col("posting_id").is_in(changed.implode()))
        found = pl.concat([found, frontier]).unique("posting_id", maintain_order=True)
    return found


def link_duplicates(candidates: pl.DataFrame, sketches: Callable[[pl.Series], pl.DataFrame]) -> pl.DataFrame:
    """Link each posting to the original of its job.

    Postings that share a `url_key` or a `job_key` are the same job, and so are near duplicates among those that
    share a `near_key`; also by way of others. The original is the one with the earliest posted_at, then the
    smallest (source, external_id), among those in the store; where none is in the store any more, among
    the remaining fact rows.

    Args:
        candidates: schema `CANDIDATE`, all postings of each key.
        sketches: gives the sketches (`SKETCH`) of some of them; asked only about those that share a near_key.

    Returns:
        Schema `LINK`. duplicate_of: null for an original; first_of_job: whether it is the first posting of its
        job, including those that are not in the store.
    """
    ordered = candidates.sort("posted_at", "source", "external_id").with_row_index("order")
    ordered = ordered.with_columns(near_groups(ordered, sketches))
    pairs = [
        ordered.drop_nulls(key).select("order", first=pl.col("order").min().over(key))
        for key in ("url_key", "job_key", "near_group")
    ]
    one, other = pl.concat(pairs).cast(pl.Int64).to_numpy().T
    jobs = ordered.with_columns(job=pl.Series(components(ordered.height, one, other)).cast(pl.UInt32))
    in_store = pl.col("order").filter(pl.col("in_store")).min().over("job")
    original = pl.coalesce(in_store, "job")
    linked = jobs.with_columns(original=original)
    ids = jobs.select(original="order", original_id="posting_id")
    return linked.join(ids, on="original", how="left", maintain_order="left").select(
        "posting_id",
        duplicate_of=pl.when(pl.col("original") != pl.col("order")).then("original_id"),
        first_of_job=pl.col("job") == pl.col("order"),
    )
