"""Reading the counted postings, and writing the skills that were found in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from enum import Enum
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl
import sqlalchemy as sa

from market_assets.statistics.window import WINDOW_POSTING, Window
from market_assets.store.connection import MarketConnection
from market_assets.store.revisions import count_up_postings
from market_assets.store.tables.postings import job_postings, posting_facts, skills

_SKILL = pl.Schema({"skill_id": pl.Int64(), "skill": pl.String(), "category": pl.String()})
_TEXT = pl.Schema({"posting_id": pl.Int64(), "title": pl.String(), "description": pl.String()})
_HASHED_TEXT = pl.Schema({**_TEXT, "text_hash": pl.Int64()})


class Counted(Enum):
    """Which postings of a job count."""

    #: The original of those in the store: what `duplicate_of` says.
    ORIGINALS = "originals"
    #: The first of a job, even if its posting has been archived since: so that history doesn't change.
    FIRST_OF_JOB = "first of job"


def read_window(
    connection: MarketConnection, start: datetime, end: datetime, counted: Counted = Counted.ORIGINALS
) -> Window:
    """The counted postings with start ≤ posted_at ≤ end whose skills are known, with those skills."""
    facts = posting_facts.c
    counts = facts.duplicate_of.is_(None) if counted is Counted.ORIGINALS else facts.first_of_job
    query = (
        sa.select(*(facts[name] for name in WINDOW_POSTING), facts.skills, facts.skill_weights)
        .where(facts.posted_at >= start, facts.posted_at <= end, counts, facts.skills.is_not(None))
        .order_by(facts.posting_id)
    )
    rows = connection.read(
        query, pl.Schema({**WINDOW_POSTING, "skills": pl.Binary(), "skill_weights": pl.Binary()})
    )
    known = _known_skills(connection).sort("skill")
    lengths = rows["skills"].bin.size().to_numpy() // 2
    offsets = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))).astype(np.int64)
    codes, order = _positions(rows["skills"], offsets, known["skill_id"].to_numpy())
    return Window(
        postings=rows.select(WINDOW_POSTING.names()),
        offsets=offsets,
        codes=codes,
        skills=known.select("skill", "category"),
        weights=_weights(rows["skill_weights"], lengths)[order],
    )


def count_pending(connection: MarketConnection, days: Sequence[date] | None = None) -> int:
    """How many postings (of some days' content) wait for their skills to be found, and so do not count yet."""
    pending = sa.and_(posting_facts.c.in_store, posting_facts.c.skills.is_(None))
    query = sa.select(sa.func.count()).select_from(posting_facts).where(pending)
    if days is not None:
        query = query.join(job_postings, job_postings.c.posting_id == posting_facts.c.posting_id).where(
            job_postings.c.content_date.between(min(days), max(days))
        )
    return int(connection.scalar(query))


def _positions(
    encoded: pl.Series, offsets: npt.NDArray[np.int64], skill_ids: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64] | slice]:
    """Decode skill ids to positions in the list of skills by name, ascending within each posting.

    Returns:
        The positions, and the order in which they took what was stored.
    """
    ids = np.frombuffer(b"".join(encoded.to_list()), dtype="<u2")
    position_of = np.zeros(int(skill_ids.max(initial=0)) + 1, dtype=np.int32)
    position_of[skill_ids] = np.arange(len(skill_ids), dtype=np.int32)
    codes: npt.NDArray[np.int32] = position_of[ids]
    rows = np.repeat(np.arange(len(offsets) - 1, dtype=np.int64), np.diff(offsets))
    in_order = rows * (len(skill_ids) + 1) + codes
    if not np.any(in_order[1:] < in_order[:-1]):
        return codes, slice(None)
    order = np.argsort(in_order, kind="stable")
    return codes[order], order


