"""Links that are kept right step by step are those that linking everything from nothing gives."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.store.connection import MarketConnection
from market_assets.store.duplicate_links import read_keys, relink_stored
from market_assets.store.ingestion import count_broken_links
from market_assets.store.tables.postings import job_postings, posting_facts
from market_assets_tests.store import brute_force
from market_assets_tests.store.made_up_postings import (
    clear,
    database_examples,
    days_after,
    number_of,
    posting,
    stored,
    write_day,
)

KEYS = st.none() | st.integers(1, 3)
SEEN = st.builds(posting, external_id=st.sampled_from("abcdef"), url_key=KEYS, job_key=KEYS)
#: A day of postings, or postings that leave the store, or fact rows that go for good.
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 3), st.lists(SEEN, min_size=1, max_size=4)),
        st.tuples(st.just("archive"), st.just(0), st.sets(st.sampled_from("abcdef"), min_size=1, max_size=3)),
        st.tuples(st.just("forget"), st.just(0), st.sets(st.sampled_from("abcdef"), min_size=1, max_size=3)),
    ),
    min_size=1,
    max_size=7,
)


def take(connection: MarketConnection, step: tuple[str, int, Any]) -> None:
    kind, day, what = step
    if kind == "write":
        write_day(connection, days_after(day), what)
        return
    rows = stored(connection, posting_facts).filter(pl.col("external_id").is_in(list(what)))
    numbers = rows["posting_id"].to_list()
    facts = posting_facts.c
    with connection.transaction():
        touched = read_keys(connection, facts.posting_id.in_(numbers))
        connection.execute(job_postings.delete().where(job_postings.c.posting_id.in_(numbers)))
        connection.execute(posting_facts.update().values(in_store=False).where(facts.posting_id.in_(numbers)))
        if kind == "forget":
            connection.execute(posting_facts.delete().where(facts.posting_id.in_(numbers)))
        if touched.height:
            relink_stored(connection, touched)


def links(rows: pl.DataFrame) -> dict[int, tuple[int | None, bool]]:
    return {
        number: (duplicate_of, first)
        for number, duplicate_of, first in rows.select("posting_id", "duplicate_of", "first_of_job").iter_rows()
    }


@pytest.mark.slow
@database_examples(10)
@given(steps=STEPS)
def test_any_steps_leave_the_links_of_linking_from_nothing(
    connection: MarketConnection, steps: list[tuple[str, int, Any]]
) -> None:
    clear(connection)
    for step in steps:
        take(connection, step)
    rows = stored(connection, posting_facts)
    assert links(rows) == brute_force.links(list(rows.iter_rows(named=True)))
    of_facts = {row["posting_id"]: row["duplicate_of"] for row in rows.iter_rows(named=True)}
    postings = stored(connection, job_postings)
    assert postings.height == rows["in_store"].sum()
    for number, duplicate_of in postings.select("posting_id", "duplicate_of").iter_rows():
        assert duplicate_of == of_facts[number]
    with connection.transaction():
        assert count_broken_links(connection) == 0


def test_a_posting_that_joins_two_jobs_and_leaves_again(connection: MarketConnection) -> None:
    first, second, third = days_after(0), days_after(1), days_after(2)
    write_day(connection, first, [posting("a", url_key=1), posting("z")])
    write_day(connection, second, [posting("b", job_key=2), posting("c", url_key=1, job_key=2)])
    originals = dict(stored(connection, job_postings).select("external_id", "duplicate_of").iter_rows())
    assert originals == {"a": None, "b": number_of(connection, "a"), "c": number_of(connection, "a"), "z": None}
    write_day(connection, third, [posting("c", job_key=2)])
    originals = dict(stored(connection, job_postings).select("external_id", "duplicate_of").iter_rows())
    assert originals == {"a": None, "b": None, "c": number_of(connection, "b"), "z": None}


def test_what_an_original_leaves_behind_is_linked_anew(connection: MarketConnection) -> None:
    """It no longer shares a key with them: they are found by the one that it had."""
    write_day(connection, days_after(0), [posting("a", url_key=1)])
    write_day(connection, days_after(1), [posting("b", url_key=1), posting("c", url_key=1)])
    write_day(connection, days_after(2), [posting("a", url_key=2)])
    originals = dict(stored(connection, job_postings).select("external_id", "duplicate_of").iter_rows())
    assert originals == {"a": None, "b": None, "c": number_of(connection, "b")}


def test_a_newcomer_at_one_end_of_a_long_row_is_the_original_of_all(connection: MarketConnection) -> None:
    """Each posting shares one key with the next alone, so that only step by step the far end is reached."""
    row = [posting(f"{place}", url_key=place // 2, job_key=(place + 1) // 2) for place in range(9)]
    write_day(connection, days_after(1), row)
    write_day(connection, days_after(0), [posting("first", job_key=row[-1]["job_key"])])
    originals = dict(stored(connection, job_postings).select("external_id", "duplicate_of").iter_rows())
    assert originals == {"first": None, **{f"{place}": number_of(connection, "first") for place in range(9)}}


def test_broken_links_are_counted(connection: MarketConnection) -> None:
    write_day(connection, days_after(0), [posting(name, url_key=1) for name in "abc"])
    with connection.transaction():
        assert count_broken_links(connection) == 0
        chained = job_postings.c.external_id == "c"
        connection.execute(job_postings.update().values(duplicate_of=number_of(connection, "b")).where(chained))
        assert count_broken_links(connection) == 1
        connection.execute(job_postings.update().values(duplicate_of=12345).where(chained))
        assert count_broken_links(connection) == 1
