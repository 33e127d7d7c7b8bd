"""What must hold of a store after any fault, whatever was going on."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import polars as pl
import sqlalchemy as sa

from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database
from market_assets.store.ingestion import count_broken_links
from market_assets.store.results import problems_of
from market_assets.store.tables.catalog import metadata
from market_assets.store.tables.columns import arrow_schema
from market_assets.store.tables.postings import job_postings, posting_facts, posting_skill_facts


def assert_sound(url: str) -> set[int]:
    """Nothing doubled, dangling or half-written; returns the numbers of the postings in the store."""
    database = Database(url)
    if database.is_sqlite:
        with closing(sqlite3.connect(database.path)) as file:
            assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with MarketConnection(database) as connection:
        for table in metadata.sorted_tables:
            rows = connection.read(sa.select(*table.columns), arrow_schema(table))
            assert problems_of(table, rows) == [], table.name
        postings = connection.read(
            sa.select(job_postings.c.posting_id, job_postings.c.source, job_postings.c.external_id),
            pl.Schema({"posting_id": pl.Int64(), "source": pl.String(), "external_id": pl.String()}),
        )
        facts = connection.read(
            sa.select(posting_facts.c.posting_id).where(posting_facts.c.in_store),
            pl.Schema({"posting_id": pl.Int64()}),
        )
        of_facts = posting_facts.c.posting_id == posting_skill_facts.c.posting_id
        lost = sa.or_(
            posting_facts.c.posting_id.is_(None),
            posting_facts.c.skills_version.is_(None),
            posting_facts.c.in_store == posting_skill_facts.c.archived.is_not(None),
        )
        every_skill = posting_skill_facts.outerjoin(posting_facts, of_facts)
        assert connection.scalar(sa.select(sa.func.count()).select_from(every_skill).where(lost)) == 0
        assert count_broken_links(connection) == 0
    assert not postings.select("source", "external_id").is_duplicated().any()
    assert sorted(facts["posting_id"]) == sorted(postings["posting_id"])
    return set(postings["posting_id"])
