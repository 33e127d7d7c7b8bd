"""Runs that want the same tables, or the same day: they wait for one another in the queue, and none is dropped."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from market_assets.operations.names import INGESTION, REBUILD, REFRESH
from market_assets.store import schema
from market_assets.store.database import Database
from market_assets.store.lock import StoreLock
from market_assets_tests.faults.machine import eventually, free_port, instance_of, machine

pytestmark = pytest.mark.slow
LOOK = "Priority sorting and checking tag concurrency limits"
DAY = {"dagster/partition": "2026-01-05"}


def spans(instance: dg.DagsterInstance, *jobs: str) -> list[tuple[float, float]]:
    records = [record for record in instance.get_run_records() if record.dagster_run.job_name in jobs]
    return sorted((record.start_time or 0.0, record.end_time or 0.0) for record in records)


def test_whoever_wants_the_same_waits_in_the_queue(tmp_path: Path) -> None:
    with machine(tmp_path / "project", free_port()) as box, instance_of(box.folder) as instance:
        (box.folder / ".env").write_text("MARKET_ASSETS_WORKERS=20\n")
        database = Database(f"sqlite:///{box.folder / 'data' / 'market.db'}")
        schema.make_folder(database)
        schema.upgrade(database)
        lock = StoreLock(database, "the test")
        with lock.exclusive():
            box.code_server()
            box.daemon()

            def count(status: dg.DagsterRunStatus) -> int:
                return instance.get_runs_count(dg.RunsFilter(statuses=[status]))

            # The first run of all makes the pool known: Dagster limits it from its next look at the queue on.
            box.launch(REFRESH)
            eventually(lambda: count(dg.DagsterRunStatus.STARTED) == 1, "the start of the first run")
            for job, tags in ((INGESTION, DAY), (INGESTION, DAY), (REBUILD, {})):
                box.launch(job, **tags)
            # A command does not stand in the queue: it waits at the lock, as do those that were launched.
            command = box.execute(REFRESH)
            eventually(lambda: count(dg.DagsterRunStatus.STARTED) == 3, "the start of those that may")
            looks = box.log().count(LOOK)
            eventually(lambda: box.log().count(LOOK) > looks + 3, "further looks at the queue")
            assert (count(dg.DagsterRunStatus.STARTED), count(dg.DagsterRunStatus.QUEUED)) == (3, 2)
        assert command.wait() == 0
        eventually(lambda: count(dg.DagsterRunStatus.SUCCESS) == 5, "the success of all five")
        first, second = spans(instance, INGESTION)
        assert first[1] <= second[0], "the same day twice at once"
        (rebuild,) = spans(instance, REBUILD)
        assert max(end for _start, end in spans(instance, REFRESH)) <= rebuild[0]
