"""Days can be run again, in any order: the same rows come out, and they are the right ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import example, given
from hypothesis import strategies as st

from market_assets.store.connection import MarketConnection
from market_assets.store.ingestion import write_day
from market_assets.store.tables.postings import job_postings, posting_facts, posting_skills, rejected_postings
from market_assets_tests.store.brute_force import IMPLAUSIBLE_FROM, expected_postings
from market_assets_tests.store.made_up_postings import (
    RATES,
    batch,
    by_identity,
    clear,
    database_examples,
    days_after,
    find_skills,
    observed_on,
    posting,
    stored,
)

#: source → its postings of a day, in the order in which they are read.
Partition = Mapping[str, Sequence[Mapping[str, Any]]]
SOURCES = ("sample", "second")
STATED = tuple(datetime(2026, 3, day, 12, tzinfo=UTC) for day in (1, 5, 10))

POSTINGS = st.builds(
    posting,
    external_id=st.sampled_from("abcd"),
    title=st.sampled_from(["Python SQL", "Docker", "Clerk"]),
    description=st.sampled_from([None, "100% 'remote'"]),
    url=st.sampled_from([None, "https://a.example"]),
    location=st.sampled_from([None, "Berlin, DE"]),
    country=st.sampled_from([None, "DE", "US"]),
    is_remote=st.sampled_from([None, True, False]),
    employment_type=st.sampled_from([None, "full_time"]),
    industry=st.sampled_from([None, "Finance"]),
    seniority=st.sampled_from([None, "senior"]),
    language=st.sampled_from([None, "de"]),
    salary_min=st.sampled_from([None, 40_000.0, IMPLAUSIBLE_FROM]),
    salary_max=st.sampled_from([None, 50_000.0]),
    salary_currency=st.sampled_from([None, "EUR"]),
    salary_period=st.sampled_from([None, "yearly"]),
    pay_quality=st.sampled_from([None, "from_text"]),
    stated_posted_at=st.sampled_from([None, *STATED]),
    url_key=st.sampled_from([None, 1, 2]),
    job_key=st.sampled_from([None, 7, 8]),
)
PARTITIONS = st.lists(
    st.fixed_dictionaries({source: st.lists(POSTINGS, max_size=3) for source in SOURCES}), min_size=1, max_size=5
)


@st.composite
def partitions_with_an_order(draw: st.DrawFn) -> tuple[list[Partition], list[int]]:
    """Partitions of days in a row, and an order to run them in, some more than once."""
    partitions = draw(PARTITIONS)
    numbers = list(range(len(partitions)))
    again = draw(st.lists(st.sampled_from(numbers), max_size=3))
    return partitions, draw(st.permutations([*numbers, *again]))


def day_of(number: int) -> date:
    """Three days apart, around the day on which the rate of the euro changes."""
    return days_after(3 * number)


def observed(source: str, day: date) -> datetime:
    return observed_on(day) + timedelta(minutes=SOURCES.index(source))


def run(connection: MarketConnection, partitions: Sequence[Partition], order: Sequence[int]) -> None:
    for number in order:
        day = day_of(number)
        batches = []
        for source, postings in partitions[number].items():
            rejected = [(f"bad {number}", "title is missing")] if number % 2 else []
            one = batch(postings, day, source=source, rejected=rejected)
            batches.append(type(one)(**{**vars(one), "observed_at": observed(source, day)}))
        write_day(connection, batches, SOURCES, day=day, rates=RATES, currency="USD")
        find_skills(connection, day)


def everything(connection: MarketConnection) -> list[pl.DataFrame]:
    postings = [by_identity(stored(connection, table)) for table in (job_postings, posting_facts)]
    return [*postings, stored(connection, rejected_postings)]


@pytest.mark.slow
@database_examples(5)
@given(given_partitions=partitions_with_an_order())
@example(given_partitions=([{"sample": [posting("a")], "second": []}], [0, 0]))
def test_any_order_and_any_repeats_give_the_rows_of_one_run_in_order(
    connection: MarketConnection, given_partitions: tuple[list[Partition], list[int]]
) -> None:
    partitions, order = given_partitions
    clear(connection)
    run(connection, partitions, range(len(partitions)))
    in_order = everything(connection)
    clear(connection)
    run(connection, partitions, order)
    for expected, actual in zip(in_order, everything(connection), strict=True):
        assert actual.equals(expected)


@pytest.mark.slow
@database_examples(12)
@given(given_partitions=partitions_with_an_order())
def test_the_rows_are_those_that_the_contract_asks_for(
    connection: MarketConnection, given_partitions: tuple[list[Partition], list[int]]
) -> None:
    partitions, order = given_partitions
    days = {
        day_of(number): [
            (observed(source, day_of(number)), seen) for source, postings in day.items() for seen in postings
        ]
        for number, day in enumerate(partitions)
    }
    expected = expected_postings(days)
    clear(connection)
    run(connection, partitions, order)
    identities = {
        row["posting_id"]: (row["source"], row["external_id"])
        for row in stored(connection, posting_facts).iter_rows(named=True)
    }
    for table in (job_postings, posting_facts):
        rows = stored(connection, table).drop("skills_version", "text_hash", strict=False)
        assert sorted(identities[number] for number in rows["posting_id"]) == sorted(expected)
        for row in rows.iter_rows(named=True):
            wanted = expected[identities[row["posting_id"]]]
            numbered = {name: identities.get(row[name]) for name in ("posting_id", "duplicate_of")}
            assert row | numbered == {name: wanted.get(name) for name in row}
    found: dict[tuple[str, str], set[str]] = {identity: set() for identity in expected}
    with connection.transaction():
        schema = pl.Schema({"posting_id": pl.Int64(), "skill": pl.String()})
        pairs = connection.read(sa.select(posting_skills.c.posting_id, posting_skills.c.skill), schema)
    for number, skill in pairs.iter_rows():
        found[identities[number]].add(skill)
    assert found == {identity: row["skills"] for identity, row in expected.items()}


@database_examples(4)
@given(given_partitions=partitions_with_an_order())
def test_numbers_are_given_once_in_the_order_of_first_sight(
    connection: MarketConnection, given_partitions: tuple[list[Partition], list[int]]
) -> None:
    partitions, order = given_partitions
    clear(connection)
    sighted = [
        (seen["source"], seen["external_id"])
        for number in order
        for each in partitions[number].values()
        for seen in reversed(list({(one["source"], one["external_id"]): one for one in reversed(each)}.values()))
    ]
    numbers: dict[tuple[str, str], int] = {}
    for number in order:
        run(connection, partitions, [number])
        rows = stored(connection, posting_facts).select("source", "external_id", "posting_id").rows()
        known = {(source, external_id): posting_id for source, external_id, posting_id in rows}
        assert known.items() >= numbers.items()
        numbers = known
    assert sorted(numbers.values()) == list(range(1, len(numbers) + 1))
    assert set(numbers) == set(sighted)
