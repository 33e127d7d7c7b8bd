"""How often two skills are asked for in the same posting."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.statistics.window import OtherPostingsError, Window

SKILL_PAIRS = pl.Schema({"skill_a": pl.String(), "skill_b": pl.String(), "co_occurrences": pl.Int64()})

#: Pairs made at a time (8 MiB of int64 for each of the three arrays that a block takes).
BLOCK_PAIRS = 1 << 20
#: Possible pairs that are counted in one pass over the postings, in a flat array (128 MiB of int32): those of
#: up to 5,792 skills in use. More skills take more passes, not more memory.
STRIP_CELLS = 1 << 25

Int64s = npt.NDArray[np.int64]


def skill_pairs(window: Window) -> pl.DataFrame:
    """Every pair of skills that occurs in a posting.

    Memory is bounded by the pairs that occur, never by the pairs of all postings together.

    Returns:
        Schema `SKILL_PAIRS`, by skill_a and skill_b, skill_a < skill_b by code point.
    """
    used = np.flatnonzero(postings_by_skill(window))
    compact = np.zeros(window.skills.height, dtype=np.int64)
    compact[used] = np.arange(len(used))
    pairs = len(used) ** 2
    strips = [
        _count(_blocks(window, compact, len(used)), first, min(first + STRIP_CELLS, pairs))
        for first in range(0, pairs, STRIP_CELLS)
    ]
    keys = np.concatenate([np.empty(0, dtype=np.int64), *(keys for keys, _ in strips)])
    counts = np.concatenate([np.empty(0, dtype=np.int64), *(counts for _, counts in strips)])
    names = window.skills["skill"].gather(used)
    a, b = np.divmod(keys, max(len(used), 1))
    return pl.DataFrame(
        {"skill_a": names.gather(a), "skill_b": names.gather(b), "co_occurrences": counts},
        schema=SKILL_PAIRS,
    )


def postings_by_skill(window: Window) -> Int64s:
    """For each skill of `window.skills`, how many postings have it."""
    return np.bincount(window.codes, minlength=window.skills.height)


def pair_codes(pairs: pl.DataFrame, window: Window) -> tuple[Int64s, Int64s]:
    """The positions in `window.skills` of both skills of each pair.

    Args:
        pairs: schema `SKILL_PAIRS`, whole.
        window: the counted postings.

    Raises:
        OtherPostingsError: `pairs` were not counted over `window`.
    """
    skills = pl.Enum(window.skills["skill"])
    columns = [pairs[name].cast(skills, strict=False).to_physical() for name in ("skill_a", "skill_b")]
    if any(column.null_count() for column in columns):
        raise OtherPostingsError("skill_pairs")
    a, b = (column.cast(pl.Int64).to_numpy() for column in columns)
    both, lengths = pairs["co_occurrences"].to_numpy(), np.diff(window.offsets)
    # A posting with n skills adds n - 1 to the sum of each of them.
    expected = np.bincount(window.codes, np.repeat(lengths - 1, lengths), window.skills.height)
    counted = np.bincount(a, both, window.skills.height) + np.bincount(b, both, window.skills.height)
    if not np.array_equal(counted, expected):
        raise OtherPostingsError("skill_pairs")
    return a, b


def _blocks(window: Window, compact: Int64s, size: int) -> Iterator[Int64s]:
    """All pairs of all postings as a · size + b with a < b, some at a time.

    Postings with the same number of skills are a rectangular table, whose pairs of columns are the pairs
    of skills; so the loop runs over distinct numbers of skills, not over postings.
    """
    lengths = np.diff(window.offsets)
    for length in np.unique(lengths[lengths > 1]):
        starts = window.offsets[:-1][lengths == length]
        left, right = np.triu_indices(length, 1)
        step = max(BLOCK_PAIRS // len(left), 1)
        for first in range(0, len(starts), step):
            entries = starts[first : first + step, None] + np.arange(length)
            skills = compact[window.codes[entries]]
            skills.sort(axis=1)
            columns = np.ascontiguousarray(skills.T)
            yield (columns[left] * size + columns[right]).ravel()


def _count(blocks: Iterator[Int64s], first: int, end: int) -> tuple[Int64s, Int64s]:
    """The pairs from `first` up to `end` that occur, ascending, and how often."""
    total = np.zeros(end - first, dtype=np.int32)
    for block in blocks:
        # A Python 1 would be an int64 and take NumPy off its fast path: thirty times slower.
        np.add.at(total, block[(block >= first) & (block < end)] - first, np.int32(1))
    found = np.flatnonzero(total)
    return found + first, total[found].astype(np.int64)
