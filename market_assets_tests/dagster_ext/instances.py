"""Instances of Dagster on SQLite and PostgreSQL with a real history, which tests then make old."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as sa
import yaml
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.runs.schema import RunsTable

from market_assets.operations.names import RUNS_TAG

DAYS = dg.DailyPartitionsDefinition("2026-01-01", end_date="2026-01-21")


@dg.asset(
    partitions_def=DAYS,
    check_specs=[
        dg.AssetCheckSpec("whole", asset="daily"),
        dg.AssetCheckSpec("dated", asset="daily", partitions_def=DAYS),
    ],
)
def daily(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """One table a day; a run with the tag `fail` fails."""
    if "fail" in context.run.tags:
        raise dg.Failure("the source is down", allow_retries=False)
    passed = "unwhole" not in context.run.tags
    return dg.MaterializeResult(
        metadata={"dagster/partition_row_count": 5, "day": context.partition_key},
        data_version=dg.DataVersion(f"{context.partition_key}-{context.run.run_id[:8]}"),
        check_results=[dg.AssetCheckResult(check_name=name, passed=passed) for name in ("whole", "dated")],
    )


@dg.asset(deps=[daily], check_specs=[dg.AssetCheckSpec("valid", asset="total")])
def total(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """One table; a run with the tag `fail` fails."""
    if "fail" in context.run.tags:
        raise dg.Failure("no memory", allow_retries=False)
    context.log_event(dg.AssetObservation("total", metadata={"seen": 1}))
    return dg.MaterializeResult(
        metadata={"dagster/row_count": 7}, check_results=[dg.AssetCheckResult(check_name="valid", passed=True)]
    )


@dg.asset
def abandoned() -> dg.MaterializeResult:  # type: ignore[type-arg]
    """A table that was made once, long ago."""
    return dg.MaterializeResult(metadata={"dagster/row_count": 1})


@dg.op
def speak() -> int:
    print("something to keep for a while")
    return 1


@dg.job(tags={RUNS_TAG: "speak"})
def plain() -> None:
    """A job without assets, whose output lands in the storage folder."""
    speak()


DEFS = dg.Definitions(
    assets=[daily, total, abandoned],
    jobs=[
        dg.define_asset_job("every_day", selection=[daily], tags={RUNS_TAG: 'key:"daily"'}),
        dg.define_asset_job("sum_up", selection=[total], tags={RUNS_TAG: 'key:"total"'}),
        plain,
    ],
    executor=dg.in_process_executor,
)
REPOSITORY = DEFS.get_repository_def()


@contextmanager
def history_instance(folder: Path, postgresql_url: str | None = None) -> Iterator[dg.DagsterInstance]:
    """An instance whose history is in SQLite, or in a database of PostgreSQL."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    ours = yaml.safe_load((Path(__file__).resolve().parents[2] / "dagster.yaml").read_text(encoding="utf-8"))
    # What steps print lies apart from the rest, as in the project's own dagster.yaml.
    printed = {**ours["compute_logs"], "config": {"base_dir": str(home / "compute_logs")}}
    config: dict[str, Any] = {
        "telemetry": {"enabled": False},
        "retention": ours["retention"],
        "compute_logs": printed,
    }
    if postgresql_url:
        driver = sa.make_url(postgresql_url).set(drivername="postgresql+psycopg2")
        config["storage"] = {"postgres": {"postgres_url": driver.render_as_string(hide_password=False)}}
    (home / "dagster.yaml").write_text(yaml.safe_dump(config))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def execute(instance: dg.DagsterInstance, job: str, day: str | None = None, **tags: str) -> str:
    """Run a job to its end in this process; returns the run's id."""
    result = REPOSITORY.get_job(job).execute_in_process(
        instance=instance, partition_key=day, tags=tags, raise_on_error=False
    )
    return result.run_id


def make_history(instance: dg.DagsterInstance, seed: int, runs: int = 30) -> list[str]:
    """Runs of every kind in some order; returns their ids, oldest first."""
    choice = random.Random(seed)
    made = [execute_abandoned(instance)]
    for _ in range(runs):
        kind = choice.choice(["every_day", "every_day", "sum_up", "plain"])
        tags = {tag: "yes" for tag in ("fail", "unwhole") if choice.random() < 0.25}
        day = choice.choice(DAYS.get_partition_keys()[:8]) if kind == "every_day" else None
        made.append(execute(instance, kind, day, **tags))
    return made


def execute_abandoned(instance: dg.DagsterInstance) -> str:
    result = dg.materialize([abandoned], instance=instance)
    return result.run_id


def age(instance: dg.DagsterInstance, run_ids: list[str], days: int) -> None:
    """Make runs, with all that is about them, older by some days."""
    by = timedelta(days=days)
    runs, events = instance.run_storage, instance.event_log_storage
    with runs.connect() as connection:  # type: ignore[attr-defined]
        for run in connection.execute(sa.select(RunsTable).where(RunsTable.c.run_id.in_(run_ids))).all():
            connection.execute(
                sa.update(RunsTable)
                .where(RunsTable.c.run_id == run.run_id)
                .values(
                    create_timestamp=run.create_timestamp - by,
                    update_timestamp=run.update_timestamp - by,
                    start_time=run.start_time and run.start_time - by.total_seconds(),
                    end_time=run.end_time and run.end_time - by.total_seconds(),
                )
            )
    with events.index_connection() as connection:  # type: ignore[attr-defined]
        for table, column in (
            (SqlEventLogStorageTable, "timestamp"),
            (AssetCheckExecutionsTable, "create_timestamp"),
        ):
            rows = connection.execute(
                sa.select(table.c.id, table.c[column]).where(table.c.run_id.in_(run_ids))
            ).all()
            for row_id, stamp in rows:
                connection.execute(sa.update(table).where(table.c.id == row_id).values({column: stamp - by}))


def days_ago(days: int) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)
