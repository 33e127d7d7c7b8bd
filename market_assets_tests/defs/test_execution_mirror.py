"""The table of executions follows Dagster's run history, whatever happens to either."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from market_assets.defs.housekeeping import housekeeping_sensor, mirror_executions
from market_assets.operations.executions import ExecutionReader
from market_assets.settings import Settings
from market_assets.store.database import Database
from market_assets.store.executions import read_executions
from market_assets_tests.dagster_ext.instances import REPOSITORY, execute


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def mirror(
    database: Database, instance: dg.DagsterInstance, since: datetime | None = None
) -> tuple[int, datetime | None]:
    return mirror_executions(database.engine(), instance, since)


def test_anyone_can_select_what_ran(database: Database, instance: dg.DagsterInstance) -> None:
    failed = execute(instance, "sum_up", fail="yes", **{"dagster/schedule_name": "x"})
    worked = execute(instance, "every_day", "2026-01-02", **{"market_assets/triggered_by": "api:ada"})
    spoke = execute(instance, "plain")
    assert mirror(database, instance)[0] == 3
    columns = "run_id, job_id, func_name, status, duration > 0, rows, error, triggered_by"
    with database.engine().connect() as connection:
        query = f"SELECT {columns} FROM job_executions WHERE started_at < ended_at"
        found = {row[0]: tuple(row[1:]) for row in connection.execute(sa.text(query))}
    assert found == {
        failed: ("sum_up", 'key:"total"', "failed", True, None, "total failed: no memory", "schedule"),
        worked: ("every_day", 'key:"daily"', "success", True, 5, None, "api:ada"),
        spoke: ("plain", "speak", "success", True, None, None, "cli"),
    }


def test_rows_of_many_partitions_in_one_run_count_once(instance: dg.DagsterInstance) -> None:
    @dg.asset(
        partitions_def=dg.DailyPartitionsDefinition("2026-01-01"), backfill_policy=dg.BackfillPolicy.single_run()
    )
    def days() -> dg.MaterializeResult:  # type: ignore[type-arg]
        return dg.MaterializeResult(metadata={"dagster/partition_row_count": 7})

    job = dg.Definitions([days]).resolve_implicit_global_asset_job_def()
    whole = {"start": "2026-01-01", "end": "2026-01-05"}
    tags = {f"dagster/asset_partition_range_{name}": day for name, day in whole.items()}
    run = job.execute_in_process(instance=instance, tags=tags).run_id
    record = instance.get_run_record_by_id(run)
    assert record is not None
    assert len(instance.all_logs(run, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)) == 5
    assert ExecutionReader(instance).execution(record).rows == 7


def test_it_catches_up_and_is_idempotent(database: Database, instance: dg.DagsterInstance) -> None:
    runs = [instance.add_run(dg.DagsterRun(f"job_{number}")).run_id for number in range(25)]
    written, since = mirror(database, instance)
    assert written == 25
    assert {execution.run_id for execution in read_executions(database.engine())} == set(runs)
    assert mirror(database, instance, since) == (0, since)
    assert mirror(database, instance, None)[0] == 0


def test_what_changes_is_written_over(database: Database, instance: dg.DagsterInstance) -> None:
    run = instance.add_run(dg.DagsterRun("job", status=dg.DagsterRunStatus.STARTED))
    _, since = mirror(database, instance)
    (seen,) = read_executions(database.engine())
    assert (seen.status, seen.ended_at, seen.duration) == ("running", None, None)
    instance.report_run_canceled(run)
    assert mirror(database, instance, since)[0] == 1
    (seen,) = read_executions(database.engine())
    assert seen.status == "canceled"
    instance.delete_run(run.run_id)
    assert mirror(database, instance, since)[0] == 0, "what ended stays as it ended"


def test_runs_that_vanish_are_told_of_as_canceled(database: Database, instance: dg.DagsterInstance) -> None:
    run = instance.add_run(dg.DagsterRun("job", status=dg.DagsterRunStatus.STARTED))
    stays = instance.add_run(dg.DagsterRun("job", status=dg.DagsterRunStatus.STARTED))
    _, since = mirror(database, instance)
    instance.delete_run(run.run_id)
    assert mirror(database, instance, since)[0] == 1
    written = {execution.run_id: execution for execution in read_executions(database.engine())}
    assert written[run.run_id].status == "canceled"
    assert "removed" in str(written[run.run_id].error)
    assert written[stays.run_id].status == "running"


def test_the_sensor_goes_on_where_it_was(database: Database, instance: dg.DagsterInstance) -> None:
    settings = Settings(DATABASE_URL=database.url.render_as_string(hide_password=False), _env_file=None)
    sensor = housekeeping_sensor(settings)
    execute(instance, "plain")
    context = dg.build_sensor_context(instance, repository_def=REPOSITORY)
    assert sensor.evaluate_tick(context).skip_message == "wrote 1 executions"
    assert context.cursor
    assert datetime.now(UTC) - datetime.fromisoformat(context.cursor) < timedelta(minutes=10)
    again = dg.build_sensor_context(instance, cursor=context.cursor, repository_def=REPOSITORY)
    assert sensor.evaluate_tick(again).skip_message == "nothing was to be done"


def test_without_a_database_the_sensor_says_so(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    sensor = housekeeping_sensor(Settings(DATABASE_URL=f"sqlite:///{tmp_path / 'none.db'}", _env_file=None))
    context = dg.build_sensor_context(instance, repository_def=REPOSITORY)
    assert "market-assets db upgrade" in str(sensor.evaluate_tick(context).skip_message)
    assert not (tmp_path / "none.db").exists()
