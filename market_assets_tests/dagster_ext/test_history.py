"""Old runs go with their events, logs and files; what is shown of assets, checks and partitions stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.workspace.context import WorkspaceProcessContext

from market_assets.dagster_ext.history import Pruned, prune_history
from market_assets.defs.jobs import prune_recorded
from market_assets.settings import Settings
from market_assets.store import schema
from market_assets.store.database import Database
from market_assets.store.executions import read_executions
from market_assets_tests.dagster_ext.fabrication import fabricate_run, fabricate_ticks, purge_ticks
from market_assets_tests.dagster_ext.instances import (
    REPOSITORY,
    age,
    days_ago,
    execute,
    make_history,
)
from market_assets_tests.dagster_ext.shown import shown

pytestmark = pytest.mark.slow

ASSETS = ["daily", "total", "abandoned"]
#: Tables that grow with runs, and the one that grows with ticks.
RUN_TABLES = ("runs", "run_tags", "event_logs", "asset_check_executions")
TICKS = "job_ticks"
KEPT_DAYS = 40


@pytest.fixture
def engine(tmp_path: Path) -> sa.Engine:
    database = Database(settings_in(tmp_path).market_url)
    schema.make_folder(database)
    schema.upgrade(database)
    return database.engine()


def settings_in(folder: Path) -> Settings:
    return Settings(MARKET_ASSETS_DATA_DIR=folder / "data", _env_file=None)


def prune(instance: dg.DagsterInstance, engine: sa.Engine, days: int = 90, *, dry_run: bool = False) -> Pruned:
    return prune_recorded(instance, Database(engine.url.render_as_string()), days_ago(days), dry_run=dry_run)


def run_ids(instance: dg.DagsterInstance) -> set[str]:
    return set(instance.get_run_ids())


def rows(instance: dg.DagsterInstance, table: str, *columns: str) -> list[Any]:
    """Columns of one of Dagster's tables, or all of its columns."""
    storage: Any = instance.event_log_storage
    connect = storage.index_connection
    if table in ("runs", "run_tags"):
        connect = instance.run_storage.connect  # type: ignore[attr-defined]
    elif table == TICKS:
        connect = instance.schedule_storage.connect  # type: ignore[union-attr]
    with connect() as connection:
        return list(connection.execute(sa.text(f"SELECT {', '.join(columns) or '*'} FROM {table}")).all())


def column(instance: dg.DagsterInstance, table: str, name: str) -> list[Any]:
    return [row[0] for row in rows(instance, table, name)]


def files_of(instance: dg.DagsterInstance, run_id: str) -> list[Path]:
    home = Path(instance.root_directory)
    return [path for path in home.rglob("*") if run_id in path.name]


