"""The same job in other words counts once, whenever and in whatever order its postings come and go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from market_assets.postings.duplicates import CANDIDATE, link_duplicates
from market_assets.postings.identity import company_keys
from market_assets.postings.near_keys import near_identities
from market_assets.store.connection import MarketConnection
from market_assets.store.expiry import expire, forget, restore_month
from market_assets.store.tables.postings import job_postings, posting_facts, posting_sketches
from market_assets_tests.postings.test_sketches import prose
from market_assets_tests.store.made_up_postings import (
    by_identity,
    clear,
    database_examples,
    days_after,
    posting,
    stored,
    write_day,
)
from market_assets_tests.store.old_postings import LONG_AGO

NOW = datetime(2026, 4, 11, 12, tzinfo=UTC)
FULL, OTHER = prose(120, 1), prose(120, 2)
TEXTS = {
    "full": FULL,
    "cut": FULL[: len(FULL) // 2],
    "with more around it": f"{prose(20, 3)} {FULL} {prose(20, 4)}",
    "another": OTHER,
    "half of each": f"{FULL[: len(FULL) // 2]} {OTHER[len(OTHER) // 2 :]}",
    "short": "Call us.",
    "none": None,
}
MONTHS = ("2026-01", "2026-02", "2026-03", "2026-04")


def keyed(external_id: str, text: str = "full", **fields: Any) -> dict[str, Any]:
    """A posting as normalising leaves it, with the keys and sketch of near duplicates."""
    plain = {
        "title": "Engineer",
        "company": "Acme",
        "location": "Berlin, DE",
        "country": "DE",
        "workplace": None,
        "description": TEXTS[text],
        **fields,
    }
    named = ("title", "company", "location", "country", "workplace", "description")
    known = near_identities(pl.DataFrame([{name: plain[name] for name in named}], dict.fromkeys(named, pl.String)))
    employer = company_keys(pl.Series([plain["company"]], dtype=pl.String))[0]
    return posting(external_id, **{**plain, "company_key": employer}, **known.row(0, named=True))


def originals(connection: MarketConnection) -> dict[str, str | None]:
    rows = stored(connection, job_postings)
    name_of: dict[int | None, str | None] = {
        None: None,
        **dict(rows.select("posting_id", "external_id").iter_rows()),
    }
    links = rows.select("external_id", "duplicate_of").sort("external_id").iter_rows()
    return {external_id: name_of[original] for external_id, original in links}


def sketches(connection: MarketConnection) -> pl.DataFrame:
    names = stored(connection, posting_facts).select("posting_id", "external_id")
    return stored(connection, posting_sketches).join(names, on="posting_id").drop("posting_id").sort("external_id")


def links(rows: pl.DataFrame) -> list[tuple[Any, ...]]:
    return rows.select("posting_id", "duplicate_of", "first_of_job").sort("posting_id").rows()


def test_near_duplicates_are_linked_whichever_comes_first(connection: MarketConnection) -> None:
    write_day(connection, days_after(1), [keyed("b", "cut"), keyed("x", "another")])
    write_day(connection, days_after(2), [keyed("c", "with more around it", title="Engineer (m/f/d)")])
    assert originals(connection) == {"b": None, "c": "b", "x": None}
    write_day(connection, days_after(0), [keyed("a", company="Acme GmbH")])
    assert originals(connection) == {"a": None, "b": "a", "c": "a", "x": None}


def test_another_city_role_or_rank_is_another_job(connection: MarketConnection) -> None:
    others = [
        keyed("city", location="Munich, DE"),
        keyed("company", company="Globex"),
        keyed("junior", title="Junior Engineer"),
        keyed("role", title="Accountant"),
        keyed("senior", title="Senior Engineer", text="another"),
        keyed("team", "another", title="Junior Engineer"),
    ]
    write_day(connection, days_after(0), others)
    assert set(originals(connection).values()) == {None}


def test_a_text_that_changed_leaves_its_job_and_a_company_that_went_leaves_no_sketch(
    connection: MarketConnection,
) -> None:
    write_day(
        connection, days_after(0), [keyed("a"), keyed("b", "cut"), keyed("c", "cut", title="Engineer at Acme")]
    )
    assert originals(connection) == {"a": None, "b": "a", "c": "a"}
    write_day(connection, days_after(1), [keyed("a", "another")])
    assert originals(connection) == {"a": None, "b": None, "c": "b"}
    write_day(connection, days_after(2), [keyed("b", company=None), keyed("c", company=None)])
    assert originals(connection) == {"a": None, "b": None, "c": None}
    assert stored(connection, posting_sketches).height == 1
    write_day(connection, days_after(1), [keyed("b"), keyed("c")])
    assert stored(connection, posting_sketches).height == 1, "content of an older day took the newer one's place"


def test_the_next_oldest_stands_in_and_a_restored_posting_is_linked_again(
    connection: MarketConnection, tmp_path: Path
) -> None:
    old, new = NOW - timedelta(days=60), NOW - timedelta(days=2)
    postings = [
        keyed("a", stated_posted_at=old),
        keyed("b", "cut", stated_posted_at=new),
        keyed("c", "with more around it", stated_posted_at=NOW),
    ]
    write_day(connection, days_after(60), postings)
    before = [by_identity(stored(connection, posting_facts)), sketches(connection)]
    for _ in expire(connection, tmp_path, NOW - timedelta(days=30), NOW):
        pass
    assert originals(connection) == {"b": None, "c": "b"}
    assert stored(connection, posting_sketches).height == 3
    assert forget(connection, NOW - timedelta(days=30), LONG_AGO)[0] == 1
    assert stored(connection, posting_sketches).height == 2
    assert originals(connection) == {"b": None, "c": "b"}
    assert restore_month(connection, tmp_path, f"{old:%Y-%m}", NOW) == (1, 0)
    assert originals(connection) == {"a": None, "b": "a", "c": "a"}
    after = [by_identity(stored(connection, posting_facts)), sketches(connection)]
    assert all(one.equals(other) for one, other in zip(before, after, strict=True))


SEEN = st.builds(
    keyed,
    st.sampled_from("abcdef"),
    st.sampled_from(sorted(TEXTS)),
    title=st.sampled_from(["Engineer", "Senior Engineer", "Junior Engineer (m/f/d)"]),
    location=st.sampled_from(["Berlin, DE", "Berlin, DE", "Paris, FR"]),
    stated_posted_at=st.integers(1, 99).map(lambda days: NOW - timedelta(days=days)),
    url_key=st.sampled_from([None, None, None, 1]),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 3), st.lists(SEEN, min_size=1, max_size=4)),
        st.tuples(st.sampled_from(["expire", "forget", "restore"]), st.integers(0, 99), st.just([])),
    ),
    min_size=1,
    max_size=6,
)


def take(connection: MarketConnection, archive: Path, step: tuple[str, int, list[dict[str, Any]]]) -> None:
    kind, number, postings = step
    if kind == "write":
        write_day(connection, days_after(number), postings)
    elif kind == "expire":
        for _ in expire(connection, archive, NOW - timedelta(days=number), NOW):
            pass
    elif kind == "forget":
        forget(connection, NOW - timedelta(days=number), LONG_AGO)
    elif (archive / f"month={MONTHS[number % 4]}").is_dir():
        restore_month(connection, archive, MONTHS[number % 4], NOW)


@pytest.mark.slow
@database_examples(10)
@given(steps=STEPS)
def test_any_steps_leave_the_links_of_linking_from_nothing(
    connection: MarketConnection,
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[str, int, list[dict[str, Any]]]],
) -> None:
    clear(connection)
    archive = tmp_path_factory.mktemp("archive")
    for step in steps:
        take(connection, archive, step)
        facts, known = stored(connection, posting_facts), stored(connection, posting_sketches)
        assert (
            known["posting_id"].to_list() == facts.filter(pl.col("near_key").is_not_null())["posting_id"].to_list()
        )
        everything = facts.select(CANDIDATE.names())
        assert links(facts) == links(link_duplicates(everything, lambda _ids, known=known: known))


def test_sketches_are_found_by_key(connection: MarketConnection) -> None:
    write_day(connection, days_after(0), [keyed("a"), keyed("b", "short"), keyed("c", company=None)])
    with connection.transaction():
        count = connection.scalar(sa.select(sa.func.count(posting_facts.c.near_key)))
    assert count == stored(connection, posting_sketches).height == 2
