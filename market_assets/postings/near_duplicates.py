"""Near duplicates: postings of one company and role, in one place, whose texts are nearly the same.

`near_groups` compares the sketches (see `near_keys`) of the postings that share a key. What one board says and the
other doesn't, as the place, a rank or the text, makes a pair doubtful: it needs more text in common, and no group
is joined by way of it with two places or two ranks. Where one employer has posted many texts for one role, only
pairs whose sketches begin alike are compared, so that the time does not grow with the square of their number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.postings.near_keys import HEADER, padded, shared_shares

#: The least share of the shorter text that the longer one contains.
MIN_SHARED = 0.65
#: The same where the place, a rank ('Senior') or a part of the company's name is known of one side only, or remote
#: work is offered in two places.
MIN_SHARED_IN_DOUBT = 0.85
#: Without texts, postings of one job were posted within this time.
MAX_APART = timedelta(days=30)

#: Up to this many distinct texts of one company and role, all pairs are compared.
MAX_ALL_PAIRS = 64
#: Beyond, the texts that share one of the first `BANDS` numbers of their sketches are sorted, and each is compared
#: with its next `NEIGHBOURS`.
BANDS, NEIGHBOURS = 12, 4

#: The sketches of about so many postings are in memory at a time, always of all of a near_key.
TOGETHER = 50_000

_HEADER_BYTES = 2 * len(HEADER)
_PLACE, _REMOTE, _RANKS, _COMPANY, _COMPANIES = slice(0, 3), 3, 4, 5, slice(5, 9)

Indices = npt.NDArray[np.int64]
Headers = npt.NDArray[np.int64]
Pairs = tuple[Indices, Indices]


def near_groups(postings: pl.DataFrame, sketches: Callable[[pl.Series], pl.DataFrame]) -> pl.Series:
    """Group near duplicates, also those that are only connected by way of others.

    Args:
        postings: posting_id, near_key, source, posted_at; all of each near_key, in the order of posted_at.
        sketches: gives posting_id and sketch of those of some postings that have one.

    Returns:
        near_group, Int64: a number that all postings of a group share, and no others; null for a posting without
        near_key or sketch, or whose near_key no other posting has.
    """
    shared = pl.col("near_key").is_not_null() & (pl.len().over("near_key") > 1)
    rows = postings.select("posting_id", "near_key", "source", "posted_at", row=pl.int_range(pl.len()))
    rows = rows.filter(shared).sort("near_key", maintain_order=True)
    groups = np.full(postings.height, -1)
    for start, end in _whole_keys(rows["near_key"].to_numpy()):
        part = rows[start:end]
        part = part.join(sketches(part["posting_id"]), on="posting_id", maintain_order="left")
        groups[part["row"].to_numpy()] = _grouped(part) + start
    return pl.Series("near_group", groups).set(pl.Series(groups < 0), None)


def _whole_keys(keys: Indices) -> Iterator[tuple[int, int]]:
    """Start and end of slices of about `TOGETHER` ascending keys, each with all that are the same."""
    ends = np.append(np.flatnonzero(keys[1:] != keys[:-1]) + 1, len(keys))
    cuts = ends[np.searchsorted(ends, np.arange(TOGETHER, len(keys), TOGETHER))]
    return pairwise(np.unique([0, *cuts, len(keys)]).tolist())


def _grouped(rows: pl.DataFrame) -> Indices:
    """For each posting of some near_keys, which are in order, a number of its group below that of postings."""
    # A text that several post is one node, a posting without text is a node of its own.
    has_text = pl.col("sketch").bin.size() > _HEADER_BYTES
    rows = rows.with_columns(own=pl.when(~has_text).then("row"))
    nodes = rows.select("near_key", "sketch", "own").unique().sort("near_key", "sketch", "own", nulls_last=False)
    nodes = nodes.with_row_index("node").cast({"node": pl.Int64})
    rows = rows.join(nodes, on=["near_key", "sketch", "own"], how="left", nulls_equal=True, maintain_order="left")
    of_nodes = _groups_of_nodes(nodes, _pairs_without_text(rows))
    groups: Indices = of_nodes[rows["node"].to_numpy()]
    return groups


def _pairs_without_text(rows: pl.DataFrame) -> Pairs:
    """Pairs of nodes of which one has no text: of one place and rank, or remote, posted at about the same time.

    The first posting of each board is the same job as the first of another board, the second as the second, and
    so on, since two postings of one board are two jobs.
    """
    header = pl.col("sketch").bin.head(_HEADER_BYTES)
    is_remote = pl.col("sketch").bin.slice(2 * _REMOTE, 1) == b"\1"
    anywhere = pl.when(is_remote).then(header.bin.tail(_HEADER_BYTES - 2 * _REMOTE)).otherwise(header)
    job = ["near_key", "anywhere", "nth"]
    numbered = rows.with_columns(
        anywhere=anywhere, nth=pl.int_range(pl.len()).over("near_key", header.alias("header"), "source")
    ).filter(pl.col("own").is_not_null().any().over(job))
    first_text = pl.col("own").is_null() & (pl.col("own").is_null().cum_sum().over(job) == 1)
    linked = (
        numbered.filter(pl.col("own").is_not_null() | first_text)
        .with_columns(first=pl.col("node").first().over(job), first_at=pl.col("posted_at").first().over(job))
        .filter(pl.col("posted_at") - pl.col("first_at") <= MAX_APART, pl.col("node") != pl.col("first"))
    )
    return linked["first"].to_numpy(), linked["node"].to_numpy()


def _groups_of_nodes(nodes: pl.DataFrame, linked: Pairs) -> Indices:
    """For each node, in the order of near_keys, the number of its group: its smallest node."""
    encoded = nodes["sketch"].to_list()
    headers = np.frombuffer(b"".join(sketch[:_HEADER_BYTES] for sketch in encoded), dtype="<u2")
    headers = headers.reshape(-1, len(HEADER)).astype(np.int64)
    rows = padded([sketch[_HEADER_BYTES:] for sketch in encoded])
    texts = np.flatnonzero(rows[:, 0] >= 0)
    one, other = (texts[side] for side in _candidates(nodes["near_key"].to_numpy()[texts], rows[texts]))
    compatible = _compatible(headers[one], headers[other])
    one, other = one[compatible], other[compatible]
    doubtful = (headers[one] != headers[other]).any(axis=1)
    shares = shared_shares(rows, one, other)
    same = shares >= np.where(doubtful, MIN_SHARED_IN_DOUBT, MIN_SHARED)
    certain = same & ~doubtful
    group = components(
        nodes.height, np.concatenate((one[certain], linked[0])), np.concatenate((other[certain], linked[1]))
    )
    doubtful &= same
    # The surest first.
    order = np.lexsort((other[doubtful], one[doubtful], -shares[doubtful]))
    return _joined(group, headers, one[doubtful][order], other[doubtful][order])


def _compatible(one: Headers, other: Headers) -> npt.NDArray[np.bool_]:
    """Whether nothing that is known of both sides is against one job."""
    common = one[..., _RANKS] & other[..., _RANKS]
    ranks = (common == one[..., _RANKS]) | (common == other[..., _RANKS])
    here, there = one[..., _PLACE], other[..., _PLACE]
    places = ((here == there) | (here == 0) | (there == 0)).all(axis=-1)
    remote = (one[..., _REMOTE] == 1) & (other[..., _REMOTE] == 1)
    answer: npt.NDArray[np.bool_] = (
        ranks & (places | remote) & (_begins_with(one, other) | _begins_with(other, one))
    )
    return answer


def _begins_with(one: Headers, other: Headers) -> npt.NDArray[np.bool_]:
    """Whether the company's name is that of the other, or begins with it ('Acme' and 'Acme Talent Team')."""
    answer: npt.NDArray[np.bool_] = (one[..., _COMPANIES] == other[..., _COMPANY, None]).any(axis=-1)
    return answer


