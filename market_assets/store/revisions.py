"""What has changed in the store: a number for the postings and one for each result table, counted up by writers.

Readers that keep something compare these numbers, and those of blocks of postings, instead of reading again.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from zlib import crc32

import polars as pl
import sqlalchemy as sa

from market_assets.store.tables.postings import data_revision, fact_blocks

if TYPE_CHECKING:
    # Readers in the web process must not load ADBC: see `Database.pooled_engine`.
    from market_assets.store.connection import MarketConnection

#: The row of `data_revision` that the migration inserts; writers of postings queue on it.
POSTINGS = 1
#: So many numbers of postings are a block.
BLOCK = 1 << 16


def count_up_postings(connection: MarketConnection) -> None:
    """Count up the revision of the postings, inside the transaction that changes them."""
    connection.execute(_count_up(POSTINGS))


def count_up_table(connection: MarketConnection | sa.Connection, table: sa.Table) -> None:
    """Count up the revision of a result table, inside the transaction that writes it."""
    row = _row_of(table)
    missing = ~sa.exists().where(data_revision.c.id == row)
    first = sa.select(sa.literal(row), sa.literal(0)).where(missing)
    connection.execute(data_revision.insert().from_select(["id", "revision"], first))
    connection.execute(_count_up(row))


def note_changed(connection: MarketConnection, posting_ids: pl.Series) -> None:
    """Note that fact rows of postings or their skills have changed, inside the transaction that changes them.

    Each block that they are in gets a random number, so that what was read is never taken for another state, not
    even for one that a backup brought back.
    """
    blocks = (posting_ids // BLOCK).unique().to_list()
    if blocks:
        rows = ", ".join(f"({block}, {secrets.randbits(62)})" for block in blocks)
        connection.execute(
            f"INSERT INTO {fact_blocks.name} (block, stamp) VALUES {rows} "
            "ON CONFLICT (block) DO UPDATE SET stamp = excluded.stamp"
        )


def read_table_revisions(connection: sa.Connection, *tables: sa.Table) -> dict[str, int]:
    """How often each result table was replaced; 0 for one that never was."""
    rows = connection.execute(sa.select(data_revision.c.id, data_revision.c.revision)).all()
    known = {int(row): int(revision) for row, revision in rows}
    return {table.name: known.get(_row_of(table), 0) for table in tables}


def _row_of(table: sa.Table) -> int:
    # A number that a table keeps for ever, whatever other tables come and go; far from POSTINGS.
    return crc32(table.name.encode()) + 2


def _count_up(row: int) -> sa.Update:
    return data_revision.update().where(data_revision.c.id == row).values(revision=data_revision.c.revision + 1)
