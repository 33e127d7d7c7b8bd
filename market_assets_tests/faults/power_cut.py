"""What is left of an SQLite database when the power goes while it is written.

The writer is stopped for a moment and its files are copied. A power cut takes more than a dead process does: what
was written to the log since it was last forced to disk may be missing, or be rubbish. So the log's copy loses a
random part of its end, but nothing that a transaction had written which was told as done: its end forces the log.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database
from market_assets.store.results import replace_table
from market_assets.store.tables.results import posting_statistics
from market_assets_tests.faults.soundness import assert_sound
from market_assets_tests.store.any_rows import everything
from market_assets_tests.store.made_up_postings import days_after, find_skills, posting, write_day
from market_assets_tests.store.programs import Program

A_DAY = 30
#: One result table is replaced after each day by this many rows, all of which name the day.
RESULTS = 25
WRITER = """
    import sys
    from market_assets.store.connection import MarketConnection
    from market_assets.store.database import Database
    from market_assets_tests.faults.power_cut import log_of, write
    database = Database(sys.argv[1])
    with MarketConnection(database) as connection:
        for number in range(100_000):
            write(connection, number)
            log = log_of(database.path)
            print("wrote", number, log.generation, log.frames)
"""
#: Of a log: its head, the head of a frame; of its index: where it says how many frames there are, since which
#: beginning of the log, and how many were carried over.
_LOG_HEAD, _FRAME_HEAD, _FRAMES, _GENERATION, _CARRIED_OVER = 32, 24, 16, slice(32, 40), (96, 128)


def write(connection: MarketConnection, number: int) -> None:
    """A day and what is counted of it."""
    day = days_after(number % 200)
    postings = [
        posting(f"{number % 200}-{n}", title=f"Python SQL {n}", description="text " * 200) for n in range(A_DAY)
    ]
    write_day(connection, day, postings)
    find_skills(connection, day)
    rows = [("day", f"{number} {n}", number + 1) for n in range(RESULTS)]
    frame = pl.DataFrame(rows, schema=["dimension", "value", "postings"], orient="row")
    replace_table(connection, posting_statistics, frame, expect_rows=True)


@dataclass(frozen=True)
class Log:
    """How far a log had been written, since it was begun anew last."""

    generation: str
    frames: int


def log_of(live: Path) -> Log:
    """What a database's log is known to hold, by its index."""
    index = Path(f"{live}-shm").read_bytes()
    return Log(index[_GENERATION].hex(), int.from_bytes(index[_FRAMES : _FRAMES + 4], "little"))


@dataclass(frozen=True)
class Cut:
    """A copy of the files, and how many days the writer had told of before."""

    path: Path
    told: int


def cuts(writer: Program, live: Path, folder: Path, draw: random.Random, number: int) -> Iterator[Cut]:
    """Cut the power at random moments; each copy is removed before the next. In between the writer is stopped."""
    for each in range(number):
        for _ in range(draw.randint(0, 8)):
            writer.expect("wrote")
        _wrote, day, generation, frames = writer.newest("wrote").split()
        # A moment anywhere within a day, not one at which it is known to write.
        time.sleep(draw.random() * 0.05)
        os.kill(writer.pid, signal.SIGSTOP)
        try:
            copy = _copy(live, folder / f"{each}.db", Log(generation, int(frames)), draw)
            yield Cut(copy, int(day) + 1)
        finally:
            os.kill(writer.pid, signal.SIGCONT)
        for suffix in ("", "-wal", "-shm"):
            Path(f"{copy}{suffix}").unlink(missing_ok=True)


def _copy(live: Path, copy: Path, forced: Log, draw: random.Random) -> Path:
    copy.write_bytes(live.read_bytes())
    log = bytearray(Path(f"{live}-wal").read_bytes())
    index = Path(f"{live}-shm").read_bytes()
    frames = max(int.from_bytes(index[place : place + 4], "little") for place in _CARRIED_OVER)
    if log_of(live).generation == forced.generation:
        frames = max(frames, forced.frames)
    frame = _FRAME_HEAD + int.from_bytes(log[8:12], "big")
    kept = draw.randint(min(len(log), _LOG_HEAD + frames * frame), len(log))
    if draw.random() < 0.5:
        log[kept:] = draw.randbytes(len(log) - kept)
    else:
        del log[kept:]
    Path(f"{copy}-wal").write_bytes(log)
    return copy


def assert_whole_days(cut: Cut) -> int:
    """Sound, whole days without a gap, none lost that was told of, one result; returns how many there are."""
    url = f"sqlite:///{cut.path}"
    postings = assert_sound(url)
    rows = everything(Database(url))
    days, rest = divmod(len(postings), A_DAY)
    assert rest == 0, "a day is half-written"
    (revision,) = [row[1] for row in rows["data_revision"] if row[0] == 1]
    # A day is counted when its postings are written, and twice when their skills are made known and written.
    written = (revision + 2) // 3
    assert min(written, 200) == days
    assert written >= cut.told, "a day is lost that was told as written"
    counted = {(row[1].split()[0], row[2]) for row in rows["posting_statistics"]}
    assert len(counted) <= 1
    assert len(rows["posting_statistics"]) == (RESULTS if counted else 0)
    for _name, number in counted:
        assert number in (written, written - 1), "results are of the last day, or the one before"
    return int(written)


def assert_goes_on(cut: Cut, days: int, twin: Callable[[int], dict[str, list[tuple[object, ...]]]]) -> None:
    """The next run on what was left gives what a run without the power cut gives."""
    database = Database(f"sqlite:///{cut.path}")
    with MarketConnection(database) as connection:
        for number in range(max(days - 1, 0), days + 1):
            write(connection, number)
    rows, expected = everything(database), twin(days)
    # How often and when something was written is another matter.
    for tables in (rows, expected):
        tables.pop("data_revision")
        tables.pop("fact_blocks")
    assert rows == expected


def undisturbed(path: Path, days: int) -> dict[str, list[tuple[object, ...]]]:
    """The rows of an empty store after the days up to one were written."""
    database = Database(f"sqlite:///{path}")
    with MarketConnection(database) as connection:
        for number in range(days + 1):
            write(connection, number)
    return everything(database)
