"""Keeping `duplicate_of` right after postings came, changed or went."""

from __future__ import annotations

from typing import Any

import polars as pl
import sqlalchemy as sa

from market_assets.postings.duplicates import CANDIDATE, KEYED, KEYS, link_duplicates
from market_assets.store.connection import MarketConnection
from market_assets.store.tables.postings import job_postings, posting_facts, posting_sketches

_LINK = pl.Schema({"duplicate_of": pl.Int64(), "first_of_job": pl.Boolean()})
_NARROW = pl.Schema({**{name: dtype for name, dtype in CANDIDATE.items() if name != "sketch"}, **_LINK})
#: Of a posting that shares its job with no other.
_ALONE = pl.col("duplicate_of").is_null() & pl.col("first_of_job")

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
    return sa.select(*(posting_facts.c[name] for name in _NARROW)).join(staged, condition)


_LINK_FACTS = _linking(posting_facts, "duplicate_of", "first_of_job")
_LINK_POSTINGS = _linking(job_postings, "duplicate_of")
_TOUCHED_POSTINGS = _candidates(_TOUCHED, _TOUCHED.c.posting_id == posting_facts.c.posting_id)
_WITH_KEY = {name: _candidates(_FOLLOWED, _FOLLOWED.c["key"] == posting_facts.c[name]) for name in KEYS}
_COMPARED = sa.table("compared", sa.column("posting_id"))
_SKETCHES = sa.select(*posting_sketches.c).join(_COMPARED, _COMPARED.c.posting_id == posting_sketches.c.posting_id)
_SKETCH = pl.Schema({"posting_id": pl.Int64(), "sketch": pl.Binary()})

_KEYED_ROWS = sa.select(*(posting_facts.c[name] for name in KEYED))
_SKETCHED = sa.table("sketched", *(sa.column(name) for name in _SKETCH))
_SKETCHED_ROWS = sa.select(*_SKETCHED.c).where(_SKETCHED.c.sketch.is_not(None))
_FORGET_SKETCHED = posting_sketches.delete().where(
    posting_sketches.c.posting_id.in_(sa.select(_SKETCHED.c.posting_id).where(_SKETCHED.c.sketch.is_(None)))
)


def keys_of(connection: MarketConnection, condition: sa.ColumnElement[bool]) -> pl.DataFrame:
    """posting_id and keys of some narrow rows, as `relink` takes them."""
    return connection.read(_KEYED_ROWS.where(condition), KEYED)


def write_sketches(connection: MarketConnection, postings: pl.DataFrame) -> None:
    """Replace the sketches of postings (posting_id, sketch); null where there is none any more."""
    connection.stage(_SKETCHED.name, postings.select(_SKETCH.names()))
    connection.upsert(posting_sketches, _SKETCHED_ROWS)
    connection.execute(_FORGET_SKETCHED)


def relink(connection: MarketConnection, touched: pl.DataFrame) -> int:
    """Link anew every job that the touched postings belong or belonged to; inside the caller's transaction.

    Args:
        connection: where the postings are.
        touched: schema `KEYED`, with old and new keys in rows of their own.

    Returns:
        How many of the touched postings are duplicates now.
    """
    candidates = _with_sketches(connection, _whole_jobs(connection, touched))
    links = link_duplicates(candidates)
    # Most postings are alone and were so before: writing that again would take as long as all the rest here.
    alone_before = candidates.filter(_ALONE).select("posting_id", alone_before=True)
    news = links.join(alone_before, on="posting_id", how="left").filter(~_ALONE | pl.col("alone_before").is_null())
    connection.stage(_LINKS.name, news.select(links.columns))
    connection.execute(_LINK_FACTS)
    connection.execute(_LINK_POSTINGS)
    duplicates = links.filter(pl.col("duplicate_of").is_not_null())
    return duplicates.join(touched, on="posting_id", how="semi").height


def _whole_jobs(connection: MarketConnection, touched: pl.DataFrame) -> pl.DataFrame:
    """The touched postings and all that are connected with them through keys, near or far."""
    connection.stage(_TOUCHED.name, touched.select("posting_id").unique())
    found = connection.read(_TOUCHED_POSTINGS, _NARROW)
    followed: dict[str, pl.Series] = {name: pl.Series(name, [], dtype=pl.Int64()) for name in _WITH_KEY}
    frontier = pl.concat([touched.select(KEYS), found.select(KEYS)])
    while True:
        reached = []
        for name, done in followed.items():
            keys = frontier[name].drop_nulls().unique()
            fresh = keys.filter(~keys.is_in(done.implode()))
            if fresh.is_empty():
                continue
            followed[name] = pl.concat([done, fresh])
            connection.stage(_FOLLOWED.name, fresh.alias("key").to_frame())
            reached.append(connection.read(_WITH_KEY[name], _NARROW))
        if not reached:
            return found
        frontier = pl.concat(reached)
        found = pl.concat([found, frontier]).unique("posting_id", maintain_order=True)


def _with_sketches(connection: MarketConnection, found: pl.DataFrame) -> pl.DataFrame:
    """With sketches where there is something to compare, which few new postings have."""
    shared = pl.col("near_key").is_not_null() & (pl.len().over("near_key") > 1)
    connection.stage(_COMPARED.name, found.filter(shared).select("posting_id"))
    return found.join(connection.read(_SKETCHES, _SKETCH), on="posting_id", how="left", maintain_order="left")
