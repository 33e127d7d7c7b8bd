"""`market-assets sql` and `export`: every row comes out, in every format, and nothing goes in."""

from __future__ import annotations

import csv
import json
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest
import sqlalchemy as sa

from market_assets.cli import sql
from market_assets.cli.command import CommandFailedError
from market_assets.cli.sql import write_workbook
from market_assets.settings import Settings
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database, StoreError
from market_assets.store.read_only import answered
from market_assets.store.reading import read_batches
from market_assets.store.tables.catalog import VIEWS
from market_assets.store.tables.columns import arrow_schema
from market_assets.store.tables.postings import posting_skill_facts, posting_skills, skills
from market_assets_tests.cli.conftest import Invoke
from market_assets_tests.databases import database_of_kind
from market_assets_tests.web.market_tables import fill

DEMAND = (
    "SELECT skill, postings, median_salary FROM skill_demand WHERE industry IS NULL ORDER BY postings DESC, skill"
)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database of each kind with a market in it, for tests that only read."""
    with database_of_kind(request, tmp_path_factory) as database:
        fill(database)
        yield database


@pytest.fixture
def url(filled: Database) -> str:
    return filled.url.render_as_string(hide_password=False)


@pytest.mark.both_databases
def test_rows_of_a_query_in_every_form(invoke: Invoke, url: str, filled: Database) -> None:
    with answered(filled, DEMAND) as answer:
        rows = [tuple(row) for row in answer.rows]
    assert len(rows) > 20
    as_json = json.loads(invoke("sql", "--json", DEMAND, DATABASE_URL=url).stdout)
    assert [tuple(row.values()) for row in as_json] == rows
    as_csv = list(csv.reader(StringIO(invoke("sql", "--csv", "-", stdin=DEMAND, DATABASE_URL=url).stdout)))
    assert as_csv[0] == ["skill", "postings", "median_salary"]
    assert [(skill, int(count), float(pay) if pay else None) for skill, count, pay in as_csv[1:]] == rows
    table = invoke("sql", DEMAND, DATABASE_URL=url).stdout.splitlines()
    assert table[0].split() == ["skill", "postings", "median_salary"]
    assert len(table) == len(rows) + 1
    strange = invoke("sql", "SELECT '50 % of [bold]' AS a, NULL AS b", DATABASE_URL=url).stdout.splitlines()
    assert [line.split() for line in strange] == [["a", "b"], ["50", "%", "of", "[bold]"]]


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM skill_demand",
        "UPDATE users SET role = 'admin'",
        "DROP TABLE skill_demand",
        "CREATE TABLE more (number INTEGER)",
        "SELECT 1; DELETE FROM skill_demand",
        "SELECT 1; COMMIT; DELETE FROM skill_demand",
        "SELECT setval('accounts.audit_log_audit_id_seq', 9)",
        "PRAGMA journal_mode = DELETE",
        "VACUUM INTO 'other.db'",
        "ATTACH 'other.db' AS other",
        "WITH gone AS (SELECT 1) INSERT INTO skills SELECT 1, 'x', 'y'",
        "BEGIN",
        "",
        "SELECT nothing FROM skill_demand",
    ],
)
def test_a_query_changes_nothing_and_says_what_is_wrong(
    invoke: Invoke, url: str, project: Path, query: str
) -> None:
    before = invoke("export", "skill_demand", DATABASE_URL=url).stdout
    result = invoke("sql", query, DATABASE_URL=url)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("market-assets: ")
    assert result.stderr.count("\n") == 1
    assert invoke("export", "skill_demand", DATABASE_URL=url).stdout == before
    assert not (project / "other.db").exists()


def test_the_password_of_a_database_is_not_shown() -> None:
    with (
        pytest.raises(StoreError) as caught,
        answered(Database("postgresql://u:secret@127.0.0.1:1/x"), "SELECT 1"),
    ):
        pass
    assert "secret" not in str(caught.value)


@pytest.mark.both_databases
@pytest.mark.parametrize("table", ["skill_demand", "trending_skills", "market_summary", "salary_trends"])
def test_a_table_is_exported_whole(invoke: Invoke, url: str, filled: Database, tmp_path: Path, table: str) -> None:
    with answered(filled, f"SELECT * FROM {table}") as answer:
        rows, names = sorted(map(tuple, answer.rows), key=str), list(answer.columns)
    files = {kind: tmp_path / f"{table}.{kind}" for kind in sql.FORMATS}
    for file in files.values():
        result = invoke("export", table, "-o", file, DATABASE_URL=url)
        assert (result.exit_code, result.stdout) == (0, f"{len(rows):,} rows of {table} written to {file}\n")
    frame = pl.read_parquet(files["parquet"])
    assert frame.columns == names
    assert frame.height == len(rows)
    with files["csv"].open(newline="") as opened:
        written = list(csv.DictReader(opened))
    for name, kind in frame.schema.items():
        values = [float(row[name]) if kind.is_numeric() and row[name] else row[name] or None for row in written]
        expected = frame[name].dt.strftime("%Y-%m-%dT%H:%M:%S%.6f+0000") if kind.is_temporal() else frame[name]
        assert values == expected.to_list(), name
    objects = json.loads(files["json"].read_text())
    assert objects == [json.loads(line) for line in files["jsonl"].read_text().splitlines()]
    assert [list(each) for each in objects] == [names] * len(rows)
    numbers = [name for name, kind in frame.schema.items() if kind.is_numeric()]
    assert [[each[name] for name in numbers] for each in objects] == [list(row) for row in frame[numbers].rows()]
    sheet = cells_of(files["xlsx"])
    assert sheet[0] == names and len(sheet) == len(rows) + 1
    for name, cells in zip(names, zip(*sheet[1:], strict=True), strict=True):
        if not frame.schema[name].is_temporal():
            assert all(map(is_in_workbook, cells, frame[name])), name
    assert sorted(path.name for path in tmp_path.iterdir() if table in path.name) == sorted(
        file.name for file in files.values()
    )


def is_in_workbook(cell: Any, value: Any) -> bool:
    """Whether a cell has a value; numbers with 16 digits."""
    return bool(cell == (value if isinstance(value, str | None) else pytest.approx(value, rel=1e-14)))


SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def cells_of(file: Path | BytesIO) -> list[list[Any]]:
    """The rows of a workbook's sheet; None where a cell is empty."""
    with zipfile.ZipFile(file) as workbook:
        root = ElementTree.fromstring(workbook.read("xl/worksheets/sheet1.xml"))
    rows = []
    for row in root.iter(f"{SHEET}row"):
        found = {}
        for cell in row:
            column = re.sub(r"\d", "", cell.attrib["r"])
            is_text = cell.attrib.get("t") == "inlineStr"
            value = "".join(cell.itertext())
            found[column] = value if is_text else float(value)
        rows.append(found)
    letters = sorted(rows[0], key=lambda column: (len(column), column))
    return [[row.get(column) for column in letters] for row in rows]


