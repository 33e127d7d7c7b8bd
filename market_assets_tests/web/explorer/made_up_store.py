"""A made-up market in a database: its postings, and the result tables that were counted over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from starlette.applications import Starlette
from starlette.datastructures import State
from starlette.testclient import TestClient

from market_assets.postings.identity import company_keys
from market_assets.settings import Settings
from market_assets.statistics.window import Window
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database
from market_assets.store.posting_skills import POSTING_SKILL, append_skills
from market_assets.store.revisions import note_changed
from market_assets.store.skills import ensure_skills
from market_assets.store.tables.catalog import metadata
from market_assets.store.tables.columns import arrow_schema
from market_assets.store.tables.postings import job_postings, posting_facts
from market_assets.web.errors import add_http_error_handler
from market_assets.web.explorer.routes import explorer_routes
from market_assets.web.explorer.view import Explorer
from market_assets.web.market.counted_postings import CountedPostings
from market_assets.web.market.snapshot import SnapshotCache
from market_assets_tests.statistics.markets import AS_OF, Market
from market_assets_tests.web.market_tables import fill

#: Of a skill that a posting only mentions.
_MENTIONED = 20


def weighed(market: Market) -> Window:
    """The window of a market, as it can be stored: every weight known, employers by the hash of their names."""
    window = market.window()
    employers = pl.Series([posting.employer for posting in market.postings], dtype=pl.String)
    return replace(
        window,
        postings=window.postings.with_columns(company_keys(employers).alias("company_key")),
        weights=np.maximum(window.weights, 40),
    )


def fill_store(
    database: Database, market: Market, window: Window, texts: Mapping[int, Mapping[str, Any]] | None = None
) -> None:
    """Write postings and result tables; `texts` are further fields of job_postings by posting_id."""
    fill(database, window, AS_OF)
    with MarketConnection(database) as connection, connection.transaction():
        ids = ensure_skills(connection, window.skills)
        facts = window.postings.with_columns(
            external_id=pl.col("posting_id").cast(pl.String),
            skills_version=pl.lit(1, pl.Int64),
            in_store=pl.lit(True),
            first_of_job=pl.lit(True),
        )
        connection.append(posting_facts, _completed(facts, posting_facts))
        asked = (window.rows, window.codes, window.weights)
        mentioned = (window.mention_rows, window.mention_codes, np.full(len(window.mention_rows), _MENTIONED))
        for rows, codes, weights in (asked, mentioned):
            found = {
                "posting_id": window.postings["posting_id"].to_numpy()[rows],
                "skill_id": ids[codes],
                "weight": weights,
            }
            append_skills(connection, pl.DataFrame(found).cast(dict(POSTING_SKILL)))
        note_changed(connection, window.postings["posting_id"])
        connection.append(job_postings, _completed(_stated(market, facts, texts or {}), job_postings))


def copy_into(made: Database, database: Database) -> None:
    """Copy the market of an SQLite file into one that a web process has open, into which ADBC must not write."""
    with database.pooled_engine().connect() as connection:
        connection.exec_driver_sql("ATTACH ? AS made", (str(made.path),))
        for table in metadata.sorted_tables:
            connection.exec_driver_sql(f"INSERT OR REPLACE INTO main.{table.name} SELECT * FROM made.{table.name}")
        connection.commit()
        connection.exec_driver_sql("DETACH made")


def _stated(market: Market, facts: pl.DataFrame, texts: Mapping[int, Mapping[str, Any]]) -> pl.DataFrame:
    numbers = range(len(market.postings))
    stated = {
        name: [texts.get(number, {}).get(name, default(number)) for number in numbers]
        for name, default in {
            "title": lambda number: f"Job {number}",
            "company": lambda number: market.postings[number].employer,
            "url": lambda number: f"https://jobs.example/{number}",
        }.items()
    }
    times = dict.fromkeys(("ingested_at", "last_seen_at"), pl.lit(AS_OF))
    return facts.with_columns(
        *(pl.Series(name, values, pl.String) for name, values in stated.items()),
        content_date=pl.col("partition_date"),
        **times,
    )


def _completed(rows: pl.DataFrame, table: Any) -> pl.DataFrame:
    """The rows with every column of a table; null where they have none."""
    schema = arrow_schema(table)
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in rows.columns]
    return rows.with_columns(missing).select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def explorer_client(database: Database, data_dir: Path = Path("data")) -> TestClient:
    """A client of the pages over a database, without the guard."""
    url = database.url.render_as_string(hide_password=False)
    settings = Settings(DATABASE_URL=url, MARKET_ASSETS_DATA_DIR=data_dir, _env_file=None)
    state = State()
    state.market = SnapshotCache(database, check_seconds=0)
    state.postings = CountedPostings(database, settings.data_dir)
    app = Starlette(routes=explorer_routes(Explorer(state, settings, database)))
    add_http_error_handler(app)
    return TestClient(app, base_url="http://localhost:3000", follow_redirects=False)
