"""Sketches equal those of plain loops, and estimate how much of a text is in another."""

from __future__ import annotations

import random

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.postings import near_keys as under_test
from market_assets.postings.near_keys import LENGTH, MAX_TEXT_LENGTH, RUN, padded, shared_shares, sketches

WORDS = st.sampled_from(["a", "ä", "c++", "日本", "engineer", "x1"])
TEXTS = st.lists(st.none() | st.lists(WORDS, max_size=30).map(" ".join), max_size=6)


def hash_of(run: str) -> int:
    """The 16 highest bits of the polynomial of a run's bytes, mixed as SplitMix64 ends."""
    value = sum(byte * pow(0x9E3779B97F4A7C15, place, 2**64) for place, byte in enumerate(run.encode())) % 2**64
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        value = (value ^ value >> shift) * factor % 2**64
    return (value ^ value >> 31) >> 48


def hashes_of(text: str) -> set[int]:
    words = text.split()
    return {hash_of(" ".join(words[place : place + RUN])) for place in range(len(words) - RUN + 1)}


def sketch_of(text: str | None) -> bytes:
    return np.array(sorted(hashes_of(text or ""))[:LENGTH], dtype="<u2").tobytes()


def prose(words: int, seed: int) -> str:
    draw = random.Random(seed)
    return " ".join(draw.choice("abcdefgh") + str(draw.randrange(2_000)) for _ in range(words))


def share(one: str, other: str) -> float:
    rows = padded(sketches(pl.Series([one, other])))
    there, back = (float(shared_shares(rows, *np.array(pair))[0]) for pair in ([[0], [1]], [[1], [0]]))
    assert there == back
    return there


@given(texts=TEXTS)
def test_sketches_are_those_of_plain_loops(texts: list[str | None]) -> None:
    assert sketches(pl.Series(texts, dtype=pl.String)) == [sketch_of(text) for text in texts]


@pytest.mark.parametrize(("size", "rows"), [(1, 0x10000), (50, 0x10000), (10**6, 3), (2_000, 2)])
def test_a_sketch_does_not_depend_on_what_is_hashed_with_it(
    monkeypatch: pytest.MonkeyPatch, size: int, rows: int
) -> None:
    texts = pl.Series([None, *(prose(20 * number, number) for number in range(20)), ""])
    expected = [sketch_of(text) for text in texts]
    monkeypatch.setattr(under_test, "_CHUNK_BYTES", size)
    monkeypatch.setattr(under_test, "_CHUNK_ROWS", rows)
    assert sketches(texts) == expected


def test_only_the_beginning_of_a_huge_text_is_read() -> None:
    text = prose(10_000, 1)
    assert len(text) > MAX_TEXT_LENGTH
    assert sketches(pl.Series([text])) == [sketch_of(text[:MAX_TEXT_LENGTH])]


@pytest.mark.parametrize("kept", [60, 150, 400])
def test_the_beginning_of_a_text_is_in_it(kept: int) -> None:
    words = prose(800, 2).split()
    assert share(" ".join(words), " ".join(words[:kept])) == 1.0


@pytest.mark.parametrize("shared", [0.0, 0.25, 0.5, 0.75])
@pytest.mark.parametrize("length", [100, 400, 1_500])
def test_the_share_is_nearly_that_of_the_words(shared: float, length: int) -> None:
    common = int(shared * length)
    one, other = (f"{prose(common, 3)} {prose(length - common, seed)}" for seed in (4, 5))
    assert abs(share(one, other) - shared) < 0.15


def test_nothing_is_shared_where_too_little_is_known() -> None:
    assert share("one two three four", "one two three four") == 0.0
    assert share("", "") == 0.0
    assert share(prose(100, 1), "") == 0.0
