"""Copying a whole store into an empty one of any kind: in batches, in one transaction, compared at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import polars as pl
import sqlalchemy as sa

from market_assets.store import schema
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database, StoreError
from market_assets.store.lock import StoreLock
from market_assets.store.reading import read_batches
from market_assets.store.results import count_rows
from market_assets.store.tables.administration import accounts
from market_assets.store.tables.catalog import metadata
from market_assets.store.tables.postings import data_revision

Progress = Callable[[str, int], None]
_WORD = 2**64


class CopyError(StoreError):
    """The copy was not made; the target is as it was."""


def copy_store(source: Database, target: Database, *, batch: int, progress: Progress) -> dict[str, int]:
    """Copy every table; returns the rows of each.

    Args:
        source: it may be read and written by others meanwhile; what is copied is its state at the start.
        target: an empty database, or one with empty tables.
        batch: how many rows pass through memory at a time.
        progress: called with each table and the rows of it that have been copied so far.

    Raises:
        CopyError: the databases don't fit, or what arrived is not what was sent.
        StoreError: one of the databases failed.
    """
    _check(source, target)
    schema.upgrade(target)
    with (
        StoreLock(target, "db copy").exclusive(wait=False),
        MarketConnection(target) as there,
        MarketConnection(source) as here,
        MarketConnection(target.accounts) as accounts_there,
        MarketConnection(source.accounts) as accounts_here,
    ):
        _refuse_filled(there, metadata)
        _refuse_filled(accounts_there, accounts)
        with accounts_here.snapshot(), here.snapshot(), accounts_there.transaction(), there.transaction():
            # The migration inserts a row into it; the source's revisions are to go on.
            there.execute(data_revision.delete())
            copied = _copy_tables(here, there, metadata, batch, progress)
            copied |= _copy_tables(accounts_here, accounts_there, accounts, batch, progress)
    return copied


def _copy_tables(
    here: MarketConnection, there: MarketConnection, tables: sa.MetaData, batch: int, progress: Progress
) -> dict[str, int]:
    copied = {}
    for table in tables.sorted_tables:
        sent = _copy_table(here, there, table, batch, progress)
        arrived = _fingerprint(read_batches(there, table, batch))
        if arrived != sent:
            raise CopyError(f"{table.name} arrived as {arrived[0]:,} rows, other than the {sent[0]:,} sent")
        copied[table.name] = sent[0]
    _set_sequences(there, tables)
    return copied


def _check(source: Database, target: Database) -> None:
    if source.url == target.url or (
        source.is_sqlite and target.is_sqlite and source.path.resolve() == target.path.resolve()
    ):
        raise CopyError(f"{source.name} can't be copied into itself")
    version = schema.current_version(source)
    if version is None:
        raise CopyError(f"there is nothing to copy: the database {source.name} is empty")
    schema.ensure_current(source)
    # Else a newer or half upgraded target would only be noticed after it was touched.
    if schema.current_version(target) is not None:
        schema.ensure_current(target)


def _refuse_filled(target: MarketConnection, tables: sa.MetaData) -> None:
    with target.transaction():
        filled = {
            table.name: rows
            for table in tables.sorted_tables
            if table is not data_revision and (rows := count_rows(target, table))
        }
    if filled:
        raise CopyError(
            f"{target.database.name} is not empty ({sum(filled.values()):,} rows in {', '.join(filled)}): "
            "copy into an empty database"
        )


def _copy_table(
    here: MarketConnection, there: MarketConnection, table: sa.Table, batch: int, progress: Progress
) -> tuple[int, int]:
    def sent() -> Iterator[pl.DataFrame]:
        rows = 0
        for frame in read_batches(here, table, batch):
            there.append(table, frame)
            rows += frame.height
            progress(table.name, rows)
            yield frame

    return _fingerprint(sent())


def _fingerprint(frames: Iterator[pl.DataFrame]) -> tuple[int, int]:
    """The number of rows and the sum of their hashes, in whatever order they come."""
    rows = total = 0
    for frame in frames:
        rows += frame.height
        # The order of text keys differs between databases.
        total = (total + sum(frame.hash_rows().to_list())) % _WORD
    return rows, total


def _set_sequences(connection: MarketConnection, tables: sa.MetaData) -> None:
    """PostgreSQL's numbers go on after the highest that was copied; SQLite's do by themselves."""
    if connection.database.is_sqlite:
        return
    for table in tables.sorted_tables:
        column = table.autoincrement_column
        if column is None or column.autoincrement is not True:
            continue
        highest = connection.scalar(sa.select(sa.func.max(column)))
        if highest is not None:
            sequence = f"pg_get_serial_sequence('{table.fullname}', '{column.name}')"
            connection.scalar(f"SELECT setval({sequence}, {highest})")
