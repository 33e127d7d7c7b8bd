"""Merging sightings: whatever the order, content is the newest partition's and first sight the oldest's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from market_assets.postings.identity import IDENTITY
from market_assets.postings.ingest import CONTENT, SIGHTING, merge_sightings
from market_assets.postings.salaries.currencies import EXCHANGE_RATE
from market_assets.postings.schemas import NORMALISED_POSTING, UTC_DATETIME

INCOMING = pl.Schema(
    {
        **{name: NORMALISED_POSTING[name] for name in (*IDENTITY, *CONTENT)},
        "further": pl.String(),
    }
)
KNOWN = pl.Schema(
    {
        "posting_id": pl.Int64(),
        **{name: dtype for name, dtype in INCOMING.items() if name != "further"},
        **SIGHTING,
    }
)
FIRST = date(2026, 3, 1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
#: The euro is worth as many dollars as the day of March, so that each rate identifies its day.
RATES = pl.DataFrame(
    [(FIRST + timedelta(days=number), "EUR", number + 1.0) for number in range(20)], EXCHANGE_RATE, orient="row"
)

Sighting = tuple[int, dict[str, Any]]
SIGHTINGS = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.fixed_dictionaries(
            {
                "location": st.sampled_from([None, "Berlin, DE", "Paris, FR"]),
                "salary_min": st.sampled_from([None, 40_000.0]),
                "salary_max": st.sampled_from([None, 60_000.0]),
                "pay_quality": st.sampled_from([None, "from_text"]),
                "stated_posted_at": st.none() | st.integers(-9, 14).map(lambda days: NOON + timedelta(days=days)),
                "text_hash": st.integers(1, 3),
                "job_key": st.none() | st.integers(1, 3),
            }
        ),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda sighting: sighting[0],
)


def day_of(number: int) -> date:
    return FIRST + timedelta(days=number)


def observed(number: int) -> datetime:
    return datetime(2026, 3, 1 + number, 2, 30, tzinfo=UTC)


def incoming(*postings: dict[str, Any]) -> pl.DataFrame:
    stated = {"source": "s", "external_id": "x", "salary_currency": "EUR", "salary_period": "yearly"}
    return pl.DataFrame([{**stated, **posting} for posting in postings], schema=INCOMING)


def merge(rows: pl.DataFrame, known: pl.DataFrame, number: int) -> pl.DataFrame:
    return merge_seen(rows, known, day_of(number), observed(number))


def merge_seen(rows: pl.DataFrame, known: pl.DataFrame, day: date, observed_at: datetime) -> pl.DataFrame:
    seen = rows.with_columns(observed_at=pl.lit(observed_at, UTC_DATETIME))
    return merge_sightings(seen, known, day=day, rates=RATES, currency="USD").drop("observed_at")


def run(sightings: Sequence[Sighting]) -> dict[str, Any]:
    """One posting after its sightings in the given order."""
    known, row = pl.DataFrame(schema=KNOWN), pl.DataFrame()
    for number, content in sightings:
        row = merge(incoming({**content}), known, number)
        known = row.select(KNOWN.names())
        assert known.schema == KNOWN
    return row.drop("further", "takes_content", "text_changed").row(0, named=True)


@given(sightings=SIGHTINGS, data=st.data())
def test_any_order_and_any_repeats_come_to_the_same(sightings: list[Sighting], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(sightings), max_size=4))
    order = data.draw(st.permutations([*sightings, *again]))
    oldest, (newest, content) = min(number for number, _ in sightings), max(sightings, key=lambda each: each[0])
    row = run(order)
    assert {name: row[name] for name in content if name != "pay_quality"} == {
        name: value for name, value in content.items() if name != "pay_quality"
    }
    assert (row["ingested_at"], row["partition_date"]) == (observed(oldest), day_of(oldest))
    assert (row["last_seen_at"], row["content_date"]) == (observed(newest), day_of(newest))
    assert row["posted_at"] == (content["stated_posted_at"] or observed(oldest))
    rate = float(max(row["posted_at"].day, 1)) if row["posted_at"].month == 3 else 1.0
    pay = [None if content[name] is None else content[name] * rate for name in ("salary_min", "salary_max")]
    assert [row["annual_salary_min"], row["annual_salary_max"]] == pay
    stated = [amount for amount in pay if amount is not None]
    assert row["salary"] == (sum(stated) / len(stated) if stated else None)
    assert row["pay_quality"] == (None if not stated else content["pay_quality"] or "stated")


def test_rows_keep_their_order_and_further_columns() -> None:
    rows = incoming(*({"external_id": f"{number}", "further": f"row {number}"} for number in (3, 1, 2)))
    known = merge(rows.filter(pl.col("external_id") < "3"), pl.DataFrame(schema=KNOWN), 0).select(KNOWN.names())
    known = known.with_columns(posting_id=pl.Series([17, 18]))
    merged = merge(rows, known.reverse(), 1)
    assert merged.select("posting_id", "further").rows() == [(None, "row 3"), (17, "row 1"), (18, "row 2")]
    assert merged["partition_date"].to_list() == [day_of(1), day_of(0), day_of(0)]


def test_what_the_newest_partition_no_longer_states_is_gone() -> None:
    known = merge(incoming({"industry": "Finance"}), pl.DataFrame(schema=KNOWN), 0)
    merged = merge(incoming({}), known.select(KNOWN.names()), 1)
    assert merged["industry"].to_list() == [None]
    older = merge(incoming({"industry": "Retail"}), merged.select(KNOWN.names()), 0)
    assert older["industry"].to_list() == [None]


def test_texts_have_changed_only_where_newer_content_has_another() -> None:
    known = merge(incoming({"text_hash": 7}), pl.DataFrame(schema=KNOWN), 2)
    assert known["text_changed"].to_list() == [True]
    known = known.select(KNOWN.names())
    for number, text, changed in ((2, 7, False), (3, 7, False), (1, 8, False), (2, 8, True), (3, 8, True)):
        merged = merge(incoming({"text_hash": text}), known, number)
        assert merged["text_changed"].to_list() == [changed], (number, text)


def test_a_partition_that_was_fetched_anew_stands_for_what_it_was() -> None:
    known = merge(incoming({"industry": "Finance"}), pl.DataFrame(schema=KNOWN), 2)
    anew = observed(2) + timedelta(hours=3)
    rows = incoming({"industry": "Retail"})
    merged = merge_seen(rows, known.select(KNOWN.names()), day_of(2), anew).row(0, named=True)
    assert merged["industry"] == "Retail"
    assert merged["ingested_at"] == merged["last_seen_at"] == merged["posted_at"] == anew


def test_nothing_merged_is_nothing() -> None:
    merged = merge(incoming(), pl.DataFrame(schema=KNOWN), 0)
    assert merged.is_empty()
    assert merged.schema["annual_salary_min"] == merged.schema["salary"] == pl.Float64()
