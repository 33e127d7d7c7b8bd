"""The counted postings: leaving out skills by weight keeps each posting with its own; where a window begins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.statistics.window import WINDOW_POSTING, Window, window_start

POSTINGS = st.lists(st.dictionaries(st.integers(0, 4), st.integers(0, 5)), max_size=8)
START = datetime(2026, 3, 1, tzinfo=UTC)


def window_of(postings: list[dict[int, int]]) -> Window:
    """Postings as weights by skill."""
    rows = [{"posting_id": number, "source": "s", "posted_at": START} for number in range(len(postings))]
    entries = [sorted(skills.items()) for skills in postings]
    return Window(
        postings=pl.DataFrame(rows, schema=WINDOW_POSTING),
        offsets=np.cumsum([0, *map(len, entries)], dtype=np.int64),
        codes=np.array([code for each in entries for code, _ in each], dtype=np.int32),
        skills=pl.DataFrame({"skill": list("ABCDE"), "category": ["x"] * 5}),
        weights=np.array([weight for each in entries for _, weight in each], dtype=np.uint8),
    )


@given(postings=POSTINGS, least=st.integers(1, 5))
def test_skills_below_a_weight_are_left_out(postings: list[dict[int, int]], least: int) -> None:
    wanted = window_of(postings).wanted(least)
    expected = [sorted(code for code, weight in skills.items() if weight >= least) for skills in postings]
    assert [codes.tolist() for codes in np.split(wanted.codes, wanted.offsets[1:-1])][: len(postings)] == expected
    assert wanted.rows.tolist() == [row for row, codes in enumerate(expected) for _ in codes]
    assert len(wanted) == len(postings)
    assert (wanted.offsets.dtype, wanted.codes.dtype) == (np.int64, np.int32)


@pytest.mark.parametrize(
    "as_of", [START, START + timedelta(hours=23, minutes=59, seconds=59, microseconds=999_999)]
)
def test_a_window_begins_at_midnight(as_of: datetime) -> None:
    assert window_start(as_of, 90) == datetime(2025, 12, 1, tzinfo=UTC)
    assert window_start(as_of, 0) == START
