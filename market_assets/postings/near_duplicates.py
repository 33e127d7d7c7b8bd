"""Which postings of one company, role and place have nearly the same text.

Every two are compared where there are few. Where one employer has posted many texts for one role and place, only
those whose sketches begin alike are, so that the time does not grow with the square of their number. Either way
the answer depends on the set of postings alone: all postings of a `near_key` give the same groups in any order.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.postings.sketches import padded, shared_shares

#: The share of the shorter text that must be in the longer one.
SAME_TEXT = 0.65
#: The same, where one of both titles states a rank ('Senior') that the other doesn't.
SAME_TEXT_OF_ANY_RANK = 0.9

#: So many different texts of one company, role and place are all compared with each other.
ALL_COMPARED = 64
#: Beyond, those that share one of so many first numbers of their sketches are compared with so many of their next.
BANDS, NEIGHBOURS = 12, 4

Places = npt.NDArray[np.int64]
Pairs = tuple[Places, Places]


def near_groups(postings: pl.DataFrame) -> pl.Series:
    """A number for each group of near duplicates, the same for all of its postings; null for those without any.

    Args:
        postings: near_key, sketch; every posting of each near_key.
    """
    known = pl.col("near_key").is_not_null() & pl.col("sketch").is_not_null()
    numbered = postings.select("near_key", "sketch", pl.int_range(pl.len()).alias("row")).filter(
        known & (pl.len().over("near_key") > 1)
    )
    texts = numbered.select("near_key", "sketch").unique().sort("near_key", "sketch").with_row_index("text")
    group = _joined(texts.height, *_same(texts))
    of_text = texts.with_columns(group=pl.Series(group, dtype=pl.Int64))
    grouped = numbered.join(of_text, on=["near_key", "sketch"], how="left", maintain_order="left")
    groups = pl.repeat(None, postings.height, dtype=pl.Int64, eager=True).alias("near_group")
    return groups.scatter(grouped["row"], grouped["group"]) if grouped.height else groups


def _same(texts: pl.DataFrame) -> Pairs:
    """The pairs of texts (by their places) that are one job: nearly the same, and not of two ranks."""
    encoded = texts["sketch"].to_list()
    ranks = np.array([int.from_bytes(sketch[:2], "little") for sketch in encoded], dtype=np.int64)
    rows = padded([sketch[2:] for sketch in encoded])
    one, other = _candidates(texts["near_key"].to_numpy(), rows)
    common = ranks[one] & ranks[other]
    compatible = (common == ranks[one]) | (common == ranks[other])
    one, other = one[compatible], other[compatible]
    least = np.where(ranks[one] == ranks[other], SAME_TEXT, SAME_TEXT_OF_ANY_RANK)
    same = shared_shares(rows, one, other) >= least
    return one[same], other[same]


def _candidates(keys: Places, rows: npt.NDArray[np.int32]) -> Pairs:
    """The pairs to compare, each once. `keys` are in ascending order."""
    _, key, sizes = np.unique(keys, return_inverse=True, return_counts=True)
    many = sizes[key] > ALL_COMPARED
    few = np.flatnonzero(~many)
    pairs = [*_neighbours(few, key[few], ALL_COMPARED - 1), *_banded(np.flatnonzero(many), key, rows)]
    if not pairs:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    one, other = (np.concatenate(places) for places in zip(*pairs, strict=True))
    return np.divmod(np.unique(one * len(keys) + other), len(keys))


def _banded(many: Places, key: Places, rows: npt.NDArray[np.int32]) -> Iterator[Pairs]:
    """Near ones of those that share one of the first numbers of their sketches."""
    numbers = rows[many, :BANDS]
    band = (key[many, None] << 16 | numbers).ravel()
    places = np.repeat(many, BANDS)
    order = np.lexsort((places, band))
    return _neighbours(places[order], band[order], NEIGHBOURS)


def _neighbours(places: Places, bucket: Places, reach: int) -> Iterator[Pairs]:
    """Places that are in one bucket, up to `reach` apart; those of a bucket follow each other."""
    for distance in range(1, reach + 1):
        same = bucket[:-distance] == bucket[distance:]
        if not same.any():
            return
        yield places[:-distance][same], places[distance:][same]


def _joined(count: int, one: Places, other: Places) -> Places:
    """The smallest place of those that each is connected with, near or far."""
    root = list(range(count))

    def root_of(place: int) -> int:
        while root[place] != place:
            root[place] = root[root[place]]
            place = root[place]
        return place

    for a, b in zip(one.tolist(), other.tolist(), strict=True):
        smaller, larger = sorted((root_of(a), root_of(b)))
        root[larger] = smaller
    return np.array([root_of(place) for place in range(count)], dtype=np.int64)