def test_a_workbook_takes_texts_as_they_are() -> None:
    texts = ["=1+1", "https://example.org", "007", "<b>&", "a" * 32_767, "\x07"]
    file = BytesIO()
    assert write_workbook(file, ["text", "number"], iter([pl.DataFrame([texts, [2**60, 1, 2, 3, 4, None]])])) == 6
    rows = cells_of(file)
    assert [text for text, _ in rows[1:6]] == texts[:5]
    assert [number for _, number in rows[1:]] == [str(2**60), 1, 2, 3, 4, None]
    with pytest.raises(CommandFailedError, match="32,767 characters"):
        write_workbook(BytesIO(), ["text"], iter([pl.DataFrame([["a" * 32_768]])]))


@pytest.mark.both_databases
@pytest.mark.parametrize("batch", [1, 7, 20_000])
def test_a_view_comes_in_batches_without_gaps(connection: MarketConnection, batch: int) -> None:
    names = {1: "Python", 2: "C", 3: "Ada"}
    pairs = [(posting, skill) for posting in range(20) for skill in names if posting % skill == 0]
    with connection.transaction():
        connection.append(skills, frame(skills, [(number, name, "Any", None) for number, name in names.items()]))
        connection.append(posting_skill_facts, frame(posting_skill_facts, [(*pair, 50, None) for pair in pairs]))
        frames = list(read_batches(connection, posting_skills, batch))
    assert [each.height for each in frames[:-1]] == [batch] * (len(frames) - 1)
    assert sorted(pl.concat(frames).rows()) == sorted((posting, names[skill], 0.5) for posting, skill in pairs)


