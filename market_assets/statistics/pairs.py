"""How often two skills, or skills of two categories, are asked for in the same posting."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.statistics.groups import crosstab
from market_assets.statistics.tables import CATEGORY_RELATIONSHIPS, SKILL_PAIRS
from market_assets.statistics.window import OtherPostingsError, Window, coded

#: Pairs in a block, whose arrays stay in the processor's cache.
BLOCK_PAIRS = 1 << 18
#: Possible pairs counted in one pass over the postings, in a flat array (128 MiB of int32): those of up to 5,792
#: skills. More skills take more passes, not more memory.
STRIP_CELLS = 1 << 25
#: Cells of a block of the matrix of postings and categories (4 MiB of booleans).
BLOCK_CELLS = 1 << 22

Int64s = npt.NDArray[np.int64]


def skill_pairs(window: Window) -> pl.DataFrame:
    """Every pair of skills that occurs in a posting.

    Memory is bounded by `STRIP_CELLS` and the pairs that occur, not by the pairs of all postings together.

    Returns:
        Schema `SKILL_PAIRS`, by skill_a and skill_b, skill_a < skill_b by code point.
    """
    used = np.flatnonzero(window.postings_by_skill)
    compact = np.zeros(window.skills.height, dtype=np.int64)
    compact[used] = np.arange(len(used))
    pairs = len(used) ** 2
    strips = [
        _count(_blocks(window, compact, len(used)), first, min(first + STRIP_CELLS, pairs), pairs)
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


def category_relationships(window: Window) -> pl.DataFrame:
    """How many postings have skills of both of two categories.

    Returns:
        Schema `CATEGORY_RELATIONSHIPS`, by category_a and category_b, category_a < category_b by code point,
        for pairs that occur. A posting counts once, however many skills it has of the two.
    """
    category, names = coded(window.skills["category"])
    together = np.zeros((len(names), len(names)), dtype=np.int64)
    step = max(BLOCK_CELLS // max(len(names), 1) // 64, 1) * 64
    for start in range(0, len(window), step):
        offsets = window.offsets[start : start + step + 1]
        codes = category[window.codes[offsets[0] : offsets[-1]]]
        places = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        holds = np.zeros((len(names), step), dtype=bool)
        holds[codes[codes >= 0], places[codes >= 0]] = True
        # A bit a posting: of two categories, those that both have are counted 64 at a time.
        bits = np.packbits(holds, axis=1).view(np.uint64)
        for place, its_bits in enumerate(bits):
            together[place] += np.bitwise_count(bits & its_bits).sum(axis=1, dtype=np.int64)
    a, b = np.nonzero(np.triu(together, 1))
    return pl.DataFrame(
        {"category_a": names.gather(a), "category_b": names.gather(b), "co_occurrences": together[a, b]},
        schema=CATEGORY_RELATIONSHIPS,
    )


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
    both, lengths = pairs["co_occurrences"].to_numpy(), window.sizes.astype(np.int16)
    most = int(lengths.max(initial=0))
    # A posting with n skills adds n - 1 to the sum of each of them.
    by_length = crosstab(np.repeat(lengths, lengths), window.codes, most + 1, window.skills.height)
    expected = (np.arange(most + 1) - 1) @ by_length
    counted = np.bincount(a, both, window.skills.height) + np.bincount(b, both, window.skills.height)
    if not np.array_equal(counted, expected):
        raise OtherPostingsError("skill_pairs")
    return a, b


def _blocks(window: Window, compact: Int64s, size: int) -> Iterator[Int64s]:
    """All pairs of all postings as a · size + b with a < b, in blocks.

    Postings with the same number of skills form a matrix, whose pairs of columns are the pairs of skills; so
    the loop runs over distinct numbers of skills, not over postings.
    """
    lengths = window.sizes
    for length in np.unique(lengths[lengths > 1]):
        starts = window.offsets[:-1][lengths == length]
        step = max(BLOCK_PAIRS // int(length * (length - 1) // 2), 1)
        for first in range(0, len(starts), step):
            entries = starts[first : first + step, None] + np.arange(length)
            skills = compact[window.codes[entries]]
            skills.sort(axis=1)
            columns = np.ascontiguousarray(skills.T)
            for place, column in enumerate(columns * size):
                yield (column + columns[place + 1 :]).ravel()


def _count(blocks: Iterator[Int64s], first: int, end: int, pairs: int) -> tuple[Int64s, Int64s]:
    """The pairs from `first` to before `end`, of so many, that occur, ascending, and how often."""
    total = np.zeros(end - first, dtype=np.int32)
    for block in blocks:
        inside = block if len(total) == pairs else block[(block >= first) & (block < end)] - first
        # With a Python 1, which is an int64, NumPy leaves its fast path: thirty times slower.
        np.add.at(total, inside, np.int32(1))
    found = np.flatnonzero(total)
    return found + first, total[found].astype(np.int64)
