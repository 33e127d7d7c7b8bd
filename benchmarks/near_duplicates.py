"""Linking 100,000 new postings with a million on SQLite: seconds and peak memory; beside linking half as many.

Keys and sketches are made up, as texts of a million postings take longer to make than to link. A third of the new
postings are near duplicates of stored ones; a tenth of all are of employers that post the same role in the same
place hundreds and thousands of times, with half of the text in common.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import sqlalchemy as sa

from market_assets.postings.duplicates import KEYS
from market_assets.postings.near_keys import HEADER, LENGTH
from market_assets.store import schema
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database
from market_assets.store.duplicate_links import relink_stored, write_sketches
from market_assets.store.tables.columns import arrow_schema
from market_assets.store.tables.postings import posting_facts

STORED = 1_000_000
FACTS = arrow_schema(posting_facts)


def made_up(start: int, count: int, jobs: int, seed: int) -> pl.DataFrame:
    """Fact rows with sketches. A posting's job, `number % jobs`, settles its key and nearly its sketch."""
    draw = np.random.default_rng(seed)
    job = draw.permutation(np.arange(start, start + count) % jobs)
    # Every tenth job is of an employer that posts one role in one place again and again.
    key = np.where(job % 10 == 0, job % 997 // 10 * 10, job + 1_000_000)
    numbers = np.empty((count, LENGTH), dtype=np.uint16)
    for row, (of_job, of_key) in enumerate(zip(job.tolist(), key.tolist(), strict=True)):
        own = np.random.Generator(np.random.SFC64(of_job)).integers(0, 0x5000, LENGTH, dtype=np.uint16)
        if of_job % 10 == 0:
            shared = np.random.Generator(np.random.SFC64(of_key)).integers(0, 0x5000, LENGTH // 2, dtype=np.uint16)
            own[: LENGTH // 2] = shared
        numbers[row] = own
    changed = draw.random(numbers.shape) < 0.05
    numbers[changed] = draw.integers(0, 0x5000, int(changed.sum()), dtype=np.uint16)
    numbers.sort(axis=1)
    ids = pl.Series(range(start, start + count), dtype=pl.Int64)
    nothing = [pl.lit(None, dtype).alias(name) for name, dtype in FACTS.items()]
    return (
        pl.DataFrame({"posting_id": ids})
        .with_columns(each for each in nothing if each.meta.output_name() != "posting_id")
        .with_columns(
            source=pl.lit("board"),
            external_id=pl.col("posting_id").cast(pl.String).str.zfill(9),
            posted_at=pl.lit(datetime(2026, 1, 1, tzinfo=UTC), FACTS["posted_at"]),
            in_store=pl.lit(True),
            first_of_job=pl.lit(True),
            dated=pl.lit(True),
            partition_date=pl.lit(date(2026, 1, 1)),
            url_key="posting_id",
            near_key=pl.Series(key, dtype=pl.Int64),
            sketch=pl.Series([bytes(2 * len(HEADER)) + row.tobytes() for row in numbers], dtype=pl.Binary),
        )
    )


def write(connection: MarketConnection, postings: pl.DataFrame) -> None:
    connection.append(posting_facts, postings)
    write_sketches(connection, postings)


def link(connection: MarketConnection, postings: pl.DataFrame) -> None:
    with connection.transaction():
        connection.append(posting_facts, postings)
        started = time.perf_counter()
        write_sketches(connection, postings)
        written = time.perf_counter()
        relink_stored(connection, postings.select(KEYS))
        seconds = time.perf_counter() - written
        is_duplicate = sa.and_(
            posting_facts.c.posting_id.between(*postings["posting_id"].sort().gather([0, -1])),
            posting_facts.c.duplicate_of.is_not(None),
        )
        duplicates = connection.scalar(sa.select(sa.func.count()).select_from(posting_facts).where(is_duplicate))
    print(
        f"{postings.height:,} new ones: {written - started:.1f} s to write their sketches, {seconds:.1f} s to link"
        f" them; {duplicates:,} are duplicates"
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'market.db'}")
        schema.upgrade(database)
        with MarketConnection(database) as connection:
            for start in range(0, STORED, 50_000):
                with connection.transaction():
                    write(connection, made_up(start, 50_000, STORED + 200_000, start))
                print(f"\r{start + 50_000:,} stored", end="", file=sys.stderr, flush=True)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            for start, count in ((STORED, 100_000), (STORED + 100_000, 50_000)):
                # A third of them are again jobs that are stored.
                new = pl.concat(
                    [
                        made_up(start, count * 2 // 3, STORED * 2, start),
                        made_up(start + count * 2 // 3, count - count * 2 // 3, STORED // 2, start),
                    ]
                )
                link(connection, new)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{peak:,.0f} MiB at the most, {before:,.0f} MiB of that before any were linked")


if __name__ == "__main__":
    main()
