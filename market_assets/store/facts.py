"""Reading the counted postings with their skills: what statistics are computed from."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import numpy as np
import numpy.typing as npt
import polars as pl
import sqlalchemy as sa

from market_assets.skills.weights import ASKED_FOR
from market_assets.statistics.window import WINDOW_POSTING, Window
from market_assets.store.reading import FrameReader
from market_assets.store.skills import read_known_skills
from market_assets.store.tables.postings import posting_facts, posting_skill_facts

#: A row of posting_skill_facts as one number, which is read twice as fast as three: posting_id, 16 bits of
#: skill_id, 8 bits of weight.
_SKILL_BITS, _WEIGHT_BITS = 16, 8
_PACKED = (
    sa.cast(posting_skill_facts.c.posting_id, sa.BigInteger) * (1 << _SKILL_BITS + _WEIGHT_BITS)
    + sa.cast(posting_skill_facts.c.skill_id, sa.BigInteger) * (1 << _WEIGHT_BITS)
    + posting_skill_facts.c.weight
)

Integers = npt.NDArray[np.int64]


class Counted(Enum):
    """Which postings of a job count."""

    #: The original of those in the store: those whose `duplicate_of` is null.
    ORIGINALS = "originals"
    #: The first of a job, even if its posting has been archived since: so that history doesn't change.
    FIRST_OF_JOB = "first of job"


def read_window(
    connection: FrameReader, start: datetime, end: datetime, counted: Counted = Counted.ORIGINALS
) -> Window:
    """The counted postings with start ≤ posted_at ≤ end that have been searched, with their skills."""
    facts = posting_facts.c
    counts = facts.duplicate_of.is_(None) if counted is Counted.ORIGINALS else facts.first_of_job
    query = (
        sa.select(*(facts[name] for name in WINDOW_POSTING))
        .where(facts.posted_at >= start, facts.posted_at <= end, counts, facts.skills_version.is_not(None))
        .order_by(facts.posting_id)
    )
    postings = connection.read(query, pl.Schema(WINDOW_POSTING))
    known = read_known_skills(connection).sort("skill")
    rows, codes, weights = _skills_of(connection, postings["posting_id"].to_numpy(), known["skill_id"].to_numpy())
    asked_for = weights >= ASKED_FOR
    counts_of_rows = np.bincount(rows[asked_for], minlength=postings.height)
    return Window(
        postings=postings,
        offsets=np.concatenate(([0], np.cumsum(counts_of_rows))).astype(np.int64),
        codes=codes[asked_for],
        skills=known.select("skill", "category"),
        weights=weights[asked_for],
        mention_rows=rows[~asked_for],
        mention_codes=codes[~asked_for],
    )


def _skills_of(
    connection: FrameReader, posting_ids: Integers, skill_ids: npt.NDArray[np.int16]
) -> tuple[Integers, npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """The skills of postings as row, code and weight, by row and code.

    Args:
        connection: where the postings are.
        posting_ids: in ascending order.
        skill_ids: the id of the skill of each code.
    """
    if not len(posting_ids):
        return np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.uint8)
    first, last = int(posting_ids[0]), int(posting_ids[-1])
    # Numbers are given in the order of time, so that a window's postings lie close together.
    entries = connection.read_integers(_PACKED, posting_skill_facts.c.posting_id, first, last)
    row_of = np.full(last - first + 1, -1, dtype=np.int64)
    row_of[posting_ids - first] = np.arange(len(posting_ids))
    code_of = np.zeros(int(skill_ids.max(initial=0)) + 1, dtype=np.int64)
    code_of[skill_ids] = np.arange(len(skill_ids))
    rows = row_of[(entries >> _SKILL_BITS + _WEIGHT_BITS) - first]
    codes = code_of[entries >> _WEIGHT_BITS & (1 << _SKILL_BITS) - 1]
    weights = entries & (1 << _WEIGHT_BITS) - 1
    # Sorting one number is several times faster than sorting by three columns.
    ordered = (rows << _SKILL_BITS | codes) << _WEIGHT_BITS | weights
    ordered = np.sort(ordered[rows >= 0])
    return (
        ordered >> _SKILL_BITS + _WEIGHT_BITS,
        (ordered >> _WEIGHT_BITS & (1 << _SKILL_BITS) - 1).astype(np.int32),
        (ordered & (1 << _WEIGHT_BITS) - 1).astype(np.uint8),
    )
