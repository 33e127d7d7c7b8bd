"""Definitions in the user's own files: they are in the code location, and what they return is in the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

import market_assets
from market_assets.defs.custom import CustomFilesError
from market_assets.operations.names import TASKS_SENSOR
from market_assets.store import schema
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database, StoreError
from market_assets.store.lock import StoreLock
from market_assets.store.results import replace_table
from market_assets.store.tables.results import category_relationships
from market_assets_tests.operations.own_tasks import code_location

PAIRS = pl.DataFrame({"category_a": ["Data", "Data"], "category_b": ["Tools", "Web"], "co_occurrences": [3, 5]})
HEADER = "import dagster as dg, pandas as pd, polars as pl, pyarrow as pa\n"
EVERYTHING = """
import dagster as dg
from market_assets.tasks import scheduled_job

@dg.asset(group_name="mine")
def pay_gap(): ...

@dg.asset_check(asset=pay_gap)
def gap_is_small(): return dg.AssetCheckResult(passed=True)

@dg.asset_check(asset="skill_demand")
def python_is_there(skill_demand): return dg.AssetCheckResult(passed=len(skill_demand) >= 0)

@dg.op
def two(): return {"two": 2}

@dg.op
def seen(context, number): context.log.info(number["two"] + 1)

@dg.job
def ops_job(): seen(two())

gap_job = dg.define_asset_job("gap_job", selection="pay_gap")
gap_schedule = dg.ScheduleDefinition(job=gap_job, cron_schedule="0 6 * * *")

@dg.sensor(job=ops_job)
def now_and_then(): ...

more = [dg.AssetSpec("listed")]
defs = dg.Definitions(assets=[dg.AssetSpec("in_definitions")])

@scheduled_job("mine", hours=1)
def task(): ...
"""


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """An instance that forgets, for runs."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def store(tmp_path: Path) -> Database:
    """The store of the code location, with two rows in a result table."""
    database = Database(f"sqlite:///{tmp_path / 'data' / 'market.db'}")
    schema.upgrade(database)
    with MarketConnection(database) as connection:
        replace_table(connection, category_relationships, PAIRS, expect_rows=True)
    return database


def materialize(defs: dg.Definitions, instance: dg.DagsterInstance, *assets: str) -> dg.ExecuteInProcessResult:
    job = defs.resolve_implicit_global_asset_job_def()
    keys = [dg.AssetKey(asset) for asset in assets]
    return job.execute_in_process(instance=instance, asset_selection=keys, raise_on_error=False)


def cause(result: dg.ExecuteInProcessResult) -> str:
    event = next(event for event in result.all_events if event.is_step_failure)
    failure = event.step_failure_data
    if failure.user_failure_data and failure.user_failure_data.description:
        return str(failure.user_failure_data.description)
    assert failure.error is not None
    return (failure.error.cause or failure.error).message.strip()


def metadata_of(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    (event,) = result.asset_materializations_for_node(asset)
    return {name: value.value for name, value in event.metadata.items()}


def read(store: Database, table: str) -> pl.DataFrame:
    return market_assets.read(table, "polars", database=f"sqlite:///{store.path}")


def problems_in(defs: dg.Definitions) -> str:
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance)
        try:
            defs.resolve_sensor_def(TASKS_SENSOR).evaluate_tick(context)
        except CustomFilesError as error:
            return str(error)
        except dg.DagsterError as error:
            return "" if error.__cause__ is None else str(error.__cause__)
    return ""


