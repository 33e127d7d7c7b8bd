"""Columns go in and come out as they were, on both databases; a transaction is all or nothing."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from market_assets.store import connection as connection_module
from market_assets.store import database as database_module
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database, StoreError
from market_assets.store.tables.columns import arrow_schema
from market_assets.store.tables.postings import job_postings, rejected_postings, skills
from market_assets.store.tables.results import skill_pairs
from market_assets_tests.store.made_up_postings import database_examples

PAIRS = pl.DataFrame({"skill_a": ["C", "Go"], "skill_b": ["C++", "100% 'quoted' %s"], "co_occurrences": [1, 2]})
EVERY_TYPE = pl.Schema(
    {
        "key": pl.Int64(),
        "text": pl.String(),
        "number": pl.Float64(),
        "whole": pl.Int64(),
        "at": pl.Datetime("us", "UTC"),
        "day": pl.Date(),
        "truth": pl.Boolean(),
        "raw": pl.Binary(),
    }
)
NUMBERS = pl.Schema({"number": pl.Int64(), "text": pl.String()})
AWKWARD_TEXTS = (
    "",
    "100%",
    "%s %(x)s",
    "'quoted' \"twice\"",
    "a\\b\\",
    ":name",
    "zażółć 日本 👩‍💻",
    "line\nline\ttab",
    "007",
)
TEXTS = st.one_of(
    st.sampled_from(AWKWARD_TEXTS), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "text": st.none() | TEXTS,
            "number": st.none() | st.floats(allow_nan=False),
            "whole": st.none() | st.integers(-(2**63), 2**63 - 1),
            "at": st.none() | st.datetimes(datetime(1001, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
            "day": st.none() | st.dates(date(1001, 1, 1), date(9999, 12, 31)),
            "truth": st.none() | st.booleans(),
            "raw": st.none() | st.binary(),
        }
    ),
    max_size=8,
)


@database_examples(25)
@given(rows=ROWS)
def test_every_type_comes_back_as_it_went_in(connection: MarketConnection, rows: list[dict[str, Any]]) -> None:
    frame = pl.DataFrame([{"key": key, **row} for key, row in enumerate(rows)], schema=EVERY_TYPE)
    with connection.transaction():
        staged = connection.stage("every_type", frame)
        back = connection.read(sa.select(*staged.c).order_by(staged.c["key"]), EVERY_TYPE)
    assert back.schema == EVERY_TYPE
    assert back.equals(frame)


def test_what_no_frame_has_a_type_for_is_read_as_text(connection: MarketConnection) -> None:
    if connection.database.is_sqlite:
        pytest.skip("SQLite's types are those of frames")
    query = "SELECT sum(x) AS whole, avg(x) AS number FROM (VALUES (1::bigint), (2)) AS t(x)"
    assert connection.read(query, pl.Schema({"whole": pl.Int64(), "number": pl.Float64()})).rows() == [(3, 1.5)]
    uuid = "00000000-0000-0000-0000-000000000001"
    assert connection.read(f"SELECT '{uuid}'::uuid AS text", pl.Schema({"text": pl.String()})).height == 1
    assert connection.scalar("SELECT 12.50::numeric") == "12.50"


WITHOUT_PYARROW = """
import sys
sys.modules["pyarrow"] = None
import polars as pl
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database
with MarketConnection(Database(sys.argv[1])) as connection, connection.transaction():
    rows = pl.DataFrame({"text": ["a", None, "long enough to lie apart"], "number": [1.5, None, 2.0]})
    connection.stage("mine", pl.concat([rows, rows]))
    assert connection.read("SELECT * FROM mine", rows.schema).equals(pl.concat([rows, rows]))
    assert connection.scalar("SELECT count(*) FROM mine") == 6
