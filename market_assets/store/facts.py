"""Reading the counted postings with their skills: what statistics are computed from.

Reading them out of a database's rows takes ten times as long as out of columns. So what is read for a refresh is
kept in files, blocks of postings by number, and read from there as long as a block has not changed: see
`revisions.note_changed`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import sqlalchemy as sa

from market_assets.skills.weights import ASKED_FOR
from market_assets.statistics.window import WINDOW_POSTING, Window
from market_assets.store.database import Database, make_private_folder
from market_assets.store.reading import FrameReader
from market_assets.store.revisions import BLOCK
from market_assets.store.skills import read_known_skills
from market_assets.store.tables.postings import fact_blocks, posting_facts, posting_skill_facts

#: A row of posting_skill_facts as one number, which is read twice as fast as three: posting_id, 16 bits of
#: skill_id, 8 bits of weight.
_SKILL_BITS, _WEIGHT_BITS = 16, 8
_PACKED = (
    sa.cast(posting_skill_facts.c.posting_id, sa.BigInteger) * (1 << _SKILL_BITS + _WEIGHT_BITS)
    + sa.cast(posting_skill_facts.c.skill_id, sa.BigInteger) * (1 << _WEIGHT_BITS)
    + posting_skill_facts.c.weight
)
#: So many postings' skills are read at once: while they are sorted they take several times their memory.
_BATCH = 100_000
#: Counts up when the files hold something else.
_FORMAT = 1
_ID = pl.Schema({"id": pl.Int64()})
_SKILL_OF_ROW = pl.Schema({"row": pl.Int32(), "code": pl.Int16(), "weight": pl.UInt8()})

Integers = npt.NDArray[np.int64]


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
_POSTING = pl.Schema({**WINDOW_POSTING, **{each.name: pl.Boolean() for each in Counted}})


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


@dataclass(frozen=True)
class _Part:
    """Some of the postings, by posting_id, and their skills (`_SKILL_OF_ROW`), by row and code."""

    postings: pl.DataFrame
    skills: pl.DataFrame


def read_window(
    connection: FrameReader, start: datetime, end: datetime, counted: Counted = Counted.ORIGINALS
) -> Window:
    """The counted postings with start ≤ posted_at ≤ end that have been searched, with their skills."""
    within = (posting_facts.c.posted_at >= start, posting_facts.c.posted_at <= end)
    known = read_known_skills(connection).sort("skill")
    return _counted([_read_part(connection, known, *within, _COUNTS[counted])], known).window


def fact_files(database: Database, data_dir: Path) -> Path:
    """The folder of the files of a database: beside it, or in the data folder."""
    path = database.path if database.is_sqlite else data_dir / "postgresql"
    return path.with_name(f"{path.name}.facts")


def read_counted(connection: FrameReader, start: datetime, end: datetime, files: Path) -> CountedPostings:
    """What `read_window` reads, for all ways of counting at once.

    Args:
        connection: where the postings are; inside a transaction that sees one state.
        start, end: of the window.
        files: the folder of the files of this database, which is made where it is missing.
    """
    known = read_known_skills(connection).sort("skill")
    blocks = _blocks(connection, known)

    def parts() -> Iterator[_Part]:
        for block, name in blocks.items():
            part = _stored_part(files / name) if name else None
            if part is None:
                numbers = posting_facts.c.posting_id.between(block * BLOCK, (block + 1) * BLOCK - 1)
                part = _read_part(connection, known, numbers, sa.or_(*_COUNTS.values()))
                if name:
                    _store_part(part, files / name)
            yield _within(part, start, end)

    counted = _counted(parts(), known)
    _remove_others(files, set(blocks.values()))
    return counted


def _blocks(connection: FrameReader, known: pl.DataFrame) -> dict[int, str | None]:
    """The blocks that hold postings, in order, and the names of their files; None where no change was noted.

    The number of rows is part of the name, so that rows which somebody deletes by hand are not counted either.
    """
    posting_id = posting_facts.c.posting_id
    # Each by itself, so that SQLite looks at one row.
    bounds = [
        connection.read(sa.select(bound(posting_id).label("id")), _ID) for bound in (sa.func.min, sa.func.max)
    ]
    first, last = (each["id"][0] for each in bounds)
    if first is None:
        return {}
    block = fact_blocks.c.block
    of_block = posting_id.between(block * BLOCK, (block + 1) * BLOCK - 1)
    rows = sa.select(sa.func.count()).where(of_block).correlate(fact_blocks).scalar_subquery()
    query = sa.select(block, rows.label("rows"), fact_blocks.c.stamp)
    found = connection.read(query, pl.Schema(dict.fromkeys(("block", "rows", "stamp"), pl.Int64())))
    skills = sha256(f"{_FORMAT} {known.rows()}".encode()).hexdigest()[:12]
    names = {block: f"{block}-{stamp}-{rows}-{skills}" for block, rows, stamp in found.iter_rows()}
    return {block: names.get(block) for block in range(first // BLOCK, last // BLOCK + 1)}


def _read_part(connection: FrameReader, known: pl.DataFrame, *condition: sa.ColumnElement[bool]) -> _Part:
    counts = (counts.label(each.name) for each, counts in _COUNTS.items())
    query = sa.select(*(posting_facts.c[name] for name in WINDOW_POSTING), *counts).where(
        *condition, posting_facts.c.skills_version.is_not(None)
    )
    # The order of the database's index of times, of which the database would write a sorted copy.
    postings = connection.read(query, _POSTING).sort("posting_id")
    skill_ids = known["skill_id"].to_numpy()
    code_of = np.zeros(int(skill_ids.max(initial=0)) + 1, dtype=np.int64)
    code_of[skill_ids] = np.arange(len(skill_ids))
    skills = [_SKILL_OF_ROW.to_frame()]
    for start in range(0, postings.height, _BATCH):
        ids = postings["posting_id"].slice(start, _BATCH).to_numpy()
        # Numbers are given in the order of time, so that a window's postings lie close together.
        first, last = int(ids[0]), int(ids[-1])
        entries = connection.read_integers(_PACKED, posting_skill_facts.c.posting_id, first, last)
        skills.append(_ordered(entries, ids, code_of).with_columns(pl.col("row") + start))
    return _Part(postings, pl.concat(skills))


def _ordered(entries: Integers, posting_ids: Integers, code_of: Integers) -> pl.DataFrame:
    """Row, code and weight of those entries that are of postings, by row and code."""
    first, last = int(posting_ids[0]), int(posting_ids[-1])
    row_of = np.full(last - first + 1, -1, dtype=np.int64)
    row_of[posting_ids - first] = np.arange(len(posting_ids))
    rows = row_of[(entries >> _SKILL_BITS + _WEIGHT_BITS) - first]
    codes = code_of[entries >> _WEIGHT_BITS & (1 << _SKILL_BITS) - 1]
    weights = entries & (1 << _WEIGHT_BITS) - 1
    # Sorting one number is several times faster than sorting by three columns.
    ordered = (rows << _SKILL_BITS | codes) << _WEIGHT_BITS | weights
    ordered = np.sort(ordered[rows >= 0])
    return pl.DataFrame(
        {
            "row": (ordered >> _SKILL_BITS + _WEIGHT_BITS).astype(np.int32),
            "code": (ordered >> _WEIGHT_BITS & (1 << _SKILL_BITS) - 1).astype(np.int16),
            "weight": (ordered & (1 << _WEIGHT_BITS) - 1).astype(np.uint8),
        }
    )


def _counted(parts: Iterable[_Part], known: pl.DataFrame) -> CountedPostings:
    """The postings of all parts, of which one at a time is in memory beside what is kept of it."""
    postings, wanted, mentioned, height = [], [], [], 0
    for part in parts:
        asked_for = part.skills["weight"] >= int(ASKED_FOR)
        wanted.append(part.skills.filter(asked_for).select("code", "weight"))
        mentioned.append(part.skills.filter(~asked_for).select(pl.col("row") + height, "code"))
        sizes = np.bincount(part.skills["row"].to_numpy()[asked_for.to_numpy()], minlength=part.postings.height)
        postings.append(part.postings.with_columns(size=pl.Series(sizes, dtype=pl.Int32)))
        height += part.postings.height
    counted = pl.concat([pl.DataFrame(schema={**_POSTING, "size": pl.Int32()}), *postings])
    skills = pl.concat([_SKILL_OF_ROW.to_frame().select("code", "weight"), *wanted])
    mentions = pl.concat([_SKILL_OF_ROW.to_frame().select("row", "code"), *mentioned])
    window = Window(
        postings=counted.select(WINDOW_POSTING.names()),
        offsets=np.cumsum(np.concatenate(([0], counted["size"]))),
        codes=skills["code"].to_numpy(),
        skills=known.select("skill", "category"),
        weights=skills["weight"].to_numpy(),
        mention_rows=mentions["row"].to_numpy(),
        mention_codes=mentions["code"].to_numpy(),
    )
    return CountedPostings(window, {each: counted[each.name].to_numpy() for each in Counted})


def _within(part: _Part, start: datetime, end: datetime) -> _Part:
    chosen = part.postings["posted_at"].is_between(start, end)
    if chosen.all():
        return part
    kept, rows = chosen.to_numpy(), part.skills["row"].to_numpy()
    new_row = pl.Series("row", (np.cumsum(kept) - 1).astype(np.int32))
    skills = part.skills.with_columns(new_row.gather(part.skills["row"])).filter(pl.Series(kept[rows]))
    return _Part(part.postings.filter(chosen), skills)


def _stored_part(folder: Path) -> _Part | None:
    """What was written to a folder; None where there is nothing, or it can't be read."""
    try:
        read = _Part(*(pl.read_parquet(folder / f"{name}.parquet", glob=False) for name in ("postings", "skills")))
    except (OSError, pl.exceptions.PolarsError):
        return None
    whole = read.postings.schema == _POSTING and read.skills.schema == _SKILL_OF_ROW
    return read if whole else None


def _store_part(part: _Part, folder: Path) -> None:
    """Write a part to a folder, which gets its name when it is whole; nothing is said where that fails."""
    with contextlib.suppress(OSError, pl.exceptions.PolarsError):
        make_private_folder(folder.parent)
        unfinished = Path(tempfile.mkdtemp(prefix=".", dir=folder.parent))
        for name, frame in (("postings", part.postings), ("skills", part.skills)):
            with (unfinished / f"{name}.parquet").open("wb") as file:
                frame.write_parquet(file, compression="lz4")
                file.flush()
                os.fsync(file.fileno())
        # Damaged, where it is there; or else written by another reader meanwhile.
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.rename(folder)


def _remove_others(files: Path, names: set[str | None]) -> None:
    # There may be no such folder, or one that this process must not read.
    with contextlib.suppress(OSError):
        for folder in files.iterdir():
            if folder.name not in names:
                shutil.rmtree(folder, ignore_errors=True)