def test_everything_in_a_file_is_in_the_code_location(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    defs = code_location(tmp_path, EVERYTHING)
    repository = defs.get_repository_def()
    keys = {key.to_user_string() for key in repository.asset_graph.get_all_asset_keys()}
    assert {"pay_gap", "listed", "in_definitions", "skill_demand"} <= keys
    assert {"ops_job", "gap_job", "mine", "refresh_market_stats"} <= set(repository.job_names)
    assert {"gap_job_schedule", "mine_schedule"} <= {each.name for each in repository.schedule_defs}
    assert "now_and_then" in {each.name for each in repository.sensor_defs}
    checks = {f"{key.asset_key.to_user_string()}:{key.name}" for key in repository.asset_graph.asset_check_keys}
    assert {"pay_gap:gap_is_small", "skill_demand:python_is_there"} <= checks
    assert problems_in(defs) == ""
    assert defs.resolve_job_def("ops_job").execute_in_process(instance=instance).success


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        ("", "pandas.DataFrame"),
        (": pd.DataFrame", "pandas.DataFrame"),
        (": pl.DataFrame", "polars.dataframe.frame.DataFrame"),
        (": pl.LazyFrame", "polars.lazyframe.frame.LazyFrame"),
        (": pa.Table", "pyarrow.lib.Table"),
    ],
)
def test_a_table_arrives_as_the_frame_of_the_annotation(
    tmp_path: Path, instance: dg.DagsterInstance, store: Database, annotation: str, kind: str
) -> None:
    defs = code_location(
        tmp_path,
        f"{HEADER}@dg.asset\ndef mine(category_relationships{annotation}):\n"
        "    kind = type(category_relationships)\n"
        "    found = kind.__module__.replace('pandas.core.frame', 'pandas') + '.' + kind.__name__\n"
        "    rows = category_relationships.collect() if 'lazy' in found else category_relationships\n"
        "    return pl.DataFrame({'kind': [found], 'rows': [len(rows)]})\n",
    )
    result = materialize(defs, instance, "mine")
    assert result.success
    assert read(store, "mine").rows() == [(kind, 2)]


@pytest.mark.parametrize(
    "returned",
    [
        "pd.DataFrame({'a': [1, 2], 'b': ['x', None]})",
        "pl.DataFrame({'a': [1, 2], 'b': ['x', None]})",
        "pl.LazyFrame({'a': [1, 2], 'b': ['x', None]})",
        "pa.table({'a': [1, 2], 'b': ['x', None]})",
        "dg.MaterializeResult(value=pl.DataFrame({'a': [1, 2], 'b': ['x', None]}), metadata={'more': 1})",
    ],
)
def test_a_returned_frame_is_a_table_replaced_whole(
    tmp_path: Path, instance: dg.DagsterInstance, store: Database, returned: str
) -> None:
    before = code_location(tmp_path, f"{HEADER}@dg.asset\ndef mine(): return pl.DataFrame({{'old': [1]}})\n")
    assert materialize(before, instance, "mine").success
    defs = code_location(tmp_path, f"{HEADER}@dg.asset\ndef mine(): return {returned}\n")
    result = materialize(defs, instance, "mine")
    assert result.success
    assert read(store, "mine").rows(named=True) == [{"a": 1, "b": "x"}, {"a": 2, "b": None}]
    shown = metadata_of(result, "mine")
    assert (shown["dagster/row_count"], shown["dagster/table_name"]) == (2, "mine")
    columns = [(column.name, column.type) for column in shown["dagster/column_schema"].columns]
    assert columns == [("a", "bigint"), ("b", "text")]
    assert "`x`" in shown["preview"]


def test_a_table_that_no_asset_makes_can_be_read_too(
    tmp_path: Path, instance: dg.DagsterInstance, store: Database
) -> None:
    defs = code_location(
        tmp_path,
        f"{HEADER}@dg.asset\ndef mine(skills: pl.DataFrame, posting_skills, job_postings: pa.Table):\n"
        "    return pd.DataFrame({'columns': [skills.columns, list(posting_skills), job_postings.column_names]})"
        ".map(', '.join)\n",
    )
    assert materialize(defs, instance, "mine").success
    skills, found, postings = read(store, "mine")["columns"]
    assert skills == "skill_id, skill, category, esco"
    assert found == "posting_id, skill, weight"
    assert postings.startswith("posting_id, source, external_id, title")


def test_assets_follow_one_another(tmp_path: Path, instance: dg.DagsterInstance, store: Database) -> None:
    defs = code_location(
        tmp_path,
        HEADER + "@dg.asset(key=['team', 'pairs'])\n"
        "def pairs(category_relationships: pl.DataFrame):\n    return category_relationships.head(1)\n"
        "@dg.asset(ins={'pairs': dg.AssetIn(['team', 'pairs'])})\ndef total(pairs): return {'rows': len(pairs)}\n"
        "@dg.asset\ndef last(total): return pd.DataFrame([total])\n",
    )
    job = defs.resolve_implicit_global_asset_job_def()
    keys = [dg.AssetKey(["team", "pairs"]), dg.AssetKey("total"), dg.AssetKey("last")]
    assert job.execute_in_process(instance=instance, asset_selection=keys).success
    assert read(store, "team__pairs").height == 1
    assert read(store, "last").rows() == [(1,)]


