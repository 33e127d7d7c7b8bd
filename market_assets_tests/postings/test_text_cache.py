from collections.abc import Iterator

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.postings import text_cache as remembered
from market_assets.postings.text_cache import LONGEST_REMEMBERED, Remembered, Row

SCHEMA = pl.Schema({"upper": pl.String(), "length": pl.Int64()})


class Reader:
    """Reads texts, and keeps a record of each that it was asked for."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.remembered = Remembered(self._rows, SCHEMA)

    def frame(self, *texts: str | None) -> list[Row]:
        frame = self.remembered.frame(pl.Series("text", texts, dtype=pl.String))
        assert frame.schema == SCHEMA
        return frame.rows()

    def _rows(self, texts: list[str]) -> Iterator[Row]:
        self.read += texts
        return ((text.upper(), len(text)) for text in texts)


def expected(*texts: str | None) -> list[Row]:
    return [(None, None) if text is None else (text.upper(), len(text)) for text in texts]


@given(st.lists(st.lists(st.none() | st.text(max_size=3), max_size=5), max_size=6))
def test_batches_are_read_as_if_nothing_was_remembered(batches: list[list[str | None]]) -> None:
    reader = Reader()
    for batch in batches:
        assert reader.frame(*batch) == expected(*batch)
    assert sorted(reader.read) == sorted({text for batch in batches for text in batch if text is not None})


def test_a_column_keeps_its_name() -> None:
    found = Reader().remembered.column(pl.Series("city", ["a", None]))
    assert (found.name, found.to_list()) == ("city", ["A", None])


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST_REMEMBERED", 3)
    reader = Reader()
    long = "x" * (LONGEST_REMEMBERED + 1)
    batches = [("a", "b"), ("c", "d", "a"), ("e", "f", "g", "h", "i"), (long, "i"), (long,), ("a", "b")]
    for batch in batches:
        assert reader.frame(*batch) == expected(*batch)
        assert len(reader.remembered._known) <= 3
    assert reader.read.count(long) == 2
