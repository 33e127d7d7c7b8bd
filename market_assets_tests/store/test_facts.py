"""What statistics read equals what the tables hold; skills keep their ids for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from market_assets.statistics.window import WINDOW_POSTING
from market_assets.store.column_types import arrow_schema
from market_assets.store.connection import MarketConnection
from market_assets.store.posting_skills import (
    Counted,
    encode_skills,
    ensure_skills,
    read_texts,
    read_window,
    write_skills,
)
from market_assets.store.tables.postings import posting_facts, posting_skills, skills
from market_assets_tests.store.made_up_postings import (
    MARCH,
    VERSION,
    clear,
    database_examples,
    days_after,
    find_skills,
    found_skills,
    posting,
    stored,
    write_day,
)

START = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = ("zsh", "C++", "Ada", "100% 'SQL'")
WEIGHTS = {"zsh": 1, "C++": 20, "Ada": 70, "100% 'SQL'": 100}
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "posted_at": st.integers(-2, 2).map(lambda seconds: START + timedelta(microseconds=seconds)),
            "industry": st.sampled_from([None, "Finance"]),
            "salary": st.sampled_from([None, 50_000.5]),
            "found": st.none() | st.lists(st.sampled_from(NAMES), unique=True),
            "weighed": st.booleans(),
            "in_store": st.booleans(),
            "duplicate_of": st.sampled_from([None, 7]),
            "first_of_job": st.booleans(),
        }
    ),
    max_size=8,
)


def know(connection: MarketConnection, *names: str, category: str = "x") -> list[int]:
    taxonomy = pl.DataFrame(
        {"skill": names, "category": [category] * len(names)},
        schema={"skill": pl.String(), "category": pl.String()},
    )
    with connection.transaction():
        return ensure_skills(connection, taxonomy).tolist()


def store_facts(connection: MarketConnection, rows: list[dict[str, Any]]) -> None:
    ids = dict(zip(NAMES, know(connection, *NAMES), strict=True))
    narrow = [
        {
            **{name: value for name, value in row.items() if name not in ("found", "weighed")},
            "posting_id": 2**62 + number,
            "source": "s",
            "external_id": str(number),
            "skills": None
            if row["found"] is None
            else b"".join(ids[name].to_bytes(2, "little") for name in row["found"]),
            "skill_weights": bytes(WEIGHTS[name] for name in row["found"] or []) if row["weighed"] else None,
        }
        for number, row in enumerate(rows)
    ]
    with connection.transaction():
        connection.append(posting_facts, pl.DataFrame(narrow, schema=arrow_schema(posting_facts)))


@database_examples(40)
@given(rows=ROWS)
def test_facts_are_the_counted_rows_of_the_window(
    connection: MarketConnection, rows: list[dict[str, Any]]
) -> None:
    clear(connection)
    store_facts(connection, rows)
    start, end = START - timedelta(microseconds=1), START + timedelta(microseconds=1)
    for counted in Counted:
        with connection.transaction():
            facts = read_window(connection, start, end, counted)
        expected = [
            (
                *(2**62 + number, row["posted_at"], row["industry"], row["salary"]),
                [(name, WEIGHTS[name] if row["weighed"] else 0) for name in sorted(row["found"])],
            )
            for number, row in enumerate(rows)
            if start <= row["posted_at"] <= end
            and (row["duplicate_of"] is None if counted is Counted.ORIGINALS else row["first_of_job"])
            and row["found"] is not None
        ]
        names = facts.skills["skill"].to_list()
        found = [
            [
                (names[code], weight)
                for code, weight in zip(facts.codes[first:last], facts.weights[first:last], strict=True)
            ]
            for first, last in zip(facts.offsets[:-1], facts.offsets[1:], strict=True)
        ]
        narrow = facts.postings.select("posting_id", "posted_at", "industry", "salary").rows()
        assert [(*row, each) for row, each in zip(narrow, found, strict=True)] == expected
        assert facts.postings.schema == WINDOW_POSTING
        assert names == sorted(NAMES)
        assert (facts.codes.dtype, facts.offsets.dtype) == (np.int32, np.int64)


@database_examples(20)
@given(rows=ROWS)
def test_the_view_holds_the_encoded_skills_of_postings_in_the_store(
    connection: MarketConnection, rows: list[dict[str, Any]]
) -> None:
    clear(connection)
    store_facts(connection, rows)
    with connection.transaction():
        pairs = connection.read(
            sa.select(posting_skills.c.posting_id, posting_skills.c.skill, posting_skills.c.weight),
            pl.Schema({"posting_id": pl.Int64(), "skill": pl.String(), "weight": pl.Float64()}),
        ).rows()
    expected = [
        (2**62 + n, name, WEIGHTS[name] / 100 if row["weighed"] else None)
        for n, row in enumerate(rows)
        if row["in_store"]
        for name in row["found"] or []
    ]
    assert sorted(pairs) == sorted(expected)


def test_an_empty_store_gives_empty_facts(connection: MarketConnection) -> None:
    facts = read_window(connection, START, START)
    assert len(facts) == 0
    assert facts.offsets.tolist() == [0]
    assert facts.codes.tolist() == []
    assert facts.skills.schema == {"skill": pl.String(), "category": pl.String()}


def test_a_posting_may_ask_for_very_many_skills(connection: MarketConnection) -> None:
    names = [f"skill {number:04}" for number in range(1000)]
    ids = know(connection, *names)
    write_day(connection, MARCH, [posting("a")])
    with connection.transaction():
        texts = next(read_texts(connection, MARCH))
        every = found_skills([list(range(1000))])
        encoded = encode_skills(every, np.array(ids, dtype=np.uint16))
        write_skills(connection, texts, encoded, VERSION)
        view = pl.Schema({"skill": pl.String(), "weight": pl.Float64()})
        found = connection.read(sa.select(posting_skills.c.skill, posting_skills.c.weight), view)
        facts = read_window(connection, START, START + timedelta(days=1))
    weights = [min(max(number, 1), 100) for number in range(1000)]
    assert found.sort("skill").rows() == [
        (name, weight / 100) for name, weight in zip(names, weights, strict=True)
    ]
    assert facts.codes.tolist() == list(range(1000))
    assert facts.weights.tolist() == weights


@pytest.mark.postgresql
def test_skills_find_room_beside_what_they_belong_to(connection: MarketConnection) -> None:
    """So that no index of the narrow rows takes an entry more for them, and new postings are written once."""
    if connection.database.is_sqlite:
        pytest.skip("SQLite changes a row where it is")
    counted = sa.text(
        "SELECT n_tup_upd - n_tup_hot_upd AS moved, n_tup_hot_upd AS in_place FROM pg_stat_xact_user_tables "
        "WHERE relname = 'posting_facts'"
    )
    day = days_after(0)
    write_day(connection, day, [posting(str(number), title="zsh Ada") for number in range(300)])
    with connection.transaction():
        ids = ensure_skills(connection, pl.DataFrame({"skill": ["zsh"], "category": ["x"]}))
        for texts in read_texts(connection, day):
            encoded = encode_skills(found_skills([[0]] * texts.height), ids)
            write_skills(connection, texts, encoded, VERSION)
        moved, in_place = connection.read(counted, pl.Schema({"moved": pl.Int64(), "in_place": pl.Int64()})).row(0)
    assert (moved, in_place) == (0, 300)


def test_skills_keep_their_ids_over_every_change_of_the_taxonomy(connection: MarketConnection) -> None:
    first = know(connection, "SQL", "Python", "Ada")
    assert len(set(first)) == 3
    assert know(connection, "Ada", "New", "SQL") == [first[2], max(first) + 1, first[0]]
    assert know(connection) == []
    assert know(connection, "Python") == [first[1]]
    rows = stored(connection, skills)
    assert rows["skill"].to_list() == ["SQL", "Python", "Ada", "New"]
    assert [int.from_bytes(code, "little") for code in rows["code"]] == rows["skill_id"].to_list()


def test_a_skill_moves_to_another_category(connection: MarketConnection) -> None:
    know(connection, "SQL", "Ada", category="old")
    know(connection, "SQL", "New", category="new")
    assert dict(stored(connection, skills).select("skill", "category").iter_rows()) == {
        "SQL": "new",
        "Ada": "old",
        "New": "new",
    }


def test_ids_run_out_in_words(connection: MarketConnection) -> None:
    last = {"skill_id": 65_534, "code": b"\xfe\xff", "skill": "last but one", "category": "x"}
    with connection.transaction():
        connection.append(skills, pl.DataFrame([last], schema=arrow_schema(skills)))
    assert know(connection, "the last") == [65_535]
    with pytest.raises(ValueError, match="no more than 65,536 skills"):
        know(connection, "one too many")
    assert stored(connection, skills).height == 2


def test_texts_come_in_batches_of_the_day_whose_content_it_is(connection: MarketConnection) -> None:
    write_day(connection, MARCH, [posting(str(number), description=f"text {number}") for number in range(7)])
    write_day(connection, days_after(1), [posting("3", title="Newer"), posting("8")])
    batches = list(read_texts(connection, MARCH, batch=2))
    assert [each.height for each in batches] == [2, 2, 2]
    texts = pl.concat(batches)
    assert texts["posting_id"].is_sorted()
    assert sorted(texts["description"]) == [f"text {number}" for number in (0, 1, 2, 4, 5, 6)]
    assert sorted(pl.concat(read_texts(connection, days_after(1)))["title"]) == ["Job 8", "Newer"]
    assert list(read_texts(connection, days_after(2))) == []


def test_skills_that_a_taxonomy_lists_in_any_order_read_back_in_order_of_names(
    connection: MarketConnection,
) -> None:
    write_day(
        connection, MARCH, [posting("a", title="Docker SQL Python"), posting("b"), posting("c", title="SQL")]
    )
    find_skills(connection, MARCH)
    facts = read_window(connection, START, START + timedelta(days=1))
    names = facts.skills["skill"].to_list()
    by_row = [[names[code] for code in facts.codes[facts.rows == row]] for row in range(3)]
    assert sorted(by_row) == [[], ["Docker", "Python", "SQL"], ["SQL"]]
