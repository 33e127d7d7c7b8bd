"""Statistics in YAML: a SQL query becomes a table beside the others, or the run says why it does not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
import sqlalchemy as sa

import market_assets
from market_assets.settings import Settings
from market_assets.store.database import Database
from market_assets.store.own_tables import tables_named_in
from market_assets_tests.defs.test_custom_definitions import problems_in
from market_assets_tests.operations.own_tasks import code_location
from market_assets_tests.pipelines import ListedSource, Pipeline, done, failed_checks, failure_of, figures

DAY = date(2026, 3, 5)
POSTED = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
POSTINGS = [
    {"id": str(number), "title": title, "salary": pay, "posted_at": (POSTED + timedelta(hours=number)).isoformat()}
    for number, (title, pay) in enumerate(
        [("Nurse", "$50,000 a year"), ("Nurse II", "$70,000 a year"), ("Driver", "")]
    )
]
STATISTIC = """
type: market_assets.MarketStatistic
attributes:
  name: days
  description: Postings of a day.
  sql: |
    SELECT partition_date AS day, MAX(posted_at) AS newest, COUNT(*) AS postings,
           SUM(annual_salary_min) / 2 AS pay, COUNT(annual_salary_min) > 2 AS most_state_pay, '100 %' AS quoted
    FROM job_postings GROUP BY partition_date
  columns:
    - {name: day, description: The day of the fetch., type: date, not_null: true}
    - {name: newest, type: time}
    - {name: most_state_pay, type: boolean}
  unique: [day]
"""
BEFORE = "'2026-01-01'"
ONE_COLUMN = """
type: market_assets.MarketStatistic
attributes:
  name: days
  sql: "{query}"
  columns: [{{name: day, type: date, not_null: true}}]
  unique: [day]
"""


def statistic(folder: Path, text: str = STATISTIC) -> Path:
    (folder / "days").mkdir(parents=True, exist_ok=True)
    (folder / "days" / "defs.yaml").write_text(text)
    return folder


def pipeline(settings: Settings, folder: Path) -> Pipeline:
    with_own = settings.model_copy(update={"custom_dir": folder})
    return Pipeline(with_own, ListedSource(days={DAY: POSTINGS}))


def read(settings: Settings) -> pl.DataFrame:
    return market_assets.read("days", "polars", database=settings.market_url)


@pytest.mark.both_databases
def test_the_answer_of_a_query_is_a_table(settings: Settings, tmp_path: Path) -> None:
    with pipeline(settings, statistic(tmp_path / "custom")) as market:
        market.ingest(DAY)
        result = done(market.materialize("days"))
    expected = {
        "day": DAY,
        "newest": POSTED + timedelta(hours=2),
        "postings": 3,
        "pay": 60_000.0,
        "most_state_pay": False,
        "quoted": "100 %",
    }
    assert read(settings).rows(named=True) == [expected]
    shown = figures(result, "days")
    assert (shown["dagster/row_count"], shown["dagster/table_name"]) == (1, "days")
    columns = {column.name: column for column in shown["dagster/column_schema"].columns}
    assert list(columns) == list(expected)
    assert (columns["day"].description, columns["day"].type) == ("The day of the fetch.", "date")
    assert columns["day"].constraints == dg.TableColumnConstraints(nullable=False, unique=True)
    assert columns["postings"].type == "bigint"
    checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert checks == {"not_null": True, "unique": True}


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("sql", "failed", "message"),
    [
        ("SELECT NULL AS day", {"not_null"}, "1 rows have no day"),
        (f"SELECT {BEFORE} AS day UNION ALL SELECT {BEFORE}", {"unique"}, "1 rows repeat day"),
        ("SELECT 1 AS other", set(), "the query gives no column day"),
        ("SELECT 'x' AS day", set(), "conversion"),
        ("SELECT 1 AS day, 2 AS day", set(), "the query's answer is no table"),
        ("DELETE FROM days RETURNING day", set(), ""),
        ("SELECT nothing AS day FROM job_postings", set(), "nothing"),
    ],
)
def test_a_wrong_answer_replaces_nothing(
    settings: Settings, tmp_path: Path, sql: str, failed: set[str], message: str
) -> None:
    for query in (f"SELECT {BEFORE} AS day", sql):
        folder = statistic(tmp_path / "custom", ONE_COLUMN.format(query=query))
        with pipeline(settings, folder) as market:
            result = market.materialize("days")
    assert message in failure_of(result)
    assert {check for _, check, _ in failed_checks(result)} == failed
    assert read(settings)["day"].to_list() == [date(2026, 1, 1)]


def test_its_checks_run_by_themselves_over_the_stored_table(settings: Settings, tmp_path: Path) -> None:
    folder = statistic(tmp_path / "custom", ONE_COLUMN.format(query=f"SELECT {BEFORE} AS day"))
    with pipeline(settings, folder) as market:
        done(market.materialize("days"))
        with Database(settings.market_url).engine().begin() as connection:
            connection.execute(sa.text("INSERT INTO days SELECT * FROM days"))
        result = done(market.check("days"))
    checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert checks == {"not_null": True, "unique": False}
    assert read(settings).height == 2, "nothing is replaced"


def test_a_statistic_waits_for_the_tables_that_it_reads(tmp_path: Path) -> None:
    folder = statistic(
        tmp_path,
        STATISTIC.replace("FROM job_postings", "FROM total_skill_demand JOIN mine USING (skill)")
        + "  deps: [mine]\n",
    )
    defs = code_location(folder, "import dagster as dg\n@dg.asset\ndef mine(): ...\n")
    node = defs.resolve_asset_graph().get(dg.AssetKey("days"))
    assert {key.to_user_string() for key in node.parent_keys} == {"skill_demand", "mine"}
    assert node.group_name == "statistics"
    assert defs.resolve_job_def("refresh_market_stats").asset_layer.executable_asset_keys >= {dg.AssetKey("days")}


def test_the_tables_of_a_query_are_found_in_any_spelling() -> None:
    query = (
        'WITH a AS (SELECT * FROM "Skill_Demand") SELECT 1 FROM a, public.job_postings, skill_salaries, nothing'
    )
    assert tables_named_in(query) == {"skill_demand", "job_postings", "salary_statistics"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (STATISTIC.replace("unique:", "unike:"), "defs.yaml:14` Extra inputs are not permitted"),
        (STATISTIC.replace("  name: days\n", ""), "Field required"),
        (STATISTIC.replace("type: date", "type: day"), "Input should be 'text', 'integer'"),
        (STATISTIC.replace("MarketStatistic", "Nothing"), "Module `market_assets` has no attribute `Nothing`"),
        (STATISTIC.replace("  name: days", "  name: skill_demand"), "skill_demand"),
        ("type: [", "ParserError"),
    ],
)
def test_a_file_that_is_wrong_is_left_out_and_the_rest_loads(tmp_path: Path, text: str, message: str) -> None:
    defs = code_location(statistic(tmp_path, text), "import dagster as dg\n@dg.asset\ndef good(): ...\n")
    keys = {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}
    assert {"good", "skill_demand"} <= keys
    assert "days" not in keys
    problem = problems_in(defs)
    assert problem.startswith(f"{tmp_path / 'days'}: ")
    assert message in problem
    assert "\n" not in problem
