"""The sample source: believable postings for any day, made instead of fetched.

Besides new postings a day has some of earlier days again, and faulty ones. Every group of postings is drawn by a
generator seeded with (seed, day, chunk, fate), so that a day needs no record of earlier ones: those of their
postings that return on it are drawn again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum
from functools import partial
from io import BytesIO
from typing import BinaryIO, ClassVar

import numpy as np
import polars as pl

from market_assets.postings.schemas import RAW_POSTING, SAMPLE_BOARDS
from market_assets.sources.files.text import shortened
from market_assets.sources.protocol import Fetch, Payload, RawBatch, SourceError, SourceKind, Undecodable
from market_assets.sources.sample.postings import Form, draw_choices, render_postings, rounded
from market_assets.sources.sample.vocabulary import Choices

FIRST_DAY = date(2000, 1, 1)
#: A chunk has up to 5,000 postings: these originals, and about 9 % that return or are faulty.
ORIGINALS_PER_CHUNK = 4_500
BOARD, SECOND_BOARD = SAMPLE_BOARDS
_PAY_RISE = 1.04
_FAULT_SHARE = 0.01
#: Truncated lines end before this share of their length, and so before their closing bracket.
_LONGEST_CUT = 0.95
_FIELDS = pl.Schema({name: dtype for name, dtype in RAW_POSTING.items() if name != "payload"})


class Fate(IntEnum):
    """What becomes of a posting: part of its identifier and of the seed it is drawn with.

    The delay in days is added to REPEATED and SEEN_AGAIN. ORDER seeds the order of a chunk, and COUNT is added to
    the fate for the number of its postings.
    """

    ONCE = 0
    REPEATED = 10
    SEEN_AGAIN = 20
    FAULTY = 30
    ORDER = 40
    COUNT = 100


#: The fates of postings that return after a delay in days, and their shares of the originals.
_RETURNING = [(Fate.REPEATED, delay, 0.06 / 4) for delay in range(4)]
_RETURNING += [(Fate.SEEN_AGAIN, delay, 0.02 / 2) for delay in (1, 2)]


#: The faults by their numbers from 2 on: a column and its value. 0 is no fault, 1 a truncated line.
_TRUNCATED = 1
_FAULTY_VALUES = [
    ("title", pl.lit("")),
    ("salary_min", pl.lit(-5.0)),
    ("salary_max", pl.lit(1e12)),
    ("posted_at", pl.lit("1970-01-01T00:00:00Z")),
    ("posted_at", pl.lit("2199-12-31T00:00:00Z")),
    ("salary_currency", pl.lit("QQQ")),
    ("description", pl.lit("\x00\x07") + pl.col("description").str.replace(" ", "\x1b \x0b")),
]


@dataclass(frozen=True)
class SampleSource:
    """Invented postings for any day from 2000 on, the same bytes each time (with the locked NumPy and Polars).

    The new postings of a day were posted on the day before. Besides at least `postings_per_day` originals, which
    differ in title, company or place, about 6 % are repeated on a second board, about 2 % are seen again with more
    pay, and about 1 % are faulty, as on real boards.

    Attributes:
        name: the source's name.
        postings_per_day: the least number of different jobs a day; 1 or more.
        seed: another seed gives other postings; 0 or more.
    """

    name: str = "sample"
    postings_per_day: int = 200
    seed: int = 0
    any_day: ClassVar[bool] = True
    kind: ClassVar[SourceKind] = "sample"
    origins: ClassVar[tuple[str, ...]] = ()

    def fetch(self, day: date, now: datetime) -> Fetch:
        """Make the postings of a day, in payloads of up to 5,000 which are made when they are opened.

        Raises:
            SourceError: the day is later than that of `now`, or before 2000.
        """
        today = (now.astimezone(UTC) if now.tzinfo else now).date()
        if day > today:
            raise SourceError(f"{self.name}: {day} is later than today ({today} UTC), so it has no postings yet")
        if day < FIRST_DAY:
            raise SourceError(f"{self.name}: {day} is before {FIRST_DAY}, the first day with postings")
        return Fetch(observed_at=datetime.combine(day, time(), UTC), payloads=self._payloads(day))

    def read(self, name: str, content: BinaryIO) -> Iterator[RawBatch]:
        """Read the postings of a payload; truncated lines are among the undecodable.

        Raises:
            SourceError: the payload was not made by this source.
        """
        lines = pl.Series("payload", content.read().removesuffix(b"\n").split(b"\n"), dtype=pl.Binary)
        is_whole = lines.bin.ends_with(b"}")
        whole = lines.filter(is_whole)
        frame = RAW_POSTING.to_frame()
        if len(whole):
            try:
                frame = pl.read_ndjson(b"\n".join(whole), schema=_FIELDS).with_columns(whole.cast(pl.String))
            except pl.exceptions.PolarsError as error:
                raise SourceError(f"{name}: it was not made by the sample source ({error})") from error
        truncated = [line.decode("utf-8", "replace") for line in lines.filter(~is_whole)]
        yield RawBatch(
            frame, [Undecodable(shortened(line), "not JSON: the line is truncated") for line in truncated]
        )

    def _payloads(self, day: date) -> Iterator[Payload]:
        for chunk, originals in enumerate(chunk_sizes(self.postings_per_day)):
            yield Payload(f"postings-{chunk + 1:04d}.jsonl", partial(self._open, day, chunk, originals))

    def _open(self, day: date, chunk: int, originals: int) -> BinaryIO:
        return BytesIO(_chunk_lines(self.seed, day, chunk, originals))


def chunk_sizes(postings_per_day: int) -> list[int]:
    """The originals in each chunk of a day: some more than wanted, since a few may happen to be the same job."""
    full, rest = divmod(postings_per_day + postings_per_day // 50 + 2, ORIGINALS_PER_CHUNK)
    return [ORIGINALS_PER_CHUNK] * full + ([rest] if rest else [])


def _chunk_lines(seed: int, day: date, chunk: int, originals: int) -> bytes:
    """The postings of a chunk as JSON lines, in random order."""
    groups = _groups(seed, day, chunk, originals)
    order = _generator(seed, day, chunk, Fate.ORDER).permutation(sum(len(group["number"]) for group in groups))
    drawn = {name: np.concatenate([group[name] for group in groups])[order] for name in groups[0]}
    postings = pl.concat([_identities(drawn, chunk), render_postings(drawn)], how="horizontal")
    fault = pl.Series(drawn["fault"])
    for number, (column, value) in enumerate(_FAULTY_VALUES, 2):
        is_faulty = pl.lit(fault == number)
        postings = postings.with_columns(pl.when(is_faulty).then(value).otherwise(column).alias(column))
    lines = postings.select(pl.struct(pl.all()).struct.json_encode()).to_series()
    kept = (lines.str.len_chars() * drawn["cut"]).cast(pl.Int64) + 1
    lines = lines.str.slice(0, kept).zip_with(fault == _TRUNCATED, lines)
    return ("\n".join(lines) + "\n").encode()


def _generator(seed: int, day: date, chunk: int, purpose: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([seed, day.toordinal(), chunk, purpose]))


def _groups(seed: int, day: date, chunk: int, originals: int) -> list[Choices]:
    """The postings of a chunk: those new on the day by their fate, those of earlier days, and the faulty ones."""

    def share_of(first_day: date, fate: int, share: float) -> Choices:
        chance = _generator(seed, first_day, chunk, Fate.COUNT + fate).random()
        return _drawn(seed, chunk, first_day, fate, int(originals * share + chance))

    new, earlier = [], []
    for fate, delay, share in _RETURNING:
        new.append(share_of(day, fate + delay, share))
        returning = share_of(day - timedelta(delay), fate + delay, share)
        repeated = fate == Fate.REPEATED
        earlier.append(_on_second_board(returning, day, delay) if repeated else _with_higher_pay(returning))
    rest = originals - sum(len(group["number"]) for group in new)
    once = _drawn(seed, chunk, day, Fate.ONCE, max(0, rest))
    faulty = share_of(day, Fate.FAULTY, _FAULT_SHARE)
    # The kinds of faults take turns, so that a few days have them all.
    fault = (day.toordinal() * 3 + faulty["number"]) % (1 + len(_FAULTY_VALUES)) + 1
    return [once, *new, *earlier, {**faulty, "fault": fault}]


def _drawn(seed: int, chunk: int, day: date, fate: int, count: int) -> Choices:
    """A group of postings."""
    rng = _generator(seed, day, chunk, fate)
    drawn = draw_choices(rng, day, count)
    return {
        **drawn,
        "posted": _midnight(day - timedelta(1)) + drawn["posted"],
        "date": np.full(count, int(f"{day:%Y%m%d}")),
        "fate": np.full(count, int(fate)),
        "number": np.arange(count),
        "second_board": np.full(count, False),
        "fault": np.zeros(count, dtype=np.int64),
        "again": rng.random(count),
        "cut": rng.random(count) * _LONGEST_CUT,
    }


def _midnight(day: date) -> int:
    """The beginning of a day in seconds of Unix time."""
    return int(datetime.combine(day, time(), UTC).timestamp())


def _on_second_board(drawn: Choices, day: date, delay: int) -> Choices:
    """Postings as the second board lists them on `day`, that many days after the original."""
    start = drawn["posted"] if delay == 0 else _midnight(day - timedelta(1))
    later = ((_midnight(day) - 1 - start) * drawn["again"]).astype(np.int64)
    return {**drawn, "posted": start + later, "second_board": np.full(len(later), True)}


def _with_higher_pay(drawn: Choices) -> Choices:
    """Postings as they are seen again: with more pay, stated as a range."""
    more = {name: rounded(drawn[name] * _PAY_RISE) for name in ("pay_low", "pay_high")}
    return {**drawn, **more, "pay_form": np.full(len(drawn["number"]), int(Form.RANGE))}


def _identities(drawn: Choices, chunk: int) -> pl.DataFrame:
    """board, external_id, url and posted_at; the second board's addresses have tracking parameters."""
    identifier = pl.format("{}-{}-{}-{}", "date", pl.lit(chunk), "fate", "number")
    own_url = pl.format("https://jobs.sample.example/postings/{}", identifier)
    other_url = pl.format(
        "https://board.sample.example/jobs/b{}?utm_source=sample_feed&utm_medium=partner&gclid={}",
        identifier,
        (pl.col("again") * 1e9).cast(pl.Int64),
    )
    second = pl.when("second_board")
    columns = ("date", "fate", "number", "again", "second_board", "posted")
    return pl.DataFrame({name: drawn[name] for name in columns}).select(
        board=second.then(pl.lit(SECOND_BOARD)).otherwise(pl.lit(BOARD)),
        external_id=second.then("b" + identifier).otherwise("s" + identifier),
        url=second.then(other_url).otherwise(own_url),
        posted_at=pl.from_epoch("posted", time_unit="s").dt.to_string("%Y-%m-%dT%H:%M:%SZ"),
    )
