"""Records of any texts: each is normalised as if it were alone, and none raises an error."""

from __future__ import annotations

import pickle
from collections import Counter

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from market_assets.postings.normalise import NormalisedBatch, normalise, without_payloads
from market_assets.postings.schemas import (
    EMPLOYMENT_TYPES,
    NORMALISED_POSTING,
    RAW_POSTING,
    REJECTED_POSTING,
    SALARY_PERIODS,
    WORKPLACES,
)
from market_assets_tests.postings.raw_records import OBSERVED_AT, normalised

TEXTS = st.one_of(
    st.none(),
    st.text(),
    st.text(alphabet='<>&;#x0\0[]"\\(),/-|: 12dpm€'),
    st.sampled_from(
        [
            "-1",
            "<p>&lt;b&gt;x</p>",
            "&#0;",
            '["\\ud800"]',
            "1e400",
            "-5",
            "9" * 400,
            "2026-07-18",
            "remote",
            "€ 5k",
        ]
    ),
)
RECORDS = st.lists(st.fixed_dictionaries(dict.fromkeys(RAW_POSTING, TEXTS)), max_size=3)


@given(RECORDS)
def test_a_batch_is_what_its_records_are_one_by_one(records: list[dict[str, str | None]]) -> None:
    """Nothing of a record depends on the others, whatever is worked out once for all of them."""
    whole = normalised(*records)
    alone = [normalised(record) for record in records]
    nulled: Counter[str] = Counter()
    for each in alone:
        nulled.update(each.nulled)
    assert whole.postings.equals(pl.concat([NORMALISED_POSTING.to_frame(), *(each.postings for each in alone)]))
    assert whole.rejected.equals(pl.concat([REJECTED_POSTING.to_frame(), *(each.rejected for each in alone)]))
    assert whole.nulled == dict(sorted(nulled.items()))
    assert_believable(whole, len(records))


@given(RECORDS)
def test_payloads_that_are_left_out_are_those_of_accepted_records(records: list[dict[str, str | None]]) -> None:
    raw = pl.DataFrame([dict.fromkeys(RAW_POSTING, "large") | {"payload": "x" * 1_000_001}, *records], RAW_POSTING)
    whole, lighter = (
        normalise(frame, source="board", observed_at=OBSERVED_AT) for frame in (raw, without_payloads(raw))
    )
    assert lighter.postings.equals(whole.postings)
    assert lighter.rejected.equals(whole.rejected)
    assert lighter.rejected.height >= 1


def test_most_payloads_are_left_out() -> None:
    raw = pl.DataFrame({"title": ["Cook", " n/a", "<br>", None], "payload": ["1", "2", "3", "4"]})
    assert without_payloads(raw)["payload"].to_list() == [None, "2", "3", "4"]
    large = pl.DataFrame({"title": ["Cook"] * 9 + [None], "payload": ["x" * 10_000] * 10})
    assert len(pickle.dumps(without_payloads(large))) < 20_000, "nothing of the others is sent to other processes"


def assert_believable(result: NormalisedBatch, records: int) -> None:
    """Every value of what was normalised is one that its column may have."""
    assert all(0 < count <= 4 * records for count in result.nulled.values())
    for frame in (result.postings, result.rejected):
        for text in (text for column in frame.select(pl.col(pl.String)) for text in column.drop_nulls()):
            assert "\0" not in text
            text.encode()
    for posting in result.postings.rows(named=True):
        assert posting["title"]
        assert posting["text_hash"] >= 0
        assert 0 < len(posting["external_id"]) <= 300
        assert posting["workplace"] in (None, *WORKPLACES)
        assert posting["employment_type"] in (None, *EMPLOYMENT_TYPES)
        assert posting["salary_period"] in (None, *SALARY_PERIODS)
        assert all(posting[name] is None or 0 < posting[name] < 1e12 for name in ("salary_min", "salary_max"))
        assert (posting["salary_min"] or 0) <= (posting["salary_max"] or 1e12)
        assert posting["stated_posted_at"] is None or posting["stated_posted_at"] <= OBSERVED_AT
