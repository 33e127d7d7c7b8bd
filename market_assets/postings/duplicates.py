"""Which postings are the same job, and which of them is the original."""

from __future__ import annotations

from typing import Protocol

import polars as pl

from market_assets.postings.near_duplicates import near_groups
from market_assets.postings.schemas import UTC_DATETIME

#: By which the postings of a job are found; those of one `near_key` need not be one job.
KEYS = ("url_key", "job_key", "near_key")

#: What the linking needs of each posting.
CANDIDATE = pl.Schema(
    {
        "posting_id": pl.Int64(),
        "source": pl.String(),
        "external_id": pl.String(),
        "posted_at": UTC_DATETIME,
        **dict.fromkeys(KEYS, pl.Int64()),
        "in_store": pl.Boolean(),
        "sketch": pl.Binary(),
    }
)

#: What the linking finds of each posting.
LINK = pl.Schema({"posting_id": pl.Int64(), "duplicate_of": pl.Int64(), "first_of_job": pl.Boolean()})

#: A posting as a store has it: what the linking needs but for the sketch, and how it is linked.
LINKED = pl.Schema({**{name: dtype for name, dtype in CANDIDATE.items() if name != "sketch"}, **LINK})
SKETCH = pl.Schema({"posting_id": pl.Int64(), "sketch": pl.Binary()})


class LinkedPostings(Protocol):
    """The postings of a store, by what links them."""

    def sharing(self, key: str, values: pl.Series) -> pl.DataFrame:
        """The postings whose `key`, one of `KEYS`, is among the values. Schema `LINKED`."""
        ...

    def sketches(self, posting_ids: pl.Series) -> pl.DataFrame:
        """The sketches of those of the postings that have one. Schema `SKETCH`."""
        ...


def relink(keys: pl.DataFrame, stored: LinkedPostings, changed: pl.DataFrame | None = None) -> pl.DataFrame:
    """Link anew every job that some postings belong or belonged to.

    Args:
        keys: `KEYS`, those that the postings have or had.
        stored: all postings but for what has changed.
        changed: schema `CANDIDATE`, postings that are not in the store yet, or not as they now are; a sketch that
            has not changed may be missing.

    Returns:
        Schema `LINK`: first `changed` in its order, then the stored postings whose link is another now.
    """
    changed = CANDIDATE.to_frame() if changed is None else changed
    others = _whole_jobs(keys, stored, changed["posting_id"])
    same_columns = [name for name in CANDIDATE if name != "sketch"]
    candidates = pl.concat([changed, others.select(same_columns)], how="diagonal")
    links = link_duplicates(_with_sketches(candidates, stored))
    of_changed = changed.select("posting_id").join(links, on="posting_id", how="left", maintain_order="left")
    of_others = links.join(changed, on="posting_id", how="anti")
    news = of_others.join(others, on=LINK.names(), how="anti", nulls_equal=True)
    return pl.concat([of_changed, news])


def _whole_jobs(keys: pl.DataFrame, stored: LinkedPostings, changed: pl.Series) -> pl.DataFrame:
    """The stored postings, but for the changed ones, that are connected with the keys, also by way of others."""
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


def _with_sketches(candidates: pl.DataFrame, stored: LinkedPostings) -> pl.DataFrame:
    """With those that are missing where there is something to compare, which few postings have."""
    shared = pl.col("near_key").is_not_null() & (pl.len().over("near_key") > 1)
    wanted = candidates.filter(shared & pl.col("sketch").is_null())["posting_id"]
    if wanted.is_empty():
        return candidates
    sketches = stored.sketches(wanted).rename({"sketch": "stored"})
    return (
        candidates.join(sketches, on="posting_id", how="left", maintain_order="left")
        .with_columns(sketch=pl.coalesce("sketch", "stored"))
        .drop("stored")
    )


def link_duplicates(candidates: pl.DataFrame) -> pl.DataFrame:
    """Link each posting to the original of its job.

    Postings that share a `url_key` or a `job_key` are the same job, and so are near duplicates among those that
    share a `near_key`; also by way of a third. The original is the one with the earliest posted_at, then the
    smallest (source, external_id), among those in the store; where none is left in the store, among the fact rows
    that remain.

    Args:
        candidates: schema `CANDIDATE`, holding every posting of each key. A sketch may be missing where no other
            posting has the near_key.

    Returns:
        Schema `LINK`. duplicate_of: null for an original; first_of_job: whether it is the first posting of its
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