def test_a_table_is_written_under_the_lock(tmp_path: Path, instance: dg.DagsterInstance, store: Database) -> None:
    """While the run that returned a frame goes on, nobody else writes."""
    defs = code_location(
        tmp_path,
        HEADER + "from market_assets.store.database import Database\n"
        "from market_assets.store.lock import StoreBusyError, StoreLock\n"
        "@dg.asset\ndef mine(): return pl.DataFrame({'a': [1]})\n"
        "@dg.asset(deps=[mine])\ndef after():\n"
        f"    lock = StoreLock(Database('sqlite:///{store.path}'), 'other')\n"
        "    try:\n        lock.acquire(exclusive=False, wait=False)\n"
        "    except StoreBusyError:\n        return pl.DataFrame({'was_busy': [True]})\n",
    )
    assert materialize(defs, instance, "mine", "after").success
    assert read(store, "after").rows() == [(True,)]
    lock = StoreLock(store, "afterwards")
    assert lock.acquire(exclusive=True, wait=False)
    lock.release()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("@dg.asset\ndef mine(market_report): ...", "there is no table market_report"),
        (
            "@dg.asset\ndef mine(): return pl.DataFrame({'a': [[1]]})",
            "mine was not written: the column a holds List",
        ),
        ("@dg.asset\ndef users(): return pl.DataFrame({'a': [1]})", "the name users is kept by the program"),
        (
            "@dg.asset(partitions_def=dg.StaticPartitionsDefinition(['a']))\n"
            "def mine(): return pl.DataFrame({'a': [1]})",
            "mine was not written: a frame replaces its table whole, and this asset has partitions",
        ),
    ],
)
def test_what_can_not_be_is_said(tmp_path: Path, instance: dg.DagsterInstance, content: str, message: str) -> None:
    defs = code_location(tmp_path, f"{HEADER}{content}\n")
    name = "users" if "users" in content else "mine"
    result = defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey(name)],
        partition_key="a" if "partitions" in content else None,
        raise_on_error=False,
    )
    assert not result.success
    assert message in cause(result)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("@dg.asset\ndef job_postings(): ...", "job_postings"),
        ("@dg.asset(required_resource_keys={'warehouse'})\ndef other(): ...", "warehouse"),
        ("defs = dg.Definitions(resources={'store': 3})", "store"),
        ("@dg.job\ndef refresh_market_stats(): ...", "refresh_market_stats"),
        ("@dg.asset\ndef other(skil_demand): ...", 'Did you mean one of the following? ["skill_demand"]'),
        ("@dg.asset\ndef other(users): ...", "users"),
        ("1 / 0", "line 3: ZeroDivisionError"),
    ],
)
def test_a_file_that_does_not_fit_is_left_out_and_the_rest_loads(
    tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "good.py").write_text("import dagster as dg\n@dg.asset\ndef good(): ...\n")
    (tmp_path / "zulu.py").write_text("import dagster as dg\n@dg.asset\ndef zulu(): ...\n")
    defs = code_location(tmp_path, f"{HEADER}\n{content}\n")
    keys = {key.to_user_string() for key in defs.get_repository_def().asset_graph.get_all_asset_keys()}
    assert {"good", "zulu", "skill_demand"} <= keys
    assert not {"other"} & keys
    reported = problems_in(defs)
    assert reported.startswith(f"{tmp_path / 'mine.py'}")
    assert message in reported
    assert "\n" not in reported


def test_files_may_use_each_others_definitions(tmp_path: Path) -> None:
    shared = "import dagster as dg\n@dg.asset\ndef shared(): ...\n"
    (tmp_path / "_shared.py").write_text(shared)
    (tmp_path / "zulu.py").write_text(shared.replace("shared", "zulu"))
    (tmp_path / "also.py").write_text("from ._shared import shared\nfrom .zulu import zulu\n")
    defs = code_location(tmp_path, "from ._shared import shared\nfrom .zulu import zulu\n")
    keys = {key.to_user_string() for key in defs.get_repository_def().asset_graph.get_all_asset_keys()}
    assert {"shared", "zulu"} <= keys
    assert problems_in(defs) == ""


def test_reading_says_what_is_wrong(store: Database, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="as_ must be one of pandas, polars, arrow, not 'spark'"):
        market_assets.read("skill_demand", "spark", database=str(store.url))  # type: ignore[call-overload]
    with pytest.raises(StoreError, match="there is no database at"):
        market_assets.read("skill_demand", database=f"sqlite:///{tmp_path / 'none.db'}")
    assert market_assets.read("category_relationships", database=str(store.url))["co_occurrences"].sum() == 8