def frame(table: sa.Table, rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=arrow_schema(table), orient="row")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["skill_demnd"], "'skill_demnd' is no table to export; did you mean skill_demand?"),
        (["users"], "'users' is no table to export"),
        (["audit_log"], "'audit_log' is no table to export"),
        (["skill_demand", "-o", "demand.doc"], "'doc' is none of csv, json, jsonl, parquet, xlsx"),
    ],
)
def test_what_can_not_be_exported_is_wrong_use(invoke: Invoke, arguments: list[str], error: str) -> None:
    result = invoke("export", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert error in " ".join(result.stderr.split())


def test_a_file_that_can_not_be_written_leaves_none(invoke: Invoke, url: str, tmp_path: Path) -> None:
    into = tmp_path / "missing" / "demand.csv"
    result = invoke("export", "skill_demand", "-o", into, DATABASE_URL=url)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"market-assets: can't write {into}: ")


def test_standard_output_takes_parquet_too(invoke: Invoke, url: str) -> None:
    result = invoke("export", "skill_demand", "--format", "parquet", DATABASE_URL=url)
    assert pl.read_parquet(BytesIO(result.stdout_bytes)).height > 20


def test_settings_name_the_database(invoke: Invoke, project: Path) -> None:
    assert invoke("sql", "SELECT count(*) AS postings FROM job_postings").stdout.split() == ["postings", "0"]
    assert Database(Settings(MARKET_ASSETS_DATA_DIR=project / "data", _env_file=None).market_url).path.exists()


#: View → its table, the columns that are null in its rows, and those that are known.
KINDS: dict[str, tuple[str, set[str], set[str]]] = {
    "total_skill_demand": ("skill_demand", {"industry"}, set()),
    "industry_skill_demand": ("skill_demand", set(), {"industry"}),
    "skill_salaries": ("salary_statistics", {"country", "seniority"}, set()),
    "skill_salaries_by_country": ("salary_statistics", {"seniority"}, {"country"}),
    "skill_salaries_by_seniority": ("salary_statistics", {"country"}, {"seniority"}),
    "employment_salaries_by_type": ("employment_salaries", {"country"}, {"employment_type"}),
}


@pytest.mark.both_databases
@pytest.mark.parametrize("view", KINDS)
def test_views_hold_each_row_of_their_kind_once(filled: Database, view: str) -> None:
    """Without the columns that are null in all of them, so that nothing in them is counted twice."""
    table, null, known = KINDS[view]
    with answered(filled, f"SELECT * FROM {table}") as answer:
        rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    of_kind = [
        {name: value for name, value in row.items() if name not in null}
        for row in rows
        if all(row[name] is None for name in null) and all(row[name] is not None for name in known)
    ]
    assert of_kind
    with answered(filled, f"SELECT * FROM {view}") as answer:
        shown = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    assert sorted(shown, key=str) == sorted(of_kind, key=str)


def test_every_view_is_of_a_known_kind() -> None:
    # Those of postings are counted in test_twenty_questions.
    assert {view.name for view in VIEWS} == {*KINDS, "counted_postings", "counted_skills"}


def test_what_tables_there_are_may_be_asked(invoke: Invoke) -> None:
    assert invoke("db", "upgrade").exit_code == 0
    columns = invoke("sql", "--csv", "SELECT name FROM pragma_table_info('skills')").stdout.split()
    assert columns == ["name", "skill_id", "skill", "category", "esco"]
    recursive = (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 3) SELECT sum(x) AS x FROM n"
    )
    assert invoke("sql", "--csv", recursive).stdout.split() == ["x", "6"]


def test_a_refused_change_is_called_so(invoke: Invoke) -> None:
    assert invoke("db", "upgrade").exit_code == 0
    result = invoke("sql", "DELETE FROM skill_demand")
    assert result.stderr == "market-assets: data/market.db: not authorized: a query may only read\n"
