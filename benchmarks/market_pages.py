"""Pages of the market over a million postings, and the smallest: `python -m benchmarks.market_pages [POSTINGS]`.

A store is made up, pages are asked for as filters change, and the CPU time of each is printed with its size, the
first time, when it is counted, and again; the first view, which reads the postings, by itself.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from starlette.testclient import TestClient

from market_assets.statistics.window import Window
from market_assets.store import schema
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database
from market_assets.store.posting_skills import POSTING_SKILL, append_skills
from market_assets.store.revisions import note_changed
from market_assets.store.skills import ensure_skills
from market_assets.store.tables.columns import arrow_schema
from market_assets.store.tables.postings import posting_facts
from market_assets_tests.web.explorer.made_up_store import explorer_client
from market_assets_tests.web.market_tables import fill, made_up_window

SKILLS, POSTINGS = 2_000, 1_000_000
#: Postings that are drawn; the others are the same again under other numbers.
DRAWN = 20_000
FIRST = "/market?country=DE"
PAGES = (
    "/market/search",
    "/market",
    "/market?sort=-median_salary",
    "/market?country=US",
    "/market?country=US&seniority=senior&period=30",
    "/market/skills/Python",
    "/market/skills/Python?country=DE",
    "/market/skills/Python?country=DE&seniority=senior&period=30",
    "/market/places/Berlin",
    "/market/industries/Finance?country=DE",
    "/market/compare?skill=Python&skill=C%2B%2B&skill=CI%2FCD&country=DE",
    "/market/map?skill=Python",
)


def main() -> None:
    postings = int(sys.argv[1]) if len(sys.argv) > 1 else POSTINGS
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'market.db'}")
        schema.upgrade(database)
        window = made_up_window(SKILLS, DRAWN)
        fill(database, window)
        store_postings(database, window, max(postings // DRAWN, 1))
        client = explorer_client(database, Path(folder))
        print(f"{FIRST}, which reads {postings:,} postings of the database: {_seconds(client, FIRST)[0]:.1f} s")
        client = explorer_client(database, Path(folder))
        print(f"{FIRST}, which reads the files of a refresh: {_seconds(client, FIRST)[0]:.2f} s")
        for page in PAGES:
            first, size = _seconds(client, page)
            again = min(_seconds(client, page)[0] for _ in range(3))
            print(f"{first * 1000:7.0f} ms, again {again * 1000:5.1f} ms {size / 1000:7.0f} KB  {page}")
        database.pooled_engine().dispose()


def store_postings(database: Database, window: Window, times: int) -> None:
    """Write the facts of a window so many times."""
    weights = np.full(len(window.codes), 80)
    with MarketConnection(database) as connection, connection.transaction():
        ids = ensure_skills(connection, window.skills)
        for number in range(times):
            again = replace(
                window,
                postings=window.postings.with_columns(
                    pl.col("posting_id") + number * DRAWN, pl.col("company_key") + number * 40
                ),
            )
            connection.append(posting_facts, _facts(again.postings))
            found = {
                "posting_id": again.postings["posting_id"].to_numpy()[again.rows],
                "skill_id": ids[again.codes],
                "weight": weights,
            }
            append_skills(connection, pl.DataFrame(found).cast(dict(POSTING_SKILL)))
            note_changed(connection, again.postings["posting_id"])


def _facts(postings: pl.DataFrame) -> pl.DataFrame:
    columns = postings.with_columns(
        external_id=pl.col("posting_id").cast(pl.String), skills_version=1, in_store=True, first_of_job=True
    )
    declared = arrow_schema(posting_facts)
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in declared.items() if name not in columns.columns]
    return columns.with_columns(missing).select(pl.col(name).cast(dtype) for name, dtype in declared.items())


def _seconds(client: TestClient, page: str) -> tuple[float, int]:
    """Seconds of CPU of a page, and its bytes."""
    started = time.process_time()
    answer = client.get(page, follow_redirects=True)
    assert answer.status_code == 200, (page, answer.status_code)
    return time.process_time() - started, len(answer.content)


if __name__ == "__main__":
    main()