def _merged(one: Headers, other: Headers) -> Headers:
    """All that is known of two groups; remote only where both are."""
    merged: Headers = np.maximum(one, other)
    merged[_REMOTE] = min(one[_REMOTE], other[_REMOTE])
    merged[_COMPANIES] = (one if _begins_with(one, other) else other)[_COMPANIES]
    return merged


def _joined(group: Indices, headers: Headers, one: Indices, other: Indices) -> Indices:
    """Groups joined by doubtful pairs, in their order, where all that is known of both groups is compatible."""
    known, parents = headers.copy(), group.copy()
    np.maximum.at(known, group, headers)
    np.minimum.at(known[:, _REMOTE], group, headers[:, _REMOTE])

    def root(node: int) -> int:
        while parents[node] != node:
            # Chains become half as long by each look.
            parents[node] = parents[parents[node]]
            node = parents[node]
        return node

    for here, there in zip(one.tolist(), other.tolist(), strict=True):
        first, second = sorted((root(here), root(there)))
        if first != second and _compatible(known[first], known[second]):
            parents[second] = first
            known[first] = _merged(known[first], known[second])
    return np.array([root(node) for node in range(len(parents))], dtype=np.int64)


def _candidates(keys: Indices, rows: npt.NDArray[np.int32]) -> Pairs:
    """The pairs to compare, each once. `keys` are in ascending order."""
    _, key, sizes = np.unique(keys, return_inverse=True, return_counts=True)
    many = sizes[key] > MAX_ALL_PAIRS
    few = np.flatnonzero(~many)
    pairs = [*_neighbours(few, key[few], MAX_ALL_PAIRS - 1), *_banded(np.flatnonzero(many), key, rows)]
    if not pairs:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    one, other = (np.concatenate(side) for side in zip(*pairs, strict=True))
    return np.divmod(np.unique(one * len(keys) + other), len(keys))


def _banded(many: Indices, key: Indices, rows: npt.NDArray[np.int32]) -> Iterator[Pairs]:
    """Pairs of texts, by index, that have one of the first `BANDS` numbers of their sketches in common."""
    numbers = rows[many, :BANDS]
    band = (key[many, None] << 16 | numbers).ravel()
    texts = np.repeat(many, BANDS)
    order = np.lexsort((texts, band))
    return _neighbours(texts[order], band[order], NEIGHBOURS)


def _neighbours(texts: Indices, bucket: Indices, reach: int) -> Iterator[Pairs]:
    """Pairs within a bucket, up to `reach` apart. The texts of a bucket must be adjacent."""
    for distance in range(1, reach + 1):
        same = bucket[:-distance] == bucket[distance:]
        if not same.any():
            return
        yield texts[:-distance][same], texts[distance:][same]


def components(count: int, one: Indices, other: Indices) -> Indices:
    """Connected components: for each of `count` nodes the smallest node of its component."""
    smallest = np.arange(count)
    while True:
        spread = smallest.copy()
        for from_side, to_side in ((one, other), (other, one)):
            np.minimum.at(spread, to_side, smallest[from_side])
        # The smallest node that the smallest one has found: chains become half as long in each round.
        spread = np.minimum(spread, spread[spread])
        if np.array_equal(spread, smallest):
            return spread
        smallest = spread
