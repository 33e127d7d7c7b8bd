"""Tables that users' assets make: any frame comes back as it was; nothing of the program's is overwritten."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from market_assets.store import own_tables
from market_assets.store.connection import MarketConnection
from market_assets.store.database import StoreError
from market_assets.store.own_tables import (
    FrameError,
    NoSuchTableError,
    as_kind,
    declared_tables,
    from_any_kind,
    kind_of_class,
    read_any,
    replace_own,
)

NOON = datetime(2026, 3, 5, 12, 30, 0, 123456, tzinfo=UTC)
EVERYTHING = pl.DataFrame(
    {
        "text": ["a", None, "100 % 'x' \"y\""],
        "Count of": [1, None, 2**62],
        "small": pl.Series([1, 2, 3], dtype=pl.UInt8),
        "share": [0.1, None, -2.5],
        "is_new": [True, None, False],
        "day": [date(2026, 3, 5), None, date(1970, 1, 1)],
        "time": [NOON, None, NOON],
        "bytes": [b"\x00a", None, b""],
        "label": pl.Series(["x", "y", None], dtype=pl.Categorical),
        "nothing": [None, None, None],
        "select": ["a", "b", "c"],
    }
)


def stored(connection: MarketConnection, rows: pl.DataFrame, name: str = "mine") -> pl.DataFrame:
    replace_own(connection, name, rows)
    return read_any(connection, name)


def test_every_kind_of_column_comes_back(connection: MarketConnection) -> None:
    expected = EVERYTHING.with_columns(
        pl.col("small").cast(pl.Int64), pl.col("label", "nothing").cast(pl.String())
    )
    assert stored(connection, EVERYTHING).equals(expected)


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow"])
def test_a_frame_of_any_library_comes_back(connection: MarketConnection, kind: str) -> None:
    rows = pl.DataFrame({"skill": ["SQL", "Go"], "pay": [1.5, None], "at": [NOON, NOON], "ok": [True, False]})
    frame = as_kind(rows, kind)  # type: ignore[arg-type]
    assert kind_of_class(type(frame)) == kind
    assert stored(connection, from_any_kind(frame)).equals(rows)
    assert from_any_kind(as_kind(read_any(connection, "mine"), kind)).equals(rows)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "command"), [("pandas", "pip install 'market-assets[pandas]'"), ("arrow", "pip install pyarrow")]
)
def test_a_library_that_is_not_installed_is_named(
    kind: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_tables, "find_spec", lambda _module: None)
    with pytest.raises(FrameError, match=r"which is not installed: ") as raised:
        as_kind(EVERYTHING, kind)  # type: ignore[arg-type]
    assert command in str(raised.value)
    assert as_kind(EVERYTHING, "polars") is EVERYTHING


def test_a_second_frame_takes_the_place_of_the_first_whole(connection: MarketConnection) -> None:
    stored(connection, EVERYTHING)
    other = pl.DataFrame({"text": [1, 2]})
    assert stored(connection, other).equals(other)
    assert stored(connection, other.clear()).equals(other.clear())


def test_an_empty_frame_keeps_its_columns(connection: MarketConnection) -> None:
    empty = EVERYTHING.drop("small", "label", "nothing").clear()
    assert stored(connection, empty).equals(empty)


def test_times_are_in_utc(connection: MarketConnection) -> None:
    naive = pl.DataFrame({"at": [NOON.replace(tzinfo=None)]}, schema={"at": pl.Datetime("ns")})
    berlin = pl.DataFrame({"at": [NOON]}).with_columns(pl.col("at").dt.convert_time_zone("Europe/Berlin"))
    assert stored(connection, naive)["at"].to_list() == [NOON]
    assert stored(connection, berlin)["at"].to_list() == [NOON]


def test_no_table_of_the_program_can_be_replaced(connection: MarketConnection) -> None:
    for name in [*declared_tables(), "alembic_version", "sqlite_x", "pg_x"]:
        with pytest.raises(StoreError, match=f"the name {name} is kept by the program: give the asset another"):
            replace_own(connection, name, pl.DataFrame({"a": [1]}))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (pl.DataFrame({"tags": [["a"]]}), r"the column tags holds List\(String\), which a table can't"),
        (pl.DataFrame({"x" * 64: [1]}), "1 to 63 characters"),
        (pl.DataFrame({"": [1]}), "1 to 63 characters"),
        (pl.DataFrame({"n": pl.Series([2**64 - 1], dtype=pl.UInt64)}), "conversion .* failed"),
    ],
)
def test_a_column_that_no_table_can_hold_is_named_and_nothing_changes(
    connection: MarketConnection, rows: pl.DataFrame, message: str
) -> None:
    before = stored(connection, pl.DataFrame({"a": [1]}))
    with pytest.raises(FrameError, match=message):
        replace_own(connection, "mine", rows)
    assert read_any(connection, "mine").equals(before)


def test_a_write_that_fails_changes_nothing(connection: MarketConnection) -> None:
    before = stored(connection, pl.DataFrame({"a": [1]}))
    # Both databases refuse two columns whose names differ in case alone only on SQLite; a NUL only on PostgreSQL.
    refused = pl.DataFrame({"a": [1], "A": [2]} if connection.database.is_sqlite else {"a": ["\x00"]})
    with pytest.raises(StoreError):
        replace_own(connection, "mine", refused)
    assert read_any(connection, "mine").equals(before)


def test_every_table_of_the_program_can_be_read(connection: MarketConnection) -> None:
    for name in declared_tables():
        assert read_any(connection, name).width > 0


def test_a_table_that_is_not_there_is_named_with_what_was_meant(connection: MarketConnection) -> None:
    with pytest.raises(
        NoSuchTableError, match=r"there is no table skil_demand in .*; did you mean skill_demand\?"
    ):
        read_any(connection, "skil_demand")
    with pytest.raises(NoSuchTableError, match=r"there is no table q'; DROP TABLE skills in [^;]*$"):
        read_any(connection, "q'; DROP TABLE skills")


def test_named_levels_of_a_pandas_index_become_columns() -> None:
    frame = pd.DataFrame({"skill": ["a", "a", "b"], "pay": [1, 3, 5]})
    assert from_any_kind(frame.groupby("skill").mean()).to_dict(as_series=False) == {
        "skill": ["a", "b"],
        "pay": [2.0, 5.0],
    }
    assert from_any_kind(frame[frame["pay"] > 1]).columns == ["skill", "pay"]
    assert from_any_kind(pd.DataFrame({0: [1], 1: [2]})).columns == ["0", "1"]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.Series([1, None]), [1.0, None]),
        (pd.Series([1, None], dtype="Int64"), [1, None]),
        (pd.Series([True, None], dtype="boolean"), [True, None]),
        (pd.Series(["a", None], dtype="category"), ["a", None]),
        (pd.Series(["a", None], dtype=object), ["a", None]),
        (pd.Series([date(2026, 3, 5), None]), [date(2026, 3, 5), None]),
        (pd.Series([NOON, None]), [NOON, None]),
        (pd.Series([NOON, None]).dt.tz_convert("Asia/Tokyo"), [NOON, None]),
        (pd.to_datetime(pd.Series(["2026-03-05", None])), [datetime(2026, 3, 5), None]),  # noqa: DTZ001
        (pd.Series(["2026-03-05"], dtype="datetime64[s]"), [datetime(2026, 3, 5)]),  # noqa: DTZ001
        (pd.Series([], dtype="float64"), []),
    ],
)
def test_every_kind_of_pandas_column_arrives(column: pd.Series, expected: list[object]) -> None:
    assert from_any_kind(pd.DataFrame({"a": column}))["a"].to_list() == expected


def test_what_pandas_shows_of_a_table(connection: MarketConnection) -> None:
    frame = as_kind(stored(connection, EVERYTHING), "pandas")
    assert isinstance(frame, pd.DataFrame)
    kinds = {"text": "str", "Count of": "float64", "small": "int64", "share": "float64", "is_new": "object"}
    times = {"day": "datetime64[ms]", "time": "datetime64[us, UTC]", "bytes": "object"}
    texts = {"label": "str", "nothing": "str", "select": "str"}
    assert frame.dtypes.astype(str).to_dict() == kinds | times | texts
    assert frame["text"].isna().tolist() == [False, True, False]
    assert from_any_kind(frame.drop(columns=["Count of", "day", "nothing", "small"])).equals(
        stored(connection, EVERYTHING.drop("Count of", "day", "nothing", "small"))
    )


@pytest.mark.parametrize(
    "frame", [pd.DataFrame([[1, 2]], columns=["a", "a"]), pa.table([[1], [2]], names=["a", "a"])]
)
def test_two_columns_of_one_name_are_refused(frame: object) -> None:
    with pytest.raises(FrameError):
        from_any_kind(frame)


@pytest.mark.parametrize("value", [None, 3, {"a": [1]}, [1], "text", pd.Series([1])])
def test_what_is_no_frame_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="is no frame of pandas, Polars or Arrow"):
        from_any_kind(value)


def test_any_name_of_a_column_will_do(connection: MarketConnection) -> None:
    names = [
        'a"b',
        "a'b",
        "100 %",
        "a:b",
        "größe",
        "a\nb",
        "[x]",
        "a.b",
        "-- x",
        "A",
        "%s",
        "?",
        "$1",
        "user",
        "rowid_",
    ]
    rows = pl.DataFrame({name: [number] for number, name in enumerate(names)})
    assert stored(connection, rows).equals(rows)
    assert stored(connection, rows, "Größe").equals(rows)
