"""The stream of a day: its own postings, those of earlier days that turn up again, and faulty ones.

Everything is drawn from generators seeded with (seed, day, chunk, fate), so that a day can tell, without any
memory, which postings of earlier days are repeated or seen again on it: it draws just those anew.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum
from functools import lru_cache

import numpy as np
import polars as pl

from market_assets.sources.sample.draws import Choices, draw_choices, framed
from market_assets.sources.sample.pay import Form, rounded
from market_assets.sources.sample.texts import render_postings

#: A chunk holds up to 5,000 postings: these originals and, on top, some 9 % that turn up again or are faulty.
ORIGINALS_PER_CHUNK = 4_500

BOARD, SECOND_BOARD = "sample_jobs", "sample_board"
REPEAT_DELAYS = range(4)
SIGHTING_DELAYS = range(1, 3)
REPEAT_SHARE, SIGHTING_SHARE, FAULT_SHARE = 0.06, 0.02, 0.01
_PAY_RISE = 1.04
#: Groups of postings that are remembered (small ones alone): what is repeated on a day was drawn for the days
#: before as well.
_MOST_REMEMBERED = 128
#: Truncated lines end before this share of their length, and so before the bracket that closes them.
_LONGEST_CUT = 0.95


class Fate(IntEnum):
    """What happens to a posting: part of the seed it is drawn with, and of its identifier.

    The delay in days is added where there is one. ORDER and COUNT seed the order of a chunk and the number of
    postings with a fate.
    """

    ONCE = 0
    REPEATED = 10
    SEEN_AGAIN = 20
    FAULTY = 30
    ORDER = 40
    COUNT = 100


class Fault(IntEnum):
    """What is wrong with a posting."""

    NONE = 0
    TRUNCATED = 1
    EMPTY_TITLE = 2
    NEGATIVE_SALARY = 3
    HUGE_SALARY = 4
    ANCIENT = 5
    FUTURE = 6
    UNKNOWN_CURRENCY = 7
    CONTROL_CHARACTERS = 8


def originals_per_day(postings_per_day: int) -> int:
    """Some more than wanted, as postings that happen to look like one job count once."""
    return postings_per_day + postings_per_day // 50 + 2


def chunk_sizes(postings_per_day: int) -> list[int]:
    """The originals in each chunk of a day."""
    full, rest = divmod(originals_per_day(postings_per_day), ORIGINALS_PER_CHUNK)
    return [ORIGINALS_PER_CHUNK] * full + ([rest] if rest else [])


def chunk_lines(seed: int, day: date, chunk: int, originals: int) -> bytes:
    """The postings of a chunk as JSON, one a line, in an order that tells nothing."""
    drawn = _Stream(seed, chunk, originals).of_day(day)
    drawn = drawn[_generator(seed, day, chunk, Fate.ORDER).permutation(drawn.height)]
    postings = pl.concat([_identities(drawn), render_postings(drawn)], how="horizontal")
    lines = _with_faults(postings, drawn["fault"]).select(pl.struct(pl.all()).struct.json_encode()).to_series()
    kept = (lines.str.len_chars() * drawn["cut"]).cast(pl.Int64) + 1
    truncated = drawn["fault"] == Fault.TRUNCATED
    lines = pl.select(pl.when(truncated).then(lines.str.slice(0, kept)).otherwise(lines)).to_series()
    return ("\n".join(lines) + "\n").encode()


def _generator(seed: int, day: date, chunk: int, purpose: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([seed, day.toordinal(), chunk, purpose]))


class _Stream:
    """The postings of one chunk number over the days, as choices."""

    def __init__(self, seed: int, chunk: int, originals: int) -> None:
        self._seed = seed
        self._chunk = chunk
        self._originals = originals

    def of_day(self, day: date) -> pl.DataFrame:
        own = [self._repeated(day, delay) for delay in REPEAT_DELAYS]
        own += [self._seen_again(day, delay) for delay in SIGHTING_DELAYS]
        rest = self._originals - sum(len(group["number"]) for group in own)
        once = _drawn(self._seed, self._chunk, day, Fate.ONCE, max(0, rest))
        earlier = [
            _on_second_board(self._repeated(day - timedelta(delay), delay), day, delay) for delay in REPEAT_DELAYS
        ]
        earlier += [_with_higher_pay(self._seen_again(day - timedelta(delay), delay)) for delay in SIGHTING_DELAYS]
        groups = [once, *own, *earlier, self._faulty(day)]
        identifier = pl.format("{}-{}-{}-{}", "date", pl.lit(self._chunk), "fate", "number")
        return framed(groups).with_columns(identifier=identifier)

    def _repeated(self, day: date, delay: int) -> Choices:
        """The postings of a day that the second board repeats so many days later."""
        return self._share(day, Fate.REPEATED + delay, REPEAT_SHARE / len(REPEAT_DELAYS))

    def _seen_again(self, day: date, delay: int) -> Choices:
        """The postings of a day that are listed once more, so many days later."""
        return self._share(day, Fate.SEEN_AGAIN + delay, SIGHTING_SHARE / len(SIGHTING_DELAYS))

    def _faulty(self, day: date) -> Choices:
        drawn = self._share(day, Fate.FAULTY, FAULT_SHARE)
        # One kind of fault after the other, so that a few days show them all.
        kind = (day.toordinal() * 3 + drawn["number"]) % (len(Fault) - 1) + 1
        return {**drawn, "fault": kind}

    def _share(self, day: date, fate: int, share: float) -> Choices:
        chance = _generator(self._seed, day, self._chunk, Fate.COUNT + fate).random()
        return _drawn_before(self._seed, self._chunk, day, fate, int(self._originals * share + chance))


def _drawn(seed: int, chunk: int, day: date, fate: int, count: int) -> Choices:
    """The choices of a group of postings, which are not to be changed in place."""
    rng = _generator(seed, day, chunk, fate)
    drawn = draw_choices(rng, day, count)
    return {
        **drawn,
        "posted": _midnight(day) + drawn["posted"],
        "date": np.full(count, int(f"{day:%Y%m%d}")),
        "fate": np.full(count, int(fate)),
        "number": np.arange(count),
        "second_board": np.full(count, False),
        "fault": np.full(count, int(Fault.NONE)),
        "again": rng.random(count),
        "cut": rng.random(count) * _LONGEST_CUT,
    }


_drawn_before = lru_cache(_MOST_REMEMBERED)(_drawn)


def _midnight(day: date) -> int:
    """The beginning of the day before, on which the postings of `day` were posted, in seconds of Unix time."""
    return int(datetime.combine(day - timedelta(1), time(), UTC).timestamp())


def _on_second_board(drawn: Choices, day: date, delay: int) -> Choices:
    """Postings as the second board lists them on `day`, that many days after the original."""
    start = drawn["posted"] if delay == 0 else _midnight(day)
    end = _midnight(day + timedelta(1)) - 1
    later = ((end - start) * drawn["again"]).astype(np.int64)
    return {**drawn, "posted": start + later, "second_board": np.full(len(later), True)}


def _with_higher_pay(drawn: Choices) -> Choices:
    """Postings as they are seen again: with more pay, and stated."""
    stated = np.full(len(drawn["number"]), int(Form.RANGE))
    more = {name: rounded((drawn[name] * _PAY_RISE).astype(np.float64)) for name in ("pay_low", "pay_high")}
    return {**drawn, **more, "pay_form": stated}


def _identities(drawn: pl.DataFrame) -> pl.DataFrame:
    """board, external_id, url and posted_at; the second board's addresses hold tracking parameters."""
    second, identifier = pl.col("second_board"), pl.col("identifier")
    own_url = pl.format("https://jobs.sample.example/postings/{}", identifier)
    other_url = pl.format(
        "https://board.sample.example/jobs/b{}?utm_source=sample_feed&utm_medium=partner&gclid={}",
        identifier,
        (pl.col("again") * 1e9).cast(pl.Int64),
    )
    return drawn.select(
        board=pl.when(second).then(pl.lit(SECOND_BOARD)).otherwise(pl.lit(BOARD)),
        external_id=pl.when(second).then("b" + identifier).otherwise("s" + identifier),
        url=pl.when(second).then(other_url).otherwise(own_url),
        posted_at=pl.from_epoch("posted", time_unit="s").dt.to_string("%Y-%m-%dT%H:%M:%SZ"),
    )


