"""Reading postings again that were read by other rules, as after a change of the taxonomy or the occupations."""

from __future__ import annotations

from collections.abc import Generator

import polars as pl
import sqlalchemy as sa

from market_assets.postings.occupations import occupations
from market_assets.skills.matching import SkillMatcher
from market_assets.store.connection import MarketConnection
from market_assets.store.posting_skills import HASHED_TEXT, skill_rows, write_skills
from market_assets.store.revisions import count_up_postings, note_changed
from market_assets.store.skills import prepare, rules_version
from market_assets.store.tables.postings import job_postings, posting_facts

BATCH = 5_000

_TEXT = pl.Schema({**HASHED_TEXT, "occupation": pl.String()})
_READ = sa.table("read_again", sa.column("posting_id"), sa.column("occupation"))


def count_outdated(connection: MarketConnection, version: int) -> int:
    """How many postings of the store were searched by other rules than those of this version."""
    query = sa.select(sa.func.count()).select_from(posting_facts).where(_outdated(version))
    return int(connection.scalar(query))


def reextract(
    connection: MarketConnection, matcher: SkillMatcher, batch: int = BATCH
) -> Generator[tuple[int, int, int], None, None]:
    """Bring the skills and occupations of all postings up to date, a batch at a time, each whole in itself.

    Each posting keeps the version of its rules, so that a run that was killed goes on where it ended.

    Yields:
        How many postings were searched, how many of them have other skills or weights now, and how many another
        occupation.
    """
    version, last = rules_version(matcher.taxonomy), 0
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
            moved = _write_occupations(connection, texts)
        yield texts.height, changed, moved


def _write_occupations(connection: MarketConnection, texts: pl.DataFrame) -> int:
    """Store the occupations that postings have by the present lists; returns how many have another one."""
    read = occupations(texts["title"], texts["description"])
    other = texts.select("posting_id", read).filter(read.ne_missing(texts["occupation"]))
    if other.height:
        connection.stage(_READ.name, other)
        note_changed(connection, other["posting_id"])
        for table in (job_postings, posting_facts):
            connection.execute(
                table.update()
                .values(occupation=_READ.c.occupation)
                .where(table.c.posting_id == _READ.c.posting_id)
            )
    return other.height


def _read_outdated(connection: MarketConnection, version: int, after: int, batch: int) -> pl.DataFrame:
    """The texts of the next postings by id that were searched by other rules."""
    facts, postings = posting_facts.c, job_postings.c
    query = (
        sa.select(facts.posting_id, postings.title, postings.description, facts.text_hash, facts.occupation)
        .join_from(posting_facts, job_postings, postings.posting_id == facts.posting_id)
        .where(_outdated(version), facts.posting_id > after)
        .order_by(facts.posting_id)
        .limit(batch)
    )
    return connection.read(query, _TEXT)


def _outdated(version: int) -> sa.ColumnElement[bool]:
    facts = posting_facts.c
    return sa.and_(facts.in_store, facts.skills_version != version)
