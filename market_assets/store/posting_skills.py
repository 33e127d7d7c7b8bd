"""Postings and their skills: the texts to search, the rows of what was found in them, and searching them again."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl
import sqlalchemy as sa

from market_assets.postings.occupations import occupations
from market_assets.store.connection import MarketConnection
from market_assets.store.revisions import count_up_postings, note_changed
from market_assets.store.skills import prepare, rules_version
from market_assets.store.tables.columns import arrow_schema
from market_assets.store.tables.postings import job_postings, posting_facts, posting_skill_facts

if TYPE_CHECKING:
    from market_assets.skills.matching import SkillMatcher

#: Postings that are searched again at a time.
BATCH = 5_000
_TEXT = pl.Schema({"posting_id": pl.Int64(), "title": pl.String(), "description": pl.String()})
_HASH = pl.Schema({"posting_id": pl.Int64(), "text_hash": pl.Int64()})
#: The texts of a posting with the hash that they were stored with.
HASHED_TEXT = pl.Schema({**_TEXT, "text_hash": pl.Int64()})
_OUTDATED = pl.Schema({**_HASH, "occupation": pl.String()})
#: A skill of a posting; `weight` is a `skills.weights.Weight`.
POSTING_SKILL = pl.Schema({"posting_id": pl.Int64(), "skill_id": pl.Int16(), "weight": pl.Int16()})
_SEARCHED_POSTING = pl.Schema({"posting_id": pl.Int64(), "skills_version": pl.Int64()})

# Temporary tables and statements are made once, as compiling them takes longer than a small day's rows.
_SEARCHED = sa.table("searched", sa.column("posting_id"), sa.column("text_hash"))
_CHANGED = sa.table("changed", sa.column("posting_id"))
_GONE = sa.table("gone_skills", sa.column("posting_id"), sa.column("skill_id"))
_OF_CHANGED = sa.select(_CHANGED.c.posting_id)
_MOVED = sa.table("read_again", sa.column("posting_id"), sa.column("occupation"))


def _is_searched(table: sa.Table) -> sa.ColumnElement[bool]:
    """The rows of a table that are of searched postings.

    They lie close together. Without the bounds PostgreSQL, which has no statistics of a temporary table, would
    read the whole table.
    """
    first, last = (
        sa.select(bound(_SEARCHED.c.posting_id)).scalar_subquery() for bound in (sa.func.min, sa.func.max)
    )
    posting_id = table.c.posting_id
    return sa.and_(posting_id == _SEARCHED.c.posting_id, posting_id.between(first, last))


_SEARCHED_POSTINGS = (
    sa.select(*(posting_facts.c[name] for name in _SEARCHED_POSTING))
    .join_from(_SEARCHED, posting_facts, _is_searched(posting_facts))
    .where(posting_facts.c.text_hash.is_not_distinct_from(_SEARCHED.c.text_hash))
)
_STORED_SKILLS = sa.select(*(posting_skill_facts.c[name] for name in POSTING_SKILL)).join_from(
    _SEARCHED, posting_skill_facts, _is_searched(posting_skill_facts)
)
_DELETE_GONE = posting_skill_facts.delete().where(
    sa.tuple_(posting_skill_facts.c.skill_id, posting_skill_facts.c.posting_id).in_(
        sa.select(_GONE.c.skill_id, _GONE.c.posting_id)
    )
)
_DELETE_OF_CHANGED = posting_skill_facts.delete().where(posting_skill_facts.c.posting_id.in_(_OF_CHANGED))
_FORGET_VERSION = (
    posting_facts.update()
    .values(skills_version=None)
    # Most are new: writing their rows again would take as long as writing them did.
    .where(posting_facts.c.skills_version.is_not(None), posting_facts.c.posting_id.in_(_OF_CHANGED))
)
_SET_ARCHIVED = {
    archived: posting_skill_facts.update()
    .values(archived=archived)
    .where(posting_skill_facts.c.posting_id.in_(_OF_CHANGED))
    for archived in (True, None)
}


def read_texts(
    connection: MarketConnection, day: date, version: int, batch: int = 2_500
) -> Iterator[pl.DataFrame]:
    """Texts of the postings whose content came from a day and that these rules have not searched, in batches.

    Columns posting_id, title, description, text_hash.
    """
    facts = posting_facts.c
    not_searched = sa.or_(facts.skills_version.is_(None), facts.skills_version != version)
    waiting = connection.read(
        sa.select(facts.posting_id, facts.text_hash)
        .join(job_postings, job_postings.c.posting_id == facts.posting_id)
        .where(job_postings.c.content_date == day, not_searched)
        .order_by(facts.posting_id),
        _HASH,
    )
    for some in waiting.iter_slices(batch):
        texts = _read_texts(connection, some["posting_id"])
        yield some.join(texts, on="posting_id", maintain_order="left").select(HASHED_TEXT.names())


def read_newest_texts(
    connection: MarketConnection, start: datetime, end: datetime, most: int, batch: int = 5_000
) -> Iterator[pl.DataFrame]:
    """posting_id, title and description of the newest originals with start ≤ posted_at ≤ end, in batches.

    The newest first, ties by source and external_id, so that their order does not depend on that of the days.
    """
    facts = posting_facts.c
    newest = connection.read(
        sa.select(facts.posting_id)
        .where(facts.posted_at.between(start, end), facts.in_store, facts.duplicate_of.is_(None))
        .order_by(facts.posted_at.desc(), facts.source, facts.external_id)
        .limit(most),
        pl.Schema({"posting_id": pl.Int64()}),
    )
    for ids in newest.iter_slices(batch):
        yield ids.join(_read_texts(connection, ids["posting_id"]), on="posting_id", maintain_order="left")


def _read_texts(connection: MarketConnection, posting_ids: pl.Series) -> pl.DataFrame:
    """posting_id, title and description of postings, in any order."""
    postings = job_postings.c
    wanted = sa.and_(
        # PostgreSQL reads a range by the key even of a table that was just filled, which has no statistics yet.
        postings.posting_id.between(posting_ids.min(), posting_ids.max()),
        postings.posting_id.in_(posting_ids.to_list()),
    )
    return connection.read(
        sa.select(postings.posting_id, postings.title, postings.description).where(wanted), _TEXT
    )


def skill_rows(posting_ids: pl.Series, found: pl.DataFrame, skill_ids: npt.NDArray[np.int16]) -> pl.DataFrame:
    """What a matcher found in postings, a row each.

    Args:
        posting_ids: the postings.
        found: skills and weights of each, as from `SkillMatcher.extract`.
        skill_ids: the id of each skill of the taxonomy.

    Returns:
        Schema `POSTING_SKILL`.
    """
    rows = found.select(posting_ids.alias("posting_id"), "skills", "weights").explode("skills", "weights")
    rows = rows.filter(pl.col("skills").is_not_null())
    ids = skill_ids[rows["skills"].to_numpy()] if rows.height else []
    return rows.select("posting_id", pl.Series("skill_id", ids, pl.Int16), weight=pl.col("weights").cast(pl.Int16))


def write_skills(connection: MarketConnection, searched: pl.DataFrame, rows: pl.DataFrame, version: int) -> int:
    """Store what was found in postings; inside the caller's transaction. What is the same already is not written.

    A posting whose text has changed since it was searched is left as it is: what changed it has it searched again.

    Args:
        connection: where the postings are.
        searched: posting_id and text_hash of the postings, as they were read.
        rows: schema `POSTING_SKILL`, all skills of these postings.
        version: of the rules that found them: see `store.skills`.

    Returns:
        The number of postings whose skills or weights are others now.
    """
    # Writers of postings queue here, so that no two wait for one another's rows.
    count_up_postings(connection)
    connection.stage(_SEARCHED.name, searched.select("posting_id", "text_hash"))
    postings = connection.read(_SEARCHED_POSTINGS, _SEARCHED_POSTING)
    stored = POSTING_SKILL.to_frame()
    if postings["skills_version"].count():
        stored = connection.read(_STORED_SKILLS, POSTING_SKILL).join(postings, on="posting_id", how="semi")
    found = rows.join(postings, on="posting_id", how="semi")
    gone = stored.join(found, on=POSTING_SKILL.names(), how="anti")
    fresh = found.join(stored, on=POSTING_SKILL.names(), how="anti")
    if gone.height:
        connection.stage(_GONE.name, gone.select("posting_id", "skill_id"))
        connection.execute(_DELETE_GONE)
    append_skills(connection, fresh)
    other_version = pl.col("skills_version").ne_missing(version)
    searched_anew = postings.filter(other_version)["posting_id"]
    set_version(connection, searched_anew, version)
    with_other_skills = pl.concat([gone["posting_id"], fresh["posting_id"]]).unique()
    note_changed(connection, pl.concat([searched_anew, with_other_skills]))
    return with_other_skills.len()


def append_skills(connection: MarketConnection, rows: pl.DataFrame) -> None:
    """Add new rows (`POSTING_SKILL`) of postings in the store, in the order of the key, which is the quickest."""
    ordered = rows.sort("posting_id", "skill_id").with_columns(archived=None)
    connection.append(posting_skill_facts, ordered.cast(arrow_schema(posting_skill_facts)))


def set_version(connection: MarketConnection, posting_ids: pl.Series, version: int) -> None:
    """Note by which version of the rules postings have been searched."""
    if posting_ids.len():
        _stage(connection, posting_ids)
        changed = posting_facts.c.posting_id.in_(_OF_CHANGED)
        connection.execute(posting_facts.update().values(skills_version=version).where(changed))


def delete_skills(connection: MarketConnection, posting_ids: pl.Series) -> None:
    """Delete the skills of postings, which wait to be searched from then on where they are still there."""
    if posting_ids.len():
        _stage(connection, posting_ids)
        connection.execute(_DELETE_OF_CHANGED)
        note_changed(connection, posting_ids)
        connection.execute(_FORGET_VERSION)


def archive_skills(connection: MarketConnection, posting_ids: pl.Series, *, archived: bool = True) -> None:
    """Let the skills of postings follow them out of job_postings or back."""
    if posting_ids.len():
        _stage(connection, posting_ids)
        connection.execute(_SET_ARCHIVED[archived or None])


def read_skills(connection: MarketConnection, posting_ids: pl.Series) -> pl.DataFrame:
    """The skills of postings, schema `POSTING_SKILL`."""
    _stage(connection, posting_ids)
    columns = (posting_skill_facts.c[name] for name in POSTING_SKILL)
    return connection.read(
        sa.select(*columns).join_from(
            _CHANGED, posting_skill_facts, posting_skill_facts.c.posting_id == _CHANGED.c.posting_id
        ),
        POSTING_SKILL,
    )


def count_pending(connection: MarketConnection, days: Sequence[date] | None = None) -> int:
    """How many postings (of some days' content) wait to be searched, and so do not count yet."""
    pending = sa.and_(posting_facts.c.in_store, posting_facts.c.skills_version.is_(None))
    query = sa.select(sa.func.count()).select_from(posting_facts).where(pending)
    if days is not None:
        query = query.join(job_postings, job_postings.c.posting_id == posting_facts.c.posting_id).where(
            job_postings.c.content_date.between(min(days), max(days))
        )
    return int(connection.scalar(query))


def count_skills(connection: MarketConnection, days: Sequence[date]) -> tuple[int, int, int]:
    """How many postings have their content from some days, how many skills, and how many of them have none."""
    of_days = job_postings.c.content_date.between(min(days), max(days))
    postings = connection.scalar(sa.select(sa.func.count()).select_from(job_postings).where(of_days))
    same_posting = posting_skill_facts.c.posting_id == job_postings.c.posting_id
    found = sa.select(
        sa.func.count().label("skills"), sa.func.count(sa.distinct(job_postings.c.posting_id)).label("postings")
    ).select_from(job_postings.join(posting_skill_facts, same_posting))
    counts = connection.read(found.where(of_days), pl.Schema({"skills": pl.Int64(), "postings": pl.Int64()}))
    return int(postings), int(counts["skills"][0]), int(postings) - int(counts["postings"][0])


def _stage(connection: MarketConnection, posting_ids: pl.Series) -> None:
    connection.stage(_CHANGED.name, posting_ids.alias("posting_id").to_frame())


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
        connection.stage(_MOVED.name, other)
        note_changed(connection, other["posting_id"])
        for table in (job_postings, posting_facts):
            connection.execute(
                table.update()
                .values(occupation=_MOVED.c.occupation)
                .where(table.c.posting_id == _MOVED.c.posting_id)
            )
    return other.height


def _read_outdated(connection: MarketConnection, version: int, after: int, batch: int) -> pl.DataFrame:
    """The texts of the next postings by id that were searched by other rules."""
    facts = posting_facts.c
    outdated = connection.read(
        sa.select(facts.posting_id, facts.text_hash, facts.occupation)
        .where(_outdated(version), facts.posting_id > after)
        .order_by(facts.posting_id)
        .limit(batch),
        _OUTDATED,
    )
    return outdated.join(_read_texts(connection, outdated["posting_id"]), on="posting_id", maintain_order="left")


def _outdated(version: int) -> sa.ColumnElement[bool]:
    facts = posting_facts.c
    return sa.and_(facts.in_store, facts.skills_version != version)