def _weights(encoded: pl.Series, lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """A weight for each skill, 0 where a posting's skills have not been weighed."""
    weights: list[bytes] = encoded.to_list()
    if encoded.null_count():
        weights = [
            bytes(length) if known is None else known for known, length in zip(weights, lengths, strict=True)
        ]
    return np.frombuffer(b"".join(weights), dtype=np.uint8)


def known_skill_ids(connection: MarketConnection, names: pl.DataFrame) -> npt.NDArray[np.uint16] | None:
    """The ids of a taxonomy's skills, as of `ensure_skills`, where that would change nothing; else None."""
    known = names.join(_known_skills(connection), on=["skill", "category"], how="left", maintain_order="left")
    return None if known["skill_id"].null_count() else known["skill_id"].to_numpy().astype(np.uint16)


def ensure_skills(connection: MarketConnection, names: pl.DataFrame) -> npt.NDArray[np.uint16]:
    """Give every skill of a taxonomy an id that it keeps for ever; inside the caller's transaction.

    Args:
        connection: where the skills are.
        names: skill, category.

    Returns:
        uint16, the id of each row of `names`.
    """
    count_up_postings(connection)
    known = _known_skills(connection)
    next_id = max(known["skill_id"].to_list(), default=-1) + 1
    fresh = names.join(known, on="skill", how="anti", maintain_order="left")
    ids = np.arange(next_id, next_id + fresh.height)
    if next_id + fresh.height > 2**16:
        raise ValueError("no more than 65,536 skills can ever be known to one database")
    fresh = fresh.with_columns(
        skill_id=pl.Series(ids, dtype=pl.Int64()),
        code=pl.Series([int(number).to_bytes(2, "little") for number in ids], dtype=pl.Binary()),
    )
    connection.append(skills, fresh)
    moved = names.join(known, on="skill", suffix="_known").filter(pl.col("category") != pl.col("category_known"))
    if moved.height:
        staged = connection.stage("moved_skills", moved.select("skill", "category"))
        connection.execute(
            skills.update().values(category=staged.c.category).where(skills.c.skill == staged.c.skill)
        )
    both = pl.concat([known.select("skill_id", "skill"), fresh.select("skill_id", "skill")])
    return names.join(both, on="skill", how="left", maintain_order="left")["skill_id"].to_numpy().astype(np.uint16)


def _known_skills(connection: MarketConnection) -> pl.DataFrame:
    return connection.read(sa.select(skills.c.skill_id, skills.c.skill, skills.c.category), _SKILL)


def read_texts(connection: MarketConnection, day: date, batch: int = 10_000) -> Iterator[pl.DataFrame]:
    """posting_id, title, description, text_hash of the postings whose content came from a day, in batches."""
    postings = job_postings.c
    last = -1
    while True:
        query = (
            sa.select(postings.posting_id, postings.title, postings.description, posting_facts.c.text_hash)
            .join_from(job_postings, posting_facts, posting_facts.c.posting_id == postings.posting_id)
            .where(postings.content_date == day, postings.posting_id > last)
            .order_by(postings.posting_id)
            .limit(batch)
        )
        rows = connection.read(query, _HASHED_TEXT)
        if rows.height:
            last = int(rows["posting_id"][-1])
            yield rows
        if rows.height < batch:
            return


def read_newest_texts(
    connection: MarketConnection, start: datetime, end: datetime, most: int, batch: int = 5_000
) -> Iterator[pl.DataFrame]:
    """posting_id, title and description of the newest originals with start ≤ posted_at ≤ end, in batches."""
    facts, postings = posting_facts.c, job_postings.c
    newest = connection.read(
        sa.select(facts.posting_id)
        .where(facts.posted_at.between(start, end), facts.in_store, facts.duplicate_of.is_(None))
        .order_by(facts.posted_at.desc(), facts.posting_id)
        .limit(most),
        pl.Schema({"posting_id": pl.Int64()}),
    )
    for ids in newest.iter_slices(batch):
        wanted = connection.stage("wanted_texts", ids)
        query = (
            sa.select(postings.posting_id, postings.title, postings.description)
            .join(wanted, wanted.c.posting_id == postings.posting_id)
            .order_by(postings.posting_id)
        )
        yield connection.read(query, _TEXT)


def encode_skills(found: pl.DataFrame, skill_ids: npt.NDArray[np.uint16]) -> pl.DataFrame:
    """Lists of skills and weights, as from `SkillMatcher.weighed`, as bytes.

    Returns:
        skills: two bytes for each skill's id, low byte first; skill_weights: a byte each.
    """
    ends = np.cumsum(found["skills"].list.len().to_numpy(), dtype=np.int64)
    bounds = list(pairwise([0, *ends.tolist()]))
    positions = found["skills"].explode().drop_nulls().to_numpy()
    codes = skill_ids[positions].astype("<u2").tobytes() if len(positions) else b""
    weights = found["weights"].explode().drop_nulls().cast(pl.UInt8).to_numpy().tobytes()
    return pl.DataFrame(
        {
            "skills": pl.Series([codes[2 * start : 2 * end] for start, end in bounds], dtype=pl.Binary()),
            "skill_weights": pl.Series([weights[start:end] for start, end in bounds], dtype=pl.Binary()),
        }
    )


def write_skills(
    connection: MarketConnection, searched: pl.DataFrame, encoded: pl.DataFrame, version: int
) -> None:
    """Store the skills of postings, as from `encode_skills`; inside the caller's transaction.

    A posting whose text has changed since it was searched is left as it is: whoever changed it finds its skills.

    Args:
        connection: where the postings are.
        searched: posting_id and text_hash of the postings, as they were read.
        encoded: their skills and weights.
        version: what `store.extraction` knows the rules by that found them.
    """
    # Writers of postings queue here, lest two wait for one another's rows.
    count_up_postings(connection)
    rows = searched.select("posting_id", "text_hash").hstack(encoded)
    staged = connection.stage("found_skills", rows)
    facts = posting_facts.c
    connection.execute(
        posting_facts.update()
        .values(skills=staged.c.skills, skill_weights=staged.c.skill_weights, skills_version=version)
        .where(facts.posting_id == staged.c.posting_id, facts.text_hash.is_not_distinct_from(staged.c.text_hash))
    )
