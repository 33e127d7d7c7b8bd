"""Keeping `duplicate_of` right after postings came, changed or went."""

from __future__ import annotations

import polars as pl
import sqlalchemy as sa

from market_assets.compute.duplicates import CANDIDATE, link_duplicates
from market_assets.storage.connection import MarketConnection
from market_assets.storage.tables import job_postings, posting_facts


def relink(connection: MarketConnection, touched: pl.DataFrame) -> int:
    """Link anew every job that the touched postings belong or belonged to; inside the caller's transaction.

    Args:
        connection: where the postings are.
        touched: posting_id, url_key, job_key, with old and new keys in rows of their own.

    Returns:
        How many of the touched postings are duplicates now.
    """
    candidates = _whole_jobs(connection, touched)
    links = link_duplicates(candidates)
    staged = connection.stage("links", links)
    for table, columns in ((posting_facts, ("duplicate_of", "first_of_job")), (job_postings, ("duplicate_of",))):
        differs = sa.or_(*(table.c[name].is_distinct_from(staged.c[name]) for name in columns))
        connection.execute(
            table.update()
            .values({name: staged.c[name] for name in columns})
            .where(table.c.posting_id == staged.c.posting_id, differs)
        )
    duplicates = links.filter(pl.col("duplicate_of").is_not_null())
    return duplicates.join(touched, on="posting_id", how="semi").height


def _whole_jobs(connection: MarketConnection, touched: pl.DataFrame) -> pl.DataFrame:
    """The touched postings and all that are connected with them through keys, near or far."""
    facts = posting_facts.c
    columns = [facts[name] for name in CANDIDATE]
    ids = connection.stage("touched", touched.select("posting_id").unique())
    found = connection.read(sa.select(*columns).join(ids, ids.c.posting_id == facts.posting_id), CANDIDATE)
    followed: dict[str, pl.Series] = {
        name: pl.Series(name, [], dtype=pl.Int64()) for name in ("url_key", "job_key")
    }
    frontier = pl.concat([touched.select("url_key", "job_key"), found.select("url_key", "job_key")])
    while True:
        reached = []
        for name, done in followed.items():
            keys = frontier[name].drop_nulls().unique()
            fresh = keys.filter(~keys.is_in(done.implode()))
            if fresh.is_empty():
                continue
            followed[name] = pl.concat([done, fresh])
            staged = connection.stage("followed_keys", fresh.alias("key").to_frame())
            query = sa.select(*columns).join(staged, staged.c["key"] == facts[name])
            reached.append(connection.read(query, CANDIDATE))
        if not reached:
            return found
        frontier = pl.concat(reached)
        found = pl.concat([found, frontier]).unique("posting_id", maintain_order=True)