def bytes_of(instance: dg.DagsterInstance, run_id: str) -> int:
    inside = (file for path in files_of(instance, run_id) for file in (path, *path.rglob("*")))
    return sum(file.stat().st_size for file in inside if file.is_file())


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.thorough)])
def test_what_is_shown_stays_the_same(
    instance: dg.DagsterInstance,
    workspace: WorkspaceProcessContext,
    engine: sa.Engine,
    seed: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By a dry run, which changes nothing; by a pruning that is broken off; and by the one that finishes it."""
    made = make_history(instance, seed, runs=20)
    age(instance, made[:17], 100)
    for run_id in made:
        # As a run leaves it that was launched: what its steps printed.
        printed = instance.compute_log_manager.get_captured_local_path([run_id], "out")  # type: ignore[attr-defined]
        folder = Path(printed).with_name(run_id)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "a_step.out").write_text(f"printed by {run_id}")
    sizes = {run_id: bytes_of(instance, run_id) for run_id in made}
    before, events = shown(workspace, ASSETS), rows(instance, "event_logs")
    dry = prune(instance, engine, dry_run=True)
    assert dry.runs > 3
    assert (run_ids(instance), rows(instance, "event_logs")) == (set(made), events)
    assert read_executions(engine) == []
    assert all(files_of(instance, run_id) for run_id in made)

    deletions = 0

    def killed(run_id: str) -> None:
        nonlocal deletions
        deletions += 1
        if deletions == 2:
            raise KeyboardInterrupt
        dg.DagsterInstance.delete_run(instance, run_id)

    with monkeypatch.context() as breaking:
        breaking.setattr(instance, "delete_run", killed)
        with pytest.raises(KeyboardInterrupt):
            prune(instance, engine)
    assert shown(workspace, ASSETS) == before

    pruned = prune(instance, engine)
    assert (pruned.runs, pruned.kept_runs) == (dry.runs - 1, dry.kept_runs)
    assert shown(workspace, ASSETS) == before
    left = run_ids(instance)
    assert len(made) - len(left) == dry.runs
    assert set(made[17:]) <= left, "young runs stay"
    gone = set(made) - left
    assert dry.bytes == sum(sizes[run_id] for run_id in gone)
    assert all(files_of(instance, run_id) == [] for run_id in gone)
    assert all(instance.all_logs(run_id) for run_id in left)
    # A second time there is nothing left to do.
    again = prune(instance, engine)
    assert (again.runs, again.bytes) == (0, 0)


def test_a_run_stays_while_it_holds_the_latest_result_of_a_partition(
    instance: dg.DagsterInstance, engine: sa.Engine
) -> None:
    first = execute(instance, "every_day", "2026-01-01")
    superseded = execute(instance, "every_day", "2026-01-02")
    again = execute(instance, "every_day", "2026-01-02")
    newest = execute(instance, "every_day", "2026-01-03")
    age(instance, [first, superseded, again], 100)
    pruned = prune(instance, engine)
    assert (pruned.runs, pruned.kept_runs) == (1, 2)
    assert run_ids(instance) == {first, again, newest}
    for table in ("event_logs", "asset_check_executions"):
        assert set(column(instance, table, "run_id")) == {first, again, newest}
    assert set(column(instance, "asset_event_tags", "event_id")) <= set(column(instance, "event_logs", "id"))
    execute(instance, "every_day", "2026-01-01")
    pruned = prune(instance, engine)
    assert (pruned.runs, pruned.kept_runs) == (1, 1), "the first has been superseded"


def test_runs_of_a_backfill_that_goes_on_stay(instance: dg.DagsterInstance, engine: sa.Engine) -> None:
    runs = {}
    for status in (BulkActionStatus.REQUESTED, BulkActionStatus.COMPLETED_SUCCESS):
        backfill = PartitionBackfill(status.value, status, from_failure=False, tags={}, backfill_timestamp=0.0)
        instance.add_backfill(backfill)
        runs[status] = execute(instance, "plain", **{"dagster/backfill": status.value})
    execute(instance, "plain")
    age(instance, list(runs.values()), 100)
    assert prune(instance, engine).runs == 1
    assert runs[BulkActionStatus.REQUESTED] in run_ids(instance)


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
    assert run_ids(instance) == {success, failure, last_success, newest, waiting, spoken[1]}
    assert (pruned.runs, pruned.kept_runs) == (2, 5)


def test_every_pruned_run_is_in_the_table_of_executions(instance: dg.DagsterInstance, engine: sa.Engine) -> None:
    failed = execute(instance, "sum_up", fail="yes")
    worked = execute(instance, "sum_up")
    execute(instance, "sum_up")
    age(instance, [failed, worked], 100)
    dry = prune(instance, engine, dry_run=True)
    assert read_executions(engine) == []
    pruned = prune(instance, engine)
    assert vars(pruned) == vars(dry), "a dry run counts the same"
    assert pruned.runs == 2
    recorded = {execution.run_id: execution for execution in read_executions(engine)}
    assert recorded.keys() == {failed, worked}
    assert (recorded[failed].status, recorded[failed].error) == ("failed", "total failed: no memory")
    assert (recorded[worked].status, recorded[worked].rows, recorded[worked].func_name) == (
        "success",
        7,
        'key:"total"',
    )


def test_the_history_of_a_year_is_bounded(instance: dg.DagsterInstance) -> None:
    """Every twenty days a run of a daily partition and one of an unpartitioned asset, pruned every sixty days."""
    start = datetime.now(UTC) - timedelta(days=365)
    sizes = {}
    for day in range(20, 361, 20):
        now = start + timedelta(days=day)
        daily = fabricate_run(instance, "ingest", "postings", now, partition=f"{now:%Y-%m-%d}")
        fabricate_run(instance, "refresh", "statistics", now)
        fabricate_ticks(instance, now)
        if day % 60 == 0:
            prune_history(instance, now - timedelta(days=KEPT_DAYS), lambda _runs: None)
            purge_ticks(instance, now)
        if day in (180, 360):
            sizes[day] = {table: len(rows(instance, table)) for table in (*RUN_TABLES, TICKS)}
            sizes[day]["files"] = len(list(Path(instance.root_directory).rglob("*.db")))
    added = {name: size - sizes[180][name] for name, size in sizes[360].items()}
    of_a_run = {table: column(instance, table, "run_id").count(daily) for table in RUN_TABLES}
    assert min(of_a_run.values()) > 0
    # The last run of each daily partition stays, and no more of anything.
    assert added[TICKS] == 0
    assert {table: added[table] for table in RUN_TABLES} == {table: 9 * n for table, n in of_a_run.items()}
    assert added["files"] in (0, 9)
    assert sizes[360]["runs"] == 18 + KEPT_DAYS // 20 + 1
