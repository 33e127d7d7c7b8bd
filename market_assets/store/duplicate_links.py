"""Keeping `duplicate_of` and `first_of_job` right after postings came, changed or went."""

from __future__ import annotations

from typing import Any

import polars as pl
import sqlalchemy as sa

from market_assets.postings.duplicates import KEYS, LINK, LINKED, SKETCH, relink
from market_assets.store.connection import MarketConnection
from market_assets.store.revisions import note_changed
from market_assets.store.tables.postings import job_postings, posting_facts, posting_sketches

# Temporary tables and statements are made once, as compiling them takes longer than a small day's rows.
_LINKS = sa.table("links", *(sa.column(name) for name in LINK))
_FOLLOWED = sa.table("followed_keys", sa.column("key"))
_COMPARED = sa.table("compared", sa.column("posting_id"))
_SKETCHED = sa.table("sketched", *(sa.column(name) for name in SKETCH))


def _linking(table: sa.Table, *columns: str) -> sa.Update:
    links = {name: _LINKS.c[name] for name in columns}
    return table.update().values(links).where(table.c.posting_id == _LINKS.c.posting_id)


def _sharing(key: str) -> sa.Select[Any]:
    facts = posting_facts.c
    return sa.select(*(facts[name] for name in LINKED)).join(_FOLLOWED, _FOLLOWED.c["key"] == facts[key])


_LINK_FACTS = _linking(posting_facts, "duplicate_of", "first_of_job")
_LINK_POSTINGS = _linking(job_postings, "duplicate_of")
_SHARING = {key: _sharing(key) for key in KEYS}
_SKETCHES = sa.select(*posting_sketches.c).join(_COMPARED, _COMPARED.c.posting_id == posting_sketches.c.posting_id)
_SKETCHED_ROWS = sa.select(*_SKETCHED.c).where(_SKETCHED.c.sketch.is_not(None))
_DELETE_SKETCHES = posting_sketches.delete().where(
    posting_sketches.c.posting_id.in_(sa.select(_SKETCHED.c.posting_id).where(_SKETCHED.c.sketch.is_(None)))
)


class StoredLinks:
    """The fact rows by what links them: see `postings.duplicates.LinkedPostings`."""

    def __init__(self, connection: MarketConnection) -> None:
        self._connection = connection

    def sharing(self, key: str, values: pl.Series) -> pl.DataFrame:
        self._connection.stage(_FOLLOWED.name, values.alias("key").to_frame())
        return self._connection.read(_SHARING[key], LINKED)

    def sketches(self, posting_ids: pl.Series) -> pl.DataFrame:
        if posting_ids.is_empty():
            return SKETCH.to_frame()
        self._connection.stage(_COMPARED.name, posting_ids.alias("posting_id").to_frame())
        return self._connection.read(_SKETCHES, SKETCH)


def relink_stored(connection: MarketConnection, keys: pl.DataFrame) -> None:
    """Link anew every job that stored postings with these `KEYS` belong to; inside the caller's transaction."""
    write_links(connection, relink(keys, StoredLinks(connection)))


def read_keys(connection: MarketConnection, condition: sa.ColumnElement[bool]) -> pl.DataFrame:
    """The `KEYS` of some fact rows."""
    schema = pl.Schema(dict.fromkeys(KEYS, pl.Int64()))
    return connection.read(sa.select(*(posting_facts.c[name] for name in KEYS)).where(condition), schema)


def write_links(connection: MarketConnection, links: pl.DataFrame) -> None:
    """Write the links of postings, schema `LINK`."""
    if links.height:
        connection.stage(_LINKS.name, links)
        connection.execute(_LINK_FACTS)
        connection.execute(_LINK_POSTINGS)
        note_changed(connection, links["posting_id"])


def write_sketches(connection: MarketConnection, postings: pl.DataFrame) -> None:
    """Replace the sketches of postings (posting_id, sketch); null where there is none any more."""
    connection.stage(_SKETCHED.name, postings.select(SKETCH.names()))
    connection.upsert(posting_sketches, _SKETCHED_ROWS)
    connection.execute(_DELETE_SKETCHES)