"""


def test_it_does_without_pyarrow(database: Database) -> None:
    """PyArrow is there when tests run, and the drivers would use it; it is not installed with the program."""
    url = database.url.render_as_string(hide_password=False)
    subprocess.run([sys.executable, "-c", WITHOUT_PYARROW, url], check=True)


def test_a_column_of_nulls_and_late_values_keeps_its_type(connection: MarketConnection) -> None:
    late = {
        "text": "late",
        "number": 1.5,
        "whole": 2**62 + 1,
        "at": datetime(2026, 3, 1, 23, 59, 59, 999_999, tzinfo=UTC),
        "day": date(2026, 3, 1),
        "truth": False,
        "raw": b"\x00\xff",
    }
    rows = pl.DataFrame([{"key": key} for key in range(3000)] + [{"key": 3000, **late}], schema=EVERY_TYPE)
    with connection.transaction():
        staged = connection.stage("late_values", rows)
        back = connection.read(sa.select(*staged.c).order_by(staged.c["key"]), EVERY_TYPE)
    assert back.equals(rows)


@pytest.mark.parametrize("height", [0, 2])
def test_columns_without_any_value_keep_their_types(connection: MarketConnection, height: int) -> None:
    rows = pl.DataFrame([{"key": key} for key in range(height)], schema=EVERY_TYPE)
    with connection.transaction():
        staged = connection.stage("no_values", rows)
        back = connection.read(sa.select(*staged.c).order_by(staged.c["key"]), EVERY_TYPE)
    assert back.schema == EVERY_TYPE
    assert back.equals(rows)


def test_a_table_takes_and_gives_every_type_that_it_declares(connection: MarketConnection) -> None:
    full = {
        "posting_id": 2**63 - 1,
        "is_remote": True,
        "salary_min": 0.1 + 0.2,
        "posted_at": datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC),
        "partition_date": date(2026, 3, 1),
        **dict.fromkeys(("source", "external_id", "title"), AWKWARD_TEXTS[3]),
        **dict.fromkeys(("ingested_at", "last_seen_at"), datetime(2026, 3, 1, tzinfo=UTC)),
        "content_date": date(2026, 3, 2),
    }
    bare = {**full, "posting_id": 1, "external_id": "x", "is_remote": None, "salary_min": None}
    rows = pl.DataFrame([bare, full], schema=arrow_schema(job_postings))
    with connection.transaction():
        connection.append(job_postings, rows)
        query = sa.select(*job_postings.c).order_by(job_postings.c.posting_id)
        assert connection.read(query, rows.schema).equals(rows)


@pytest.mark.parametrize("text", AWKWARD_TEXTS)
def test_values_in_statements_arrive_as_they_are(connection: MarketConnection, text: str) -> None:
    pairs = pl.DataFrame({"skill_a": [text, "other"], "skill_b": ["b", "b"], "co_occurrences": [1, 2]})
    with connection.transaction():
        connection.append(skill_pairs, pairs)
        count = sa.select(skill_pairs.c.co_occurrences).where(skill_pairs.c.skill_a == text)
        assert connection.scalar(count) == 1
        connection.execute(skill_pairs.update().values(skill_b=text).where(skill_pairs.c.skill_a == text))
        assert connection.scalar(sa.select(skill_pairs.c.skill_a).where(skill_pairs.c.skill_b == text)) == text


def test_moments_and_days_in_statements_compare_as_stored(connection: MarketConnection) -> None:
    at = datetime(2026, 3, 1, 2, 30, tzinfo=UTC)
    row = {"source": "s", "partition_date": at.date(), "payload_hash": "h", "payload": "p", "reason": "r"}
    rows = pl.DataFrame([{**row, "rejected_at": at}], schema=arrow_schema(rejected_postings))
    table = rejected_postings.c
    with connection.transaction():
        connection.append(rejected_postings, rows)
        exactly = sa.select(table.source).where(table.rejected_at == at, table.partition_date == at.date())
        later = sa.select(table.source).where(table.rejected_at > at)
        assert connection.scalar(exactly) == "s"
        assert connection.scalar(later) is None


class Interrupted(BaseException):
    """Such as what ends a run from outside: no Exception."""


@pytest.mark.parametrize(
    "error", [ValueError("wrong"), OSError(28, "no space"), KeyboardInterrupt(), Interrupted()]
)
def test_an_exception_leaves_the_database_as_it_was(connection: MarketConnection, error: BaseException) -> None:
    with connection.transaction():
        connection.append(skill_pairs, PAIRS)
    with pytest.raises(type(error)) as raised, connection.transaction():
        connection.execute(skill_pairs.delete())
        connection.append(skill_pairs, PAIRS.with_columns(skill_a=pl.lit("new")))
        connection.stage("left_over", PAIRS)
        raise error
    assert raised.value is error
    with connection.transaction():
        assert connection.read(sa.select(*skill_pairs.c), PAIRS.schema).sort("skill_a").equals(PAIRS)
        connection.stage("left_over", PAIRS)


def test_a_failing_statement_is_worded_and_leaves_the_connection_of_use(connection: MarketConnection) -> None:
    with pytest.raises(StoreError) as raised, connection.transaction():
        connection.append(skill_pairs, PAIRS)
        connection.append(skill_pairs, PAIRS)
    assert connection.database.name in str(raised.value)
    assert "\n" not in str(raised.value)
    with connection.transaction():
        assert connection.scalar(sa.select(sa.func.count()).select_from(skill_pairs)) == 0


def test_upsert_overwrites_and_adds(connection: MarketConnection) -> None:
    texts = dict.fromkeys(("skill", "category", "esco"), pl.String())
    schema = pl.Schema({"skill_id": pl.Int16(), **texts})
    known = pl.DataFrame([(1, "A", "x", None), (2, "B", "y", "e")], schema=schema, orient="row")
    rows = pl.DataFrame([(2, "C", "y", None), (3, "D", "new", "f")], schema=schema, orient="row")
    with connection.transaction():
        connection.append(skills, known)
        staged = connection.stage("incoming", rows)
        connection.upsert(skills, sa.select(*staged.c).where(sa.true()))
        back = connection.read(sa.select(*skills.c).order_by(skills.c.skill_id), schema)
    assert back.rows() == [(1, "A", "x", None), (2, "C", "y", None), (3, "D", "new", "f")]


def test_staging_again_replaces_and_appending_adds(connection: MarketConnection) -> None:
    one, other = pl.DataFrame({"a": [1]}), pl.DataFrame({"b": ["x"]})
    with connection.transaction():
        connection.stage("staged", one)
        connection.stage("staged", one, append=True)
        assert connection.read("SELECT a FROM staged", one.schema)["a"].to_list() == [1, 1]
        connection.stage("staged", other)
        assert connection.read("SELECT b FROM staged", other.schema)["b"].to_list() == ["x"]


@pytest.mark.parametrize("height", [0, 2, 5])
def test_many_rows_are_written_some_at_a_time(
    connection: MarketConnection, monkeypatch: pytest.MonkeyPatch, height: int
) -> None:
    monkeypatch.setattr(connection_module, "_WRITTEN_TOGETHER", 2)
    numbers = pl.DataFrame({"number": range(height), "text": [None, *"abcd"][:height]}, NUMBERS)
    coded = numbers.with_columns(pl.col("text").cast(pl.Categorical))
    for frame in (numbers, coded):
        staged = connection.stage("numbers", frame)
        assert connection.read(sa.select(staged).order_by("number"), numbers.schema).equals(numbers)


def test_staging_never_touches_a_table_that_somebody_keeps_under_that_name(connection: MarketConnection) -> None:
    with connection.transaction():
        connection.execute("CREATE TABLE links (theirs BIGINT)")
        connection.execute("INSERT INTO links VALUES (7)")
    with connection.transaction():
        staged = connection.stage("links", pl.DataFrame({"ours": [1]}))
        assert connection.scalar(sa.select(staged.c["ours"])) == 1
    with MarketConnection(connection.database) as another, another.transaction():
        assert another.scalar("SELECT theirs FROM links") == 7


def test_what_was_committed_is_forced_to_disk(connection: MarketConnection) -> None:
    if connection.database.is_sqlite:
        assert connection.scalar("PRAGMA synchronous") == 2
    else:
        left = "SELECT setting = reset_val FROM pg_settings WHERE name = 'synchronous_commit'"
        assert connection.scalar(left), "as the server has it"


def test_sqlite_keeps_as_many_pages_as_it_may(connection: MarketConnection) -> None:
    if not connection.database.is_sqlite:
        pytest.skip("PostgreSQL has pages of its own")
    connection.keep_pages(64)
    # Kibibytes, where it is negative.
    assert connection.scalar("PRAGMA cache_size") == -64 * 1024


def test_texts_are_compressed_by_the_quickest_method_that_the_server_has(connection: MarketConnection) -> None:
    if connection.database.is_sqlite:
        pytest.skip("SQLite compresses nothing")
    has_lz4, used = connection.read(
        "SELECT 'lz4' = ANY(enumvals) AS has_lz4, setting AS used FROM pg_settings "
        "WHERE name = 'default_toast_compression'",
        pl.Schema({"has_lz4": pl.Boolean(), "used": pl.String()}),
    ).row(0)
    assert used == ("lz4" if has_lz4 else "pglz")


def test_nothing_is_read_before_it_is_committed(connection: MarketConnection) -> None:
    count = sa.select(sa.func.count()).select_from(skill_pairs)
    with MarketConnection(connection.database) as reader:
        with connection.transaction():
            connection.append(skill_pairs, PAIRS)
            with reader.transaction():
                assert reader.scalar(count) == 0
        with reader.transaction():
            assert reader.scalar(count) == PAIRS.height


def test_a_new_file_that_another_connection_writes_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "market.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr(database_module.time, "sleep", lambda _seconds: other.execute("ROLLBACK"))
        with Database(f"sqlite:///{path}").engine().connect() as connection:
            assert connection.scalar(sa.text("PRAGMA journal_mode")) == "wal"
        assert not other.in_transaction, "it was waited for"
