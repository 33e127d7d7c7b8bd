"""Searching postings again that were searched by other rules, as after a change of the taxonomy."""

from __future__ import annotations

from collections.abc import Generator

import polars as pl
import sqlalchemy as sa

from market_assets.skills.matching import SkillMatcher
from market_assets.store.connection import MarketConnection
from market_assets.store.posting_skills import HASHED_TEXT, skill_rows, write_skills
from market_assets.store.revisions import count_up_postings
from market_assets.store.skills import prepare, rules_version
from market_assets.store.tables.postings import job_postings, posting_facts

BATCH = 5_000


def count_outdated(connection: MarketConnection, version: int) -> int:
    """How many postings of the store were searched by other rules than those of this version."""
    query = sa.select(sa.func.count()).select_from(posting_facts).where(_outdated(version))
    return int(connection.scalar(query))


def reextract(
    connection: MarketConnection, matcher: SkillMatcher, batch: int = BATCH
) -> Generator[tuple[int, int], None, None]:
    """Bring the skills of all postings up to date with a matcher, a batch at a time, each whole in itself.

    Each posting keeps the version of its rules, so that a run that was killed goes on where it ended.

    Yields:
        How many postings were searched, and how many of them have other skills or weights now.
    """
    version, last = rules_version(matcher), 0
    skill_ids = prepare(connection, matcher.taxonomy)
    while True:
        with connection.transaction():
            # Writers of postings queue on it, so that no text changes under the batch.
            count_up_postings(connection)
            texts = _read_outdated(connection, version, last, batch)
            if texts.is_empty():
                return
            last = int(texts["posting_id"][-1])
            found = matcher.extract(texts["title"], texts["description"])
            rows = skill_rows(texts["posting_id"], found, skill_ids)
            changed = write_skills(connection, texts, rows, version)
        yield texts.height, changed


def _read_outdated(connection: MarketConnection, version: int, after: int, batch: int) -> pl.DataFrame:
    """The texts of the next postings by id that were searched by other rules."""
    facts, postings = posting_facts.c, job_postings.c
    query = (
        sa.select(facts.posting_id, postings.title, postings.description, facts.text_hash)
        .join_from(posting_facts, job_postings, postings.posting_id == facts.posting_id)
        .where(_outdated(version), facts.posting_id > after)
        .order_by(facts.posting_id)
        .limit(batch)
    )
    return connection.read(query, HASHED_TEXT)


def _outdated(version: int) -> sa.ColumnElement[bool]:
    facts = posting_facts.c
    return sa.and_(facts.in_store, facts.skills_version != version)
