"""A cache gives the same rows as parsing every text."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.postings import text_cache
from market_assets.postings.text_cache import MAX_TEXT_LENGTH, Row, TextCache, single_column_cache

SCHEMA = pl.Schema({"upper": pl.String(), "length": pl.Int64()})


class CountingCache:
    """A cache, and every text that it parsed."""

    def __init__(self) -> None:
        self.parsed: list[str] = []
        self.cache = TextCache(self._rows, SCHEMA)

    def frame(self, *texts: str | None) -> list[Row]:
        frame = self.cache.frame(pl.Series("text", texts, dtype=pl.String))
        assert frame.schema == SCHEMA
        return frame.rows()

    def _rows(self, texts: list[str]) -> Iterator[Row]:
        self.parsed += texts
        return ((text.upper(), len(text)) for text in texts)


def expected(*texts: str | None) -> list[Row]:
    return [(None, None) if text is None else (text.upper(), len(text)) for text in texts]


@given(st.lists(st.lists(st.none() | st.text(max_size=3), max_size=5), max_size=6))
def test_batches_are_parsed_as_without_a_cache(batches: list[list[str | None]]) -> None:
    counting = CountingCache()
    for batch in batches:
        assert counting.frame(*batch) == expected(*batch)
    assert sorted(counting.parsed) == sorted({text for batch in batches for text in batch if text is not None})


def test_a_column_keeps_its_name() -> None:
    found = CountingCache().cache.column(pl.Series("city", ["a", None]))
    assert (found.name, found.to_list()) == ("city", ["A", None])


def test_a_cache_of_one_column() -> None:
    cache = single_column_cache(lambda text: text.upper() if text else None, pl.String())
    assert cache.column(pl.Series(["b", "a", None, "b", ""])).to_list() == ["B", "A", None, "B", None]


def test_a_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_cache, "MAX_TEXTS", 3)
    counting = CountingCache()
    long = "x" * (MAX_TEXT_LENGTH + 1)
    batches = [("a", "b"), ("c", "d", "a"), ("e", "f", "g", "h", "i"), (long, "i"), (long,), ("a", "b")]
    for batch in batches:
        assert counting.frame(*batch) == expected(*batch)
        assert len(counting.cache._cached) <= 3
    assert counting.parsed.count(long) == 2
