"""The counted postings: cutting out a window keeps each posting with its own skills."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.statistics.window import WINDOW_POSTING, Window, window_start

START = datetime(2026, 3, 1, tzinfo=UTC)
POSTINGS = st.lists(st.tuples(st.integers(0, 5), st.sets(st.integers(0, 4))), max_size=8)


def window_of(postings: list[tuple[int, set[int]]]) -> Window:
    rows = [
        {"posting_id": number, "source": "s", "posted_at": START + timedelta(days=day)}
        for number, (day, _) in enumerate(postings)
    ]
    codes = [sorted(skills) for _, skills in postings]
    return Window(
        postings=pl.DataFrame(rows, schema=WINDOW_POSTING),
        offsets=np.cumsum([0, *map(len, codes)], dtype=np.int64),
        codes=np.array([code for each in codes for code in each], dtype=np.int32),
        skills=pl.DataFrame({"skill": list("ABCDE"), "category": ["x"] * 5}),
    )


def skills_of(counted: Window) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {number: [] for number in counted.postings["posting_id"]}
    numbers = counted.postings["posting_id"].to_list()
    for row, code in zip(counted.rows.tolist(), counted.codes.tolist(), strict=True):
        found[numbers[row]].append(code)
    return found


@settings(max_examples=100, deadline=None)
@given(postings=POSTINGS, days=st.tuples(st.integers(0, 5), st.integers(0, 5)))
def test_a_window_holds_its_postings_with_their_skills(
    postings: list[tuple[int, set[int]]], days: tuple[int, int]
) -> None:
    first, last = days
    cut = window_of(postings).between(START + timedelta(days=first), START + timedelta(days=last))
    expected = {n: sorted(skills) for n, (day, skills) in enumerate(postings) if first <= day <= last}
    assert skills_of(cut) == expected
    assert len(cut) == len(expected)
    assert cut.offsets.tolist() == [0, *np.cumsum([len(skills) for skills in expected.values()]).tolist()]
    assert (cut.offsets.dtype, cut.codes.dtype) == (np.int64, np.int32)


def test_the_edges_of_a_window_count() -> None:
    counted, instant = window_of([(0, {1}), (1, {2})]), timedelta(microseconds=1)
    end = START + timedelta(days=1)
    assert len(counted.between(START, end)) == 2
    assert skills_of(counted.between(START + instant, end)) == {1: [2]}
    assert skills_of(counted.between(START, end - instant)) == {0: [1]}


@pytest.mark.parametrize(
    "as_of", [START, START + timedelta(hours=23, minutes=59, seconds=59, microseconds=999_999)]
)
def test_a_window_begins_at_midnight(as_of: datetime) -> None:
    assert window_start(as_of, 90) == datetime(2025, 12, 1, tzinfo=UTC)
    assert window_start(as_of, 0) == START
