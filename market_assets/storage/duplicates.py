"""Keeping `duplicate_of` right after postings came, changed or went."""

from __future__ import annotations

from typing import Any

import polars as pl
import sqlalchemy as sa

from market_assets.compute.duplicates import CANDIDATE, link_duplicates
from market_assets.storage.connection import MarketConnection
from market_assets.storage.tables import job_postings, posting_facts

# Temporary tables and statements are made once, as compiling them takes longer than a small day's rows.
_LINKS = sa.table("links", *(sa.column(name) for name in ("posting_id", "duplicate_of", "first_of_job")))
_TOUCHED = sa.table("touched", sa.column("posting_id"))
_FOLLOWED = sa.table("followed_keys", sa.column("key"))


def _linking(table: sa.Table, *columns: str) -> sa.Update:
    """Set what `_LINKS` says of the postings of which it says something else."""
    differs = sa.or_(*(table.c[name].is_distinct_from(_LINKS.c[name]) for name in columns))
    links = {name: _LINKS.c[name] for name in columns}
    return table.update().values(links).where(table.c.posting_id == _LINKS.c.posting_id, differs)


def _candidates(staged: sa.TableClause, condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(*(posting_facts.c[name] for name in CANDIDATE)).join(staged, condition)


_LINK_FACTS = _linking(posting_facts, "duplicate_of", "first_of_job")
_LINK_POSTINGS = _linking(job_postings, "duplicate_of")
_TOUCHED_POSTINGS = _candidates(_TOUCHED, _TOUCHED.c.posting_id == posting_facts.c.posting_id)
_WITH_KEY = {
    name: _candidates(_FOLLOWED, _FOLLOWED.c["key"] == posting_facts.c[name]) for name in ("url_key", "job_key")
}


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
    connection.stage(_LINKS.name, links)
    connection.execute(_LINK_FACTS)
    connection.execute(_LINK_POSTINGS)
    duplicates = links.filter(pl.col("duplicate_of").is_not_null())
    return duplicates.join(touched, on="posting_id", how="semi").height


def _whole_jobs(connection: MarketConnection, touched: pl.DataFrame) -> pl.DataFrame:
    """The touched postings and all that are connected with them through keys, near or far."""
    connection.stage(_TOUCHED.name, touched.select("posting_id").unique())
    found = connection.read(_TOUCHED_POSTINGS, CANDIDATE)
    followed: dict[str, pl.Series] = {name: pl.Series(name, [], dtype=pl.Int64()) for name in _WITH_KEY}
    frontier = pl.concat([touched.select("url_key", "job_key"), found.select("url_key", "job_key")])
    while True:
        reached = []
        for name, done in followed.items():
            keys = frontier[name].drop_nulls().unique()
            fresh = keys.filter(~keys.is_in(done.implode()))
            if fresh.is_empty():
                continue
            followed[name] = pl.concat([done, fresh])
            connection.stage(_FOLLOWED.name, fresh.alias("key").to_frame())
            reached.append(connection.read(_WITH_KEY[name], CANDIDATE))
        if not reached:
            return found
        frontier = pl.concat(reached)
        found = pl.concat([found, frontier]).unique("posting_id", maintain_order=True)
