"""Reading the counted postings with their skills: what statistics are computed from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
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


#: So many postings' skills are read at once: while they are sorted they take several times their memory.
_BATCH = 100_000


class Counted(Enum):
    """Which postings of a job count."""

    #: The original of those in the store: those whose `duplicate_of` is null.
    ORIGINALS = "originals"
    #: The first of a job, even if its posting has been archived since: so that history doesn't change.
    FIRST_OF_JOB = "first of job"


_COUNTS = {
    Counted.ORIGINALS: posting_facts.c.duplicate_of.is_(None),
    Counted.FIRST_OF_JOB: posting_facts.c.first_of_job,
}


@dataclass(frozen=True)
class CountedPostings:
    """The postings of a time that count in one way or another, from which windows are cut.

    Attributes:
        window: all of them.
        counts: of each posting, whether it counts in that way.
    """

    window: Window
    counts: Mapping[Counted, npt.NDArray[np.bool_]]

    def since(self, start: datetime, counted: Counted) -> Window:
        """Those that count, from a time on."""
        chosen = (self.window.postings["posted_at"] >= start).to_numpy() & self.counts[counted]
        return self.window if chosen.all() else self.window.only(chosen)


def read_window(
    connection: FrameReader, start: datetime, end: datetime, counted: Counted = Counted.ORIGINALS
) -> Window:
    """The counted postings with start ≤ posted_at ≤ end that have been searched, with their skills."""
    return read_counted(connection, start, end, [counted]).window


def read_counted(
    connection: FrameReader, start: datetime, end: datetime, counted: Iterable[Counted] = Counted
) -> CountedPostings:
    """What `read_window` reads, for several ways of counting at once."""
    facts = posting_facts.c
    counts = {each: _COUNTS[each].label(each.name) for each in counted}
    query = sa.select(*(facts[name] for name in WINDOW_POSTING), *counts.values()).where(
        facts.posted_at >= start,
        facts.posted_at <= end,
        sa.or_(*counts.values()),
        facts.skills_version.is_not(None),
    )
    flags = dict.fromkeys((each.name for each in counts), pl.Boolean())
    # The order of the database's index of times, of which the database would write a sorted copy.
    postings = connection.read(query, pl.Schema({**WINDOW_POSTING, **flags})).sort("posting_id")
    known = read_known_skills(connection).sort("skill")
    columns = zip(
        *_skills_of(connection, postings["posting_id"].to_numpy(), known["skill_id"].to_numpy()), strict=True
    )
    sizes, codes, weights, mention_rows, mention_codes = (np.concatenate(column) for column in columns)
    window = Window(
        postings=postings.select(WINDOW_POSTING.names()),
        offsets=np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
        codes=codes,
        skills=known.select("skill", "category"),
        weights=weights,
        mention_rows=mention_rows,
        mention_codes=mention_codes,
    )
    return CountedPostings(window, {each: postings[each.name].to_numpy() for each in counts})


def _skills_of(
    connection: FrameReader, posting_ids: Integers, skill_ids: npt.NDArray[np.int16]
) -> Iterator[tuple[Integers, npt.NDArray[np.int32], npt.NDArray[np.uint8], Integers, npt.NDArray[np.int32]]]:
    """The skills of postings, some postings at a time, by row and code.

    Args:
        connection: where the postings are.
        posting_ids: in ascending order.
        skill_ids: the id of the skill of each code.

    Yields:
        How many skills each posting asks for, their codes and weights; and row and code of those that it mentions.
    """
    code_of = np.zeros(int(skill_ids.max(initial=0)) + 1, dtype=np.int64)
    code_of[skill_ids] = np.arange(len(skill_ids))
    # At least once, so that there are arrays without postings too.
    for start in range(0, max(len(posting_ids), 1), _BATCH):
        ids = posting_ids[start : start + _BATCH]
        rows, codes, weights = _ordered(_entries(connection, ids), ids, code_of)
        asked_for = weights >= ASKED_FOR
        sizes = np.bincount(rows[asked_for], minlength=len(ids))
        mentioned = ~asked_for
        yield sizes, codes[asked_for], weights[asked_for], rows[mentioned] + start, codes[mentioned]


def _entries(connection: FrameReader, posting_ids: Integers) -> Integers:
    """The packed rows of the skills of postings, and of others between them."""
    if not len(posting_ids):
        return np.empty(0, np.int64)
    # Numbers are given in the order of time, so that a window's postings lie close together.
    first, last = int(posting_ids[0]), int(posting_ids[-1])
    return connection.read_integers(_PACKED, posting_skill_facts.c.posting_id, first, last)


def _ordered(
    entries: Integers, posting_ids: Integers, code_of: Integers
) -> tuple[Integers, npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Row, code and weight of those entries that are of postings, by row and code."""
    first, last = (int(posting_ids[0]), int(posting_ids[-1])) if len(posting_ids) else (0, 0)
    row_of = np.full(last - first + 1, -1, dtype=np.int64)
    row_of[posting_ids - first] = np.arange(len(posting_ids))
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