def _with_faults(postings: pl.DataFrame, fault: pl.Series) -> pl.DataFrame:
    """The postings with what is wrong with the faulty ones, but for truncation."""

    def faulty(kind: Fault, value: pl.Expr, column: str) -> pl.Expr:
        return pl.when(pl.lit(fault) == kind).then(value).otherwise(column).alias(column)

    odd_text = pl.lit("\x00\x07") + pl.col("description").str.replace(" ", "\x1b \x0b")
    return (
        postings.with_columns(faulty(Fault.EMPTY_TITLE, pl.lit(""), "title"))
        .with_columns(faulty(Fault.NEGATIVE_SALARY, pl.lit(-5.0), "salary_min"))
        .with_columns(faulty(Fault.HUGE_SALARY, pl.lit(1e12), "salary_max"))
        .with_columns(faulty(Fault.ANCIENT, pl.lit("1970-01-01T00:00:00Z"), "posted_at"))
        .with_columns(faulty(Fault.FUTURE, pl.lit("2199-12-31T00:00:00Z"), "posted_at"))
        .with_columns(faulty(Fault.UNKNOWN_CURRENCY, pl.lit("QQQ"), "salary_currency"))
        .with_columns(faulty(Fault.CONTROL_CHARACTERS, odd_text, "description"))
    )
