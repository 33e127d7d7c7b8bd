"""Runs that want the same tables, or the same day: they wait for one another in the queue, and none is dropped."""

from __future__ import annotations

import socket
from pathlib import Path

import dagster as dg
import pytest

from market_assets.automation.jobs import INGESTION, REBUILD, REFRESH
from market_assets.storage import schema
from market_assets.storage.database import Database
from market_assets.storage.lock import StoreLock
from market_assets_tests.faults.machine import eventually, instance_of, machine

pytestmark = pytest.mark.slow
DAY = {"dagster/partition": "2026-01-05"}


def spans(instance: dg.DagsterInstance, *jobs: str) -> list[tuple[float, float]]:
    records = [record for record in instance.get_run_records() if record.dagster_run.job_name in jobs]
    return sorted((record.start_time or 0.0, record.end_time or 0.0) for record in records)


def test_whoever_wants_the_same_waits_in_the_queue(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with machine(tmp_path / "project", port) as box, instance_of(box.folder) as instance:
        configured = box.folder / "dagster.yaml"
        configured.write_text(configured.read_text().replace("max_concurrent_runs: 2", "max_concurrent_runs: 20"))
        database = Database(f"sqlite:///{box.folder / 'data' / 'market.db'}")
        schema.make_folder(database)
        schema.upgrade(database)
        lock = StoreLock(database, "the test")
        with lock.exclusive():
            box.code_server()
            for job, tags in ((INGESTION, DAY), (INGESTION, DAY), (REFRESH, {}), (REBUILD, {})):
                box.launch(job, **tags)
            command = box.execute(REFRESH)
            box.daemon()

            def counts() -> tuple[int, int]:
                started, queued = (
                    instance.get_runs_count(dg.RunsFilter(statuses=[status]))
                    for status in (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.QUEUED)
                )
                return started, queued

            # A command does not stand in the queue: it waits at the lock, as do the two that were launched.
            eventually(lambda: counts() in ((2, 3), (3, 2)), "the start of those that may")
        assert command.wait() == 0
        done = dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS])
        eventually(lambda: instance.get_runs_count(done) == 5, "the success of all five")
        first, second = spans(instance, INGESTION)
        assert first[1] <= second[0], "the same day twice at once"
