"""Linking duplicates equals a plain search for groups, on few keys, many nulls and many ties."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from market_assets.postings.duplicates import CANDIDATE, SKETCH, link_duplicates
from market_assets_tests.store.brute_force import links

START = datetime(2026, 3, 1, tzinfo=UTC)
CANDIDATES = st.lists(
    st.fixed_dictionaries(
        {
            "source": st.sampled_from(["a", "b", "B"]),
            "external_id": st.sampled_from(["1", "2", "10", "é"]),
            "posted_at": st.integers(0, 2).map(lambda days: START + timedelta(days=days)),
            "url_key": st.none() | st.integers(0, 4),
            "job_key": st.none() | st.integers(0, 4),
            "in_store": st.booleans(),
        }
    ),
    max_size=12,
    unique_by=lambda row: (row["source"], row["external_id"]),
)


def candidates(*rows: dict[str, Any]) -> pl.DataFrame:
    plain = {"source": "a", "posted_at": START, "url_key": None, "job_key": None, "in_store": True}
    numbered = [
        {"posting_id": 2**62 - number, "external_id": str(number), **plain, **row}
        for number, row in enumerate(rows)
    ]
    return pl.DataFrame(numbered, schema=CANDIDATE)


def linked(frame: pl.DataFrame) -> dict[int, tuple[int | None, bool]]:
    links_found = link_duplicates(frame, lambda _ids: SKETCH.to_frame())
    return {number: (duplicate_of, first) for number, duplicate_of, first in links_found.iter_rows()}


def places(frame: pl.DataFrame) -> list[int | None]:
    """For each row the place of its original, None for an original."""
    originals, ids = linked(frame), frame["posting_id"].to_list()
    answer = []
    for number in ids:
        original = originals[number][0]
        answer.append(None if original is None else ids.index(original))
    return answer


@given(rows=CANDIDATES)
def test_links_are_those_of_a_plain_search(rows: list[dict[str, Any]]) -> None:
    frame = candidates(*rows)
    assert linked(frame) == links(list(frame.iter_rows(named=True)))


@given(rows=CANDIDATES, data=st.data())
def test_links_have_no_chains_and_no_order(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    frame = candidates(*rows)
    links_found = linked(frame)
    for duplicate_of, _ in links_found.values():
        assert duplicate_of is None or links_found[duplicate_of][0] is None
    shuffled = frame[data.draw(st.permutations(range(frame.height)))]
    assert linked(shuffled) == links_found


def test_the_earliest_is_the_original_then_the_smallest_source_and_id() -> None:
    late, early = {"posted_at": START + timedelta(microseconds=1)}, {"posted_at": START}
    assert places(candidates({"job_key": 1, **late}, {"job_key": 1, **early})) == [1, None]
    assert places(candidates({"job_key": 1, "source": "b"}, {"job_key": 1, "source": "a"})) == [1, None]
    assert places(candidates({"url_key": 1, "external_id": "2"}, {"url_key": 1, "external_id": "10"})) == [1, None]


def test_a_long_row_of_neighbours_is_one_job() -> None:
    """Each shares one key with the next alone: the job is found from end to end."""
    rows = [{"url_key": number // 2, "job_key": (number + 1) // 2} for number in range(200)]
    rows[-1] |= {"posted_at": START - timedelta(days=1)}
    assert places(candidates(*rows)) == [199] * 199 + [None]


def test_a_number_of_one_key_is_no_number_of_the_other() -> None:
    assert places(candidates({"url_key": 1}, {"job_key": 1})) == [None, None]
    assert places(candidates({}, {}, {})) == [None, None, None]


def test_the_next_oldest_stands_in_for_an_original_that_left() -> None:
    rows = [
        {"job_key": 1, "in_store": False},
        {"job_key": 1, "posted_at": START + timedelta(days=2)},
        {"job_key": 1, "posted_at": START + timedelta(days=1)},
    ]
    frame = candidates(*rows)
    assert places(frame) == [2, 2, None]
    assert [linked(frame)[number][1] for number in frame["posting_id"]] == [True, False, False]
    assert places(candidates(*({**row, "in_store": False} for row in rows))) == [None, 0, 0]


def test_nothing_linked_is_nothing() -> None:
    answer = link_duplicates(CANDIDATE.to_frame(), lambda _ids: SKETCH.to_frame())
    assert answer.is_empty()
    assert answer.schema == {
        "posting_id": pl.Int64(),
        "duplicate_of": pl.Int64(),
        "first_of_job": pl.Boolean(),
    }
