"""What statistics read equals what the tables hold; skills keep their ids for ever."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from market_assets.statistics.window import WINDOW_POSTING, Window
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database
from market_assets.store.facts import Counted, read_counted, read_window
from market_assets.store.posting_skills import (
    POSTING_SKILL,
    append_skills,
    archive_skills,
    read_texts,
    skill_rows,
    write_skills,
)
from market_assets.store.skills import ensure_skills
from market_assets.store.tables.columns import arrow_schema
from market_assets.store.tables.postings import posting_facts, posting_skill_facts, posting_skills, skills
from market_assets_tests.store.made_up_postings import (
    MARCH,
    VERSION,
    clear,
    database_examples,
    days_after,
    find_skills,
    found_skills,
    number_of,
    posting,
    stored,
    write_day,
)

#: As after very many postings.
FIRST_ID = 2**31 - 1_000
START = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = ("zsh", "C++", "Ada", "100% 'SQL'")
WEIGHTS = {"zsh": 1, "C++": 20, "Ada": 70, "100% 'SQL'": 100}
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "posted_at": st.integers(-2, 2).map(lambda seconds: START + timedelta(microseconds=seconds)),
            "country": st.sampled_from([None, "DE"]),
            "locations": st.sampled_from([None, '[["Oslo, NO", "NO"], ["Bonn, DE", "DE"]]']),
            "industry": st.sampled_from([None, "Finance"]),
            "seniority": st.sampled_from([None, "senior"]),
            "language": st.sampled_from([None, "de"]),
            "salary": st.sampled_from([None, 50_000.5]),
            "found": st.none() | st.lists(st.sampled_from(NAMES), unique=True),
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
    facts = [
        {
            **{name: value for name, value in row.items() if name != "found"},
            "posting_id": FIRST_ID + number,
            "source": "s",
            "external_id": str(number),
            "skills_version": None if row["found"] is None else VERSION,
            "dated": True,
            "partition_date": START.date(),
        }
        for number, row in enumerate(rows)
    ]
    found = [
        (FIRST_ID + number, ids[name], WEIGHTS[name])
        for number, row in enumerate(rows)
        for name in row["found"] or []
    ]
    with connection.transaction():
        connection.append(posting_facts, pl.DataFrame(facts, schema=arrow_schema(posting_facts)))
        append_skills(connection, pl.DataFrame(found, schema=POSTING_SKILL, orient="row"))
        archived = [FIRST_ID + number for number, row in enumerate(rows) if not row["in_store"]]
        archive_skills(connection, pl.Series(archived, dtype=pl.Int64))


def assert_same(window: Window, other: Window) -> None:
    for field in fields(Window):
        one, two = getattr(window, field.name), getattr(other, field.name)
        if isinstance(one, pl.DataFrame):
            assert_frame_equal(one, two)
        else:
            np.testing.assert_array_equal(one, two, strict=True)


@database_examples(15)
@given(rows=ROWS)
def test_facts_are_the_counted_rows_of_the_window(
    connection: MarketConnection, rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    clear(connection)
    store_facts(connection, rows)
    files = tmp_path_factory.mktemp("files")
    start, end = START - timedelta(microseconds=1), START + timedelta(microseconds=1)
    of_posting = ("posted_at", "country", "locations", "industry", "seniority", "language", "salary")
    for counted in Counted:
        with connection.transaction(), pytest.MonkeyPatch.context() as patch:
            patch.setattr("market_assets.store.facts._BATCH", 3)
            facts = read_window(connection, start, end, counted)
            cut = read_counted(connection, start - timedelta(days=1), end, files).since(start, counted)
        assert_same(facts, cut)
        expected = [
            (
                *(FIRST_ID + number, *(row[name] for name in of_posting)),
                [(name, WEIGHTS[name]) for name in sorted(row["found"]) if WEIGHTS[name] >= 40],
                [name for name in sorted(row["found"]) if WEIGHTS[name] < 40],
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
        mentions = [
            [names[code] for code in facts.mention_codes[facts.mention_rows == row]] for row in range(len(facts))
        ]
        read = facts.postings.select("posting_id", *of_posting).rows()
        assert [(*row, *each) for row, *each in zip(read, found, mentions, strict=True)] == expected
        assert facts.postings.schema == WINDOW_POSTING
        assert names == sorted(NAMES)
        assert (facts.codes.dtype, facts.offsets.dtype) == (np.int16, np.int64)


@database_examples(10)
@given(rows=ROWS)
def test_the_view_holds_the_skills_of_postings_in_the_store(
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
        (FIRST_ID + n, name, WEIGHTS[name] / 100)
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
        texts = next(read_texts(connection, MARCH, VERSION))
        every = found_skills([list(range(1000))])
        rows = skill_rows(texts["posting_id"], every, np.array(ids, dtype=np.int16))
        write_skills(connection, texts, rows, VERSION)
        view = pl.Schema({"skill": pl.String(), "weight": pl.Float64()})
        found = connection.read(sa.select(posting_skills.c.skill, posting_skills.c.weight), view)
        facts = read_window(connection, START, START + timedelta(days=1))
    weights = [max(100 - number, 1) for number in range(1000)]
    assert found.sort("skill").rows() == [
        (name, weight / 100) for name, weight in zip(names, weights, strict=True)
    ]
    assert facts.codes.tolist() == list(range(61))
    assert facts.mention_codes.tolist() == list(range(61, 1000))
    assert facts.weights.tolist() == weights[:61]


@pytest.mark.postgresql
def test_that_a_posting_was_searched_finds_room_on_the_page_of_its_fact_row(connection: MarketConnection) -> None:
    """So that no index of the fact table takes an entry more for them, and new postings are written once."""
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
        for texts in read_texts(connection, day, VERSION):
            rows = skill_rows(texts["posting_id"], found_skills([[0]] * texts.height), ids)
            write_skills(connection, texts, rows, VERSION)
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
    assert rows["skill_id"].to_list() == [0, 1, 2, 3]


def test_a_skill_moves_to_another_category(connection: MarketConnection) -> None:
    know(connection, "SQL", "Ada", category="old")
    know(connection, "SQL", "New", category="new")
    assert dict(stored(connection, skills).select("skill", "category").iter_rows()) == {
        "SQL": "new",
        "Ada": "old",
        "New": "new",
    }


def test_ids_run_out_in_words(connection: MarketConnection) -> None:
    last = {"skill_id": 32_766, "skill": "last but one", "category": "x"}
    with connection.transaction():
        connection.append(skills, pl.DataFrame([last], schema=arrow_schema(skills)))
    assert know(connection, "the last") == [32_767]
    with pytest.raises(ValueError, match="no more than 32,768 skills"):
        know(connection, "one too many")
    assert stored(connection, skills).height == 2


def test_texts_come_in_batches_of_the_day_whose_content_it_is(connection: MarketConnection) -> None:
    write_day(connection, MARCH, [posting(str(number), description=f"text {number}") for number in range(7)])
    write_day(connection, days_after(1), [posting("3", title="Newer"), posting("8")])
    batches = list(read_texts(connection, MARCH, VERSION, batch=2))
    assert [each.height for each in batches] == [2, 2, 2]
    texts = pl.concat(batches)
    assert texts["posting_id"].is_sorted()
    assert sorted(texts["description"]) == [f"text {number}" for number in (0, 1, 2, 4, 5, 6)]
    assert sorted(pl.concat(read_texts(connection, days_after(1), VERSION))["title"]) == ["Job 8", "Newer"]
    assert list(read_texts(connection, days_after(2), VERSION)) == []


def test_only_texts_that_these_rules_have_not_searched_are_read(connection: MarketConnection) -> None:
    write_day(connection, MARCH, [posting("same"), posting("changes")])
    find_skills(connection, MARCH)
    assert list(read_texts(connection, MARCH, VERSION)) == []
    assert pl.concat(read_texts(connection, MARCH, VERSION + 1)).height == 2
    write_day(connection, MARCH, [posting("same"), posting("changes", title="Other"), posting("new")])
    changed = pl.concat(read_texts(connection, MARCH, VERSION))["posting_id"].to_list()
    assert changed == [number_of(connection, "changes"), number_of(connection, "new")]


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


def entry(connection: MarketConnection, posting_id: int) -> list[tuple[int, int]]:
    rows = stored(connection, posting_skill_facts).filter(posting_id=posting_id)
    return sorted(rows.select("skill_id", "weight").rows())


def test_only_what_has_changed_is_written(connection: MarketConnection) -> None:
    ids = np.array(know(connection, *NAMES), dtype=np.int16)
    write_day(connection, MARCH, [posting(name) for name in "abc"])
    with connection.transaction():
        texts = next(read_texts(connection, MARCH, VERSION))
        first = skill_rows(texts["posting_id"], found_skills([[0, 1], [2], []]), ids)
        assert write_skills(connection, texts, first, VERSION) == 2
    with connection.transaction():
        assert write_skills(connection, texts, first.reverse(), VERSION) == 0
    a, b, c = texts["posting_id"]
    other = pl.DataFrame([(a, ids[0], 50), (b, ids[2], 98), (c, ids[3], 3)], schema=POSTING_SKILL, orient="row")
    with connection.transaction():
        assert write_skills(connection, texts, other, VERSION + 1) == 2
    assert [entry(connection, each) for each in (a, b, c)] == [[(ids[0], 50)], [(ids[2], 98)], [(ids[3], 3)]]
    assert stored(connection, posting_facts)["skills_version"].to_list() == [VERSION + 1] * 3


def test_a_posting_without_skills_is_known_to_have_been_searched(connection: MarketConnection) -> None:
    write_day(connection, MARCH, [posting("a", title="Clerk")])
    assert len(read_window(connection, START, START + timedelta(days=1))) == 0
    find_skills(connection, MARCH)
    facts = read_window(connection, START, START + timedelta(days=1))
    assert (len(facts), facts.offsets.tolist()) == (1, [0, 0])


def plan(database: Database, query: str) -> str:
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
    with database.engine().connect() as connection:
        connection.execute(sa.text("ANALYZE"))
        if not database.is_sqlite:
            # A table as small as this one is read whole, unless that is made costly.
            connection.execute(sa.text("SET enable_seqscan = off"))
        return "\n".join(str(row) for row in connection.execute(sa.text(f"{explain} {query}")))


@pytest.mark.parametrize(
    "condition",
    ["skill = 'Python'", "posting_id = 100", "posting_id = 100 AND skill = 'Python'"],
)
def test_the_view_answers_from_an_index(database: Database, condition: str) -> None:
    with MarketConnection(database) as connection:
        postings = [posting(f"{number}", title="Python SQL Docker"[: number % 18]) for number in range(3000)]
        write_day(connection, MARCH, postings)
        find_skills(connection, MARCH)
    found = plan(database, f"SELECT posting_id, weight FROM posting_skills WHERE {condition}")
    assert not [line for line in found.splitlines() if "SCAN f" in line or "Seq Scan on posting_skill" in line], (
        found
    )
    if database.is_sqlite:
        assert "COVERING INDEX" in found or "PRIMARY KEY" in found
