"""A day's ingestion is frames in, frames out: here with a store that is a frame in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import polars as pl
from hypothesis import given, settings

from market_assets.postings.duplicates import LINK, LINKED, SKETCH
from market_assets.postings.identity import IDENTITY
from market_assets.postings.ingest import KNOWN, IngestedDay, ingest
from market_assets.postings.normalise import NormalisedBatch
from market_assets_tests.store.brute_force import expected_postings
from market_assets_tests.store.made_up_postings import MARCH, RATES, batch, days_after, observed_on, posting
from market_assets_tests.store.test_partition_order import Partition, day_of, observed, partitions_with_an_order


class Memory:
    """What is known of postings, and everything that is asked of it in order."""

    def __init__(self) -> None:
        self.rows = pl.DataFrame(schema={**KNOWN, **LINK, "sketch": pl.Binary(), "salary": pl.Float64()})
        self.kept = 0
        self.incoming = self.taken = pl.DataFrame()
        self.calls: list[str] = []

    def keep_texts(self, texts: pl.DataFrame) -> None:
        assert texts["row"].to_list() == list(range(self.kept, self.kept + texts.height))
        self.kept += texts.height
        self.incoming = pl.concat([self.incoming, texts.select("row", "sketch")], how="diagonal")
        self.calls.append("keep_texts")

    def number_texts(self, postings: pl.DataFrame) -> None:
        self.taken = postings.join(self.incoming, on="row", how="left").select(SKETCH.names())

    def known(self, identities: pl.DataFrame) -> pl.DataFrame:
        self.calls.append("known")
        return self.rows.join(identities, on=IDENTITY, how="semi").select(KNOWN.names())

    def last_posting_id(self) -> int:
        assert "known" in self.calls, "the number is read while nothing else may write"
        return int(self.rows["posting_id"].max() or 0)  # type: ignore[arg-type]

    def sharing(self, key: str, values: pl.Series) -> pl.DataFrame:
        return self.rows.filter(pl.col(key).is_in(values.implode())).select(LINKED.names())

    def sketches(self, posting_ids: pl.Series) -> pl.DataFrame:
        wanted = pl.col("posting_id").is_in(posting_ids.implode()) & pl.col("sketch").is_not_null()
        stored = self.rows.select(SKETCH.names()).join(self.taken, on="posting_id", how="anti")
        return pl.concat([stored, self.taken]).filter(wanted)

    def write(self, day: IngestedDay) -> None:
        if day.postings.is_empty():
            return
        stored = self.rows.select("posting_id", stored_sketch="sketch")
        taken = (
            day.postings.join(stored, on="posting_id", how="left")
            .join(self.taken, on="posting_id", how="left")
            .with_columns(
                in_store=pl.lit(True), sketch=pl.when("takes_content").then("sketch").otherwise("stored_sketch")
            )
        )
        others = self.rows.join(taken, on="posting_id", how="anti").update(
            day.links, on="posting_id", include_nulls=True
        )
        self.rows = pl.concat([others, taken.select(self.rows.columns).cast({pl.Categorical: pl.String})])

    def ingest(self, batches: Sequence[NormalisedBatch], number: int) -> IngestedDay:
        self.kept, self.calls, self.incoming = 0, [], pl.DataFrame()
        day = ingest(batches, self, day=day_of(number), rates=RATES, currency="USD")
        self.write(day)
        return day


@settings(max_examples=25, deadline=None)
@given(given_partitions=partitions_with_an_order())
def test_days_in_any_order_give_what_the_contract_asks_for(
    given_partitions: tuple[list[Partition], list[int]],
) -> None:
    partitions, order = given_partitions
    memory = Memory()
    days = {
        day_of(number): [
            (observed(source, day_of(number)), seen) for source, postings in day.items() for seen in postings
        ]
        for number, day in enumerate(partitions)
    }
    for number in order:
        batches = []
        for source, postings in partitions[number].items():
            one = batch(postings, day_of(number), source=source)
            batches.append(type(one)(**{**vars(one), "observed_at": observed(source, day_of(number))}))
        memory.ingest(batches, number)
    expected = expected_postings(days)
    identities = {
        row["posting_id"]: (row["source"], row["external_id"]) for row in memory.rows.iter_rows(named=True)
    }
    assert sorted(identities) == list(range(1, len(expected) + 1))
    for row in memory.rows.drop("text_hash", "sketch").iter_rows(named=True):
        wanted = expected[row["source"], row["external_id"]]
        numbered = {name: identities.get(row[name]) for name in ("posting_id", "duplicate_of")}
        assert row | numbered == {name: wanted.get(name) for name in row}


def test_new_postings_are_numbered_in_the_order_in_which_they_are_read() -> None:
    memory = Memory()
    memory.ingest([batch([posting("z"), posting("a")], MARCH), batch([posting("m")], MARCH, source="other")], 0)
    memory.ingest([batch([posting("b"), posting("a")], days_after(3))], 1)
    numbers = dict(memory.rows.sort("posting_id").select("external_id", "posting_id").iter_rows())
    assert numbers == {"z": 1, "a": 2, "m": 3, "b": 4}


def test_one_that_was_archived_returns_under_its_number_where_it_is_posted_anew() -> None:
    memory = Memory()
    old, new = observed_on(MARCH), observed_on(MARCH) + timedelta(days=5)
    memory.ingest([batch([posting("a", stated_posted_at=old), posting("b", stated_posted_at=old)], MARCH)], 0)
    memory.rows = memory.rows.with_columns(in_store=pl.lit(False))
    day = memory.ingest(
        [batch([posting("b", stated_posted_at=old), posting("a", stated_posted_at=new)], MARCH)], 2
    )
    assert day.postings.select("external_id", "posting_id", "returns").rows() == [("a", 1, True)]
    assert (day.counts.new, day.counts.already_archived) == (1, 1)


def test_a_day_without_anything_locks_the_postings_all_the_same() -> None:
    memory = Memory()
    day = memory.ingest([], 0)
    assert memory.calls == ["known"]
    assert day.postings.is_empty()
    assert day.rejected.is_empty()


def test_links_of_others_are_given_only_where_they_have_changed() -> None:
    memory = Memory()
    memory.ingest([batch([posting("b", url_key=1), posting("c", url_key=1), posting("d", url_key=2)], MARCH)], 1)
    day = memory.ingest([batch([posting("a", url_key=1)], MARCH)], 0)
    assert day.postings["duplicate_of"].to_list() == [None]
    assert sorted(day.links.rows()) == [(1, 4, False), (2, 4, False)]
    assert memory.ingest([batch([posting("a", url_key=1)], MARCH)], 0).links.is_empty()


def test_implausible_pay_is_counted_as_an_emptied_field() -> None:
    memory = Memory()
    paid = {"salary_currency": "USD", "salary_period": "yearly"}
    rows = [
        posting("a", salary_min=40e6, salary_max=60e6, **paid),
        posting("b", salary_min=21.0, **paid),
        posting("c", salary_min=90e3, **paid),
    ]
    day = memory.ingest([batch(rows, MARCH)], 0)
    assert day.counts.nulled == {"annual_salary": 1}
    found = {row["external_id"]: row for row in memory.rows.iter_rows(named=True)}
    assert [(found[name]["pay_quality"], found[name]["salary"]) for name in "abc"] == [
        ("implausible", None),
        ("repaired", 43_680.0),
        ("stated", 90e3),
    ]
    assert (found["a"]["salary_min"], found["a"]["salary_max"]) == (40e6, 60e6)
    # A day that is older than the content that is stored empties nothing.
    assert memory.ingest([batch(rows, days_after(-3))], -1).counts.nulled == {}
