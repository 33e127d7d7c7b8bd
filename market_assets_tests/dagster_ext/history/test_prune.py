"""Old runs go with all that is about them; what is shown of assets, checks and partitions stays as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    SqlEventLogStorageTable,
)
from dagster._core.workspace.context import WorkspaceProcessContext

from market_assets.dagster_ext.history.prune import Pruning
from market_assets.dagster_ext.history.pruned import Pruned
from market_assets.operations.executions import what_jobs_run
from market_assets.store import schema
from market_assets.store.database import Database
from market_assets.store.executions import read_executions
from market_assets_tests.dagster_ext.history.instances import (
    REPOSITORY,
    age,
    days_ago,
    execute,
    make_history,
)
from market_assets_tests.dagster_ext.history.shown import shown

pytestmark = pytest.mark.slow

ASSETS = ["daily", "total", "abandoned"]


@pytest.fixture
def engine(tmp_path: Path) -> sa.Engine:
    database = Database(f"sqlite:///{tmp_path / 'market.db'}")
    schema.upgrade(database)
    return database.engine()


def prune(instance: dg.DagsterInstance, engine: sa.Engine, days: int = 90, *, dry: bool = False) -> Pruned:
    return Pruning(instance, engine, what_jobs_run(REPOSITORY), days_ago(days)).run(dry=dry)


def run_ids(instance: dg.DagsterInstance) -> set[str]:
    return {record.dagster_run.run_id for record in instance.get_run_records()}


def rows_of(instance: dg.DagsterInstance, table: sa.Table) -> list[Any]:
    with instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
        return list(connection.execute(sa.select(table)).all())


def files_of(instance: dg.DagsterInstance, run_id: str) -> list[Path]:
    home = Path(instance.root_directory)
    return [path for path in home.rglob("*") if run_id in path.name]


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_shown_stays_the_same(
    instance: dg.DagsterInstance, workspace: WorkspaceProcessContext, engine: sa.Engine, seed: int
) -> None:
    made = make_history(instance, seed, runs=24)
    age(instance, made[:20], 100)
    before = shown(workspace, ASSETS)
    pruned = prune(instance, engine)
    assert shown(workspace, ASSETS) == before
    assert pruned.runs > 3
    left = run_ids(instance)
    assert len(made) - len(left) == pruned.runs
    assert set(made[20:]) <= left, "young runs stay"
    gone = set(made) - left
    assert all(files_of(instance, run_id) == [] for run_id in gone)
    assert all(instance.all_logs(run_id) for run_id in left)
    # A second time there is nothing left to do.
    again = prune(instance, engine)
    assert (again.runs, again.events, again.check_results, again.ticks) == (0, 0, 0, 0)
    assert shown(workspace, ASSETS) == before


def test_events_of_pruned_runs_go_but_for_the_latest(instance: dg.DagsterInstance, engine: sa.Engine) -> None:
    first = [execute(instance, "every_day", "2026-01-01"), execute(instance, "every_day", "2026-01-02")]
    again = [execute(instance, "every_day", "2026-01-02")]
    newest = execute(instance, "every_day", "2026-01-03")
    age(instance, [*first, *again], 100)
    pruned = prune(instance, engine)
    assert (pruned.runs, pruned.kept_events) == (3, 2)
    left = [row for row in rows_of(instance, SqlEventLogStorageTable) if row.run_id != newest]
    assert [(row.run_id, row.dagster_event_type, row.partition) for row in left] == [
        (first[0], "ASSET_MATERIALIZATION", "2026-01-01"),
        (again[0], "ASSET_MATERIALIZATION", "2026-01-02"),
    ]
    ids = {row.id for row in rows_of(instance, SqlEventLogStorageTable)}
    tags = rows_of(instance, AssetEventTagsTable)
    assert {row.event_id for row in tags} <= ids
    assert {row.id for row in left} <= {row.event_id for row in tags}
    results = rows_of(instance, AssetCheckExecutionsTable)
    old = {(row.check_name, row.partition, row.run_id) for row in results if row.run_id != newest}
    assert old == {("dated", "2026-01-01", first[0]), ("dated", "2026-01-02", again[0])}


def test_a_kept_event_goes_once_it_is_superseded(instance: dg.DagsterInstance, engine: sa.Engine) -> None:
    old = execute(instance, "every_day", "2026-01-01")
    age(instance, [old], 200)
    execute(instance, "every_day", "2026-01-05")
    assert prune(instance, engine).kept_events == 1
    execute(instance, "every_day", "2026-01-01")
    pruned = prune(instance, engine)
    assert (pruned.runs, pruned.events, pruned.check_results) == (0, 1, 1), pruned
    assert old not in {row.run_id for row in rows_of(instance, SqlEventLogStorageTable)}


def test_runs_that_something_shown_hangs_on_stay(instance: dg.DagsterInstance, engine: sa.Engine) -> None:
    success = execute(instance, "every_day", "2026-01-01")
    failure = execute(instance, "every_day", "2026-01-02", fail="yes")
    healed = execute(instance, "every_day", "2026-01-03", fail="yes")
    last_success = execute(instance, "every_day", "2026-01-03")
    newest = execute(instance, "every_day", "2026-01-04", fail="yes")
    unfinished = REPOSITORY.get_job("plain")
    waiting = instance.create_run_for_job(unfinished, status=dg.DagsterRunStatus.STARTED).run_id
    spoken = [execute(instance, "plain"), execute(instance, "plain")]
    age(instance, [success, failure, healed, last_success, newest, waiting, *spoken], 1_000)
    pruned = prune(instance, engine)
    assert run_ids(instance) == {failure, last_success, newest, waiting, spoken[1]}
    assert (pruned.runs, pruned.kept_runs) == (3, 4)


def test_a_dry_run_counts_the_same_and_changes_nothing(
    instance: dg.DagsterInstance, workspace: WorkspaceProcessContext, engine: sa.Engine
) -> None:
    made = make_history(instance, seed=4, runs=20)
    age(instance, made[:15], 100)
    before = (shown(workspace, ASSETS), run_ids(instance), rows_of(instance, SqlEventLogStorageTable))
    dry = prune(instance, engine, dry=True)
    assert (shown(workspace, ASSETS), run_ids(instance), rows_of(instance, SqlEventLogStorageTable)) == before
    assert read_executions(engine) == []
    assert all(files_of(instance, run_id) for run_id in made)
    wet = prune(instance, engine)
    assert wet.runs > 0
    assert vars(wet) == vars(dry)


def test_every_pruned_run_is_in_the_table_of_executions(instance: dg.DagsterInstance, engine: sa.Engine) -> None:
    failed = execute(instance, "sum_up", fail="yes")
    worked = execute(instance, "sum_up")
    execute(instance, "sum_up")
    age(instance, [failed, worked], 100)
    assert prune(instance, engine).runs == 2
    told = {execution.run_id: execution for execution in read_executions(engine)}
    assert told.keys() == {failed, worked}
    assert (told[failed].status, told[failed].error) == ("failed", "total failed: no memory")
    assert (told[worked].status, told[worked].rows, told[worked].func_name) == ("success", 7, 'key:"total"')


@pytest.mark.parametrize("step", ["remove", "remove_printed"])
def test_one_that_is_broken_off_is_finished_by_the_next(
    instance: dg.DagsterInstance,
    workspace: WorkspaceProcessContext,
    engine: sa.Engine,
    step: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = make_history(instance, seed=5, runs=9)
    age(instance, made, 100)
    before = shown(workspace, ASSETS)
    expected = prune(instance, engine, dry=True).runs
    calls = 0

    def killed(*_: Any) -> int:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return 0

    with monkeypatch.context() as breaking:
        breaking.setattr(f"market_assets.dagster_ext.history.files.{step}", killed)
        with pytest.raises(KeyboardInterrupt):
            prune(instance, engine)
    assert shown(workspace, ASSETS) == before
    assert prune(instance, engine).runs == expected
    assert shown(workspace, ASSETS) == before
