"""A text as a handful of numbers, by which it is told how much of one text is in another.

A sketch holds the smallest of the hashes of all runs of `RUN` words, as 16-bit numbers in ascending order
(bottom-k MinHash). Unlike MinHash by many hash functions, it also says how much of a short text is in a long one,
as where a board shows only the beginning.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

#: Words that are hashed together.
RUN = 3

#: Numbers in the sketch of a long text.
LENGTH = 160

#: Characters of a text that are read; more would fill the 16-bit numbers, so that any two texts share some.
LONGEST_READ = 20_000

#: Fewer numbers in common ground say nothing.
LEAST_COMPARED = 6

_CHUNK_BYTES = 500_000
_CHUNK_ROWS = 0x10000
_SPACE = 32
_LARGEST = 0xFFFF
#: Odd, so that multiplying by it can be undone.
_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 2**64)

Numbers = npt.NDArray[np.int32]
Wide = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]


def sketches(texts: pl.Series) -> list[bytes]:
    """The sketch of each text: at most `LENGTH` little-endian 16-bit numbers, none for null.

    Args:
        texts: words with one space between them.
    """
    read = texts.fill_null("").str.slice(0, LONGEST_READ) + " "
    found: list[bytes] = []
    for start, end in _chunks(read):
        found += _sketches(read[start:end])
    return found


def padded(encoded: list[bytes]) -> Numbers:
    """Sketches as rows of `LENGTH` numbers, filled up with -1."""
    rows = np.full((len(encoded), LENGTH), -1, dtype=np.int32)
    for row, numbers in zip(rows, encoded, strict=True):
        row[: len(numbers) // 2] = np.frombuffer(numbers, dtype="<u2")
    return rows


def shared_shares(rows: Numbers, one: Places, other: Places) -> npt.NDArray[np.float64]:
    """For each pair of rows, the share of the shorter text that is in the longer one; 0 where too little is known.

    A full sketch knows nothing of hashes above its largest, so only those below the smaller of both largest count.
    """
    shares = np.zeros(len(one))
    for start in range(0, len(one), 10_000):
        part = slice(start, start + 10_000)
        shares[part] = _shares(rows[one[part]], rows[other[part]])
    return shares


def _shares(one: Numbers, other: Numbers) -> npt.NDArray[np.float64]:
    ground = np.minimum(_known_up_to(one), _known_up_to(other))[:, None]
    smaller = np.minimum(*(((rows >= 0) & (rows <= ground)).sum(axis=1) for rows in (one, other)))
    # Fillers of both sides must not equal each other.
    both = np.sort(np.concatenate([one, np.where(other < 0, -2, other)], axis=1), axis=1)
    shared = ((both[:, 1:] == both[:, :-1]) & (both[:, 1:] >= 0)).sum(axis=1)
    shares: npt.NDArray[np.float64] = np.where(smaller >= LEAST_COMPARED, shared / np.maximum(smaller, 1), 0.0)
    return shares


def _known_up_to(rows: Numbers) -> Numbers:
    known: Numbers = np.where(rows[:, -1] < 0, _LARGEST, rows[:, -1])
    return known


def _chunks(texts: pl.Series) -> Iterator[tuple[int, int]]:
    """Rows of some `_CHUNK_BYTES` together, few enough to be numbered in 16 bits, from start to end."""
    ends = texts.str.len_bytes().cast(pl.Int64).cum_sum()
    start = 0
    while start < len(texts):
        read = int(ends[start - 1]) if start else 0
        end = int(ends.search_sorted(read + _CHUNK_BYTES, side="right"))
        end = min(max(end, start + 1), start + _CHUNK_ROWS)
        yield start, end
        start = end


def _sketches(texts: pl.Series) -> list[bytes]:
    numbers = np.sort(_hashed_runs(texts))
    numbers = numbers[np.concatenate(([True], numbers[1:] != numbers[:-1]))] if len(numbers) else numbers
    starts = np.searchsorted(numbers, np.arange(len(texts), dtype=np.uint32) << 16).tolist()
    values = numbers.astype("<u2").tobytes()
    ends = [*starts[1:], len(numbers)]
    return [values[2 * a : 2 * min(b, a + LENGTH)] for a, b in zip(starts, ends, strict=True)]


def _hashed_runs(texts: pl.Series) -> npt.NDArray[np.uint32]:
    """The 16 highest bits of the hashes of all runs of words, below the numbers of their rows.

    A run's hash is that of its bytes as a polynomial, taken from a running sum over all bytes.
    """
    content = np.frombuffer("".join(texts).encode(), dtype=np.uint8)
    powers, inverses = _powers(1 << len(content).bit_length())
    ends = np.flatnonzero(content == _SPACE)
    starts = np.concatenate(([0], ends[:-1] + 1))
    words = np.diff(np.searchsorted(ends, texts.str.len_bytes().cum_sum().to_numpy()), prepend=0)
    row_of_word = np.repeat(np.arange(len(texts), dtype=np.uint32), words)
    whole = row_of_word[: 1 - RUN] == row_of_word[RUN - 1 :]
    first = starts[: 1 - RUN][whole]
    sums = np.concatenate((np.zeros(1, np.uint64), np.cumsum(content * powers[: len(content)], dtype=np.uint64)))
    hashes = _mixed((sums[ends[RUN - 1 :][whole]] - sums[first]) * inverses[first])
    numbers: npt.NDArray[np.uint32] = row_of_word[: 1 - RUN][whole] << 16
    return numbers | (hashes >> np.uint64(48)).astype(np.uint32)


@lru_cache(2)
def _powers(length: int) -> tuple[Wide, Wide]:
    return _powers_of(_BASE, length), _powers_of(_INVERSE, length)


def _powers_of(base: int, length: int) -> Wide:
    powers = np.full(length, base, dtype=np.uint64)
    powers[0] = 1
    found: Wide = np.cumprod(powers, dtype=np.uint64)
    return found


def _mixed(hashes: Wide) -> Wide:
    """SplitMix64's last steps: every bit of the input changes every bit of the output."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        hashes = (hashes ^ (hashes >> np.uint64(shift))) * np.uint64(factor)
    return hashes ^ (hashes >> np.uint64(31))
