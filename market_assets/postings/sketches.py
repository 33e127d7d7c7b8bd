"""Sketches of texts, from which the share of one text that is contained in another is estimated.

A sketch holds the smallest of the 16-bit hashes of all runs of `RUN` words, in ascending order (bottom-k MinHash:
Broder, "On the resemblance and containment of documents", 1997). Unlike MinHash with many hash functions, it also
gives the containment of a short text in a long one, as where a board shows only the beginning.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

#: Words that are hashed together.
RUN = 3

#: Sketches in the sketch of a long text.
LENGTH = 160

#: Characters of a text that are hashed; more would fill the range of 16 bits, so that any two texts share hashes.
MAX_TEXT_LENGTH = 20_000

#: Two sketches with fewer comparable numbers share nothing.
MIN_COMPARED = 6

_CHUNK_BYTES = 500_000
_CHUNK_ROWS = 0x10000
_SPACE = 32
_LARGEST = 0xFFFF
#: Odd, so that it has an inverse modulo 2**64.
_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 2**64)

Sketches = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.uint64]
Indices = npt.NDArray[np.int64]


def sketches(texts: pl.Series) -> list[bytes]:
    """The sketch of each text: at most `LENGTH` little-endian 16-bit numbers; no bytes for null.

    Args:
        texts: String; words divided by single spaces.
    """
    read = texts.fill_null("").str.slice(0, MAX_TEXT_LENGTH) + " "
    found: list[bytes] = []
    for start, end in _chunks(read):
        found += _sketches(read[start:end])
    return found


def padded(encoded: list[bytes]) -> Sketches:
    """Sketches as an array of shape (sketches, `LENGTH`), padded with -1."""
    rows = np.full((len(encoded), LENGTH), -1, dtype=np.int32)
    for row, numbers in zip(rows, encoded, strict=True):
        row[: len(numbers) // 2] = np.frombuffer(numbers, dtype="<u2")
    return rows


def shared_shares(rows: Sketches, one: Indices, other: Indices) -> npt.NDArray[np.float64]:
    """For each pair of sketches, the share of the shorter text that is contained in the longer one.

    A full sketch has no information on hashes above its largest, so only those up to the smaller of both largest
    hashes are compared.

    Args:
        rows: padded sketches.
        one, other: the rows of each pair.

    Returns:
        Shape (pairs,), 0 to 1; 0 where fewer than `MIN_COMPARED` hashes can be compared.
    """
    shares = np.zeros(len(one))
    for start in range(0, len(one), 10_000):
        part = slice(start, start + 10_000)
        shares[part] = _shares(rows[one[part]], rows[other[part]])
    return shares


def _shares(one: Sketches, other: Sketches) -> npt.NDArray[np.float64]:
    limit = np.minimum(*(np.where(rows[:, -1] < 0, _LARGEST, rows[:, -1]) for rows in (one, other)))[:, None]
    smaller = np.minimum(*(((rows >= 0) & (rows <= limit)).sum(axis=1) for rows in (one, other)))
    # The padding of both sides must differ.
    both = np.sort(np.concatenate([one, np.where(other < 0, -2, other)], axis=1), axis=1)
    shared = ((both[:, 1:] == both[:, :-1]) & (both[:, 1:] >= 0)).sum(axis=1)
    shares: npt.NDArray[np.float64] = np.where(smaller >= MIN_COMPARED, shared / np.maximum(smaller, 1), 0.0)
    return shares


def _chunks(texts: pl.Series) -> Iterator[tuple[int, int]]:
    """Start and end of slices of about `_CHUNK_BYTES`, each of few enough rows to be numbered in 16 bits."""
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
    """The hashes of all runs of words: the row in the upper 16 bits, the highest 16 bits of the hash in the lower.

    The hash is a polynomial in the run's bytes, computed from prefix sums over all bytes, and then mixed.
    """
    content = np.frombuffer("".join(texts).encode(), dtype=np.uint8)
    length = 1 << len(content).bit_length()
    powers, inverses = _powers(_BASE, length), _powers(_INVERSE, length)
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


@lru_cache(4)
def _powers(base: int, length: int) -> Hashes:
    powers = np.full(length, base, dtype=np.uint64)
    powers[0] = 1
    powers_of_base: Hashes = np.cumprod(powers, dtype=np.uint64)
    return powers_of_base


def _mixed(hashes: Hashes) -> Hashes:
    """The finaliser of SplitMix64 (Steele et al., 2014): every input bit affects every output bit."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        hashes = (hashes ^ (hashes >> np.uint64(shift))) * np.uint64(factor)
    return hashes ^ (hashes >> np.uint64(31))
