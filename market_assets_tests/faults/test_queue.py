"""Runs that want the same tables, or the same day: they wait for one another in the queue, and none is dropped."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from market_assets.operations.names import CLEANUP, INGESTION, REBUILD
from market_assets.store.lock import StoreLock
from market_assets_tests.faults.conftest import store_of
from market_assets_tests.faults.machine import Machine, eventually, instance_of, why_it_failed

pytestmark = pytest.mark.slow
LOOK = "Priority sorting and checking tag concurrency limits"
#: So recent that a clean-up leaves its payloads.
DAY = {"dagster/partition": (datetime.now(UTC) - timedelta(days=1)).date().isoformat()}
UNFINISHED = (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED)


def spans(instance: dg.DagsterInstance, since: float, job: str) -> list[tuple[float, float]]:
    """From when to when the runs of a job took place that were started since then."""
    records = instance.get_run_records(dg.RunsFilter(job_name=job))
    return sorted(
        (record.start_time or 0.0, record.end_time or 0.0) for record in records if is_since(record, since)
    )


def is_since(record: dg.RunRecord, since: float) -> bool:
    return (record.start_time or 0.0) >= since


def test_whoever_wants_the_same_waits_in_the_queue(box: Machine) -> None:
    with instance_of(box.folder) as instance:
        begun = time.time()
        with StoreLock(store_of(box), "the test").exclusive():

            def count(status: dg.DagsterRunStatus) -> int:
                return instance.get_runs_count(dg.RunsFilter(statuses=[status]))

            # The first run of all makes the pool known: Dagster limits it from its next look at the queue on.
            box.launch(instance, CLEANUP)
            eventually(lambda: count(dg.DagsterRunStatus.STARTED) == 1, "the start of the first run")
            for job, tags in ((INGESTION, DAY), (INGESTION, DAY), (REBUILD, {})):
                box.launch(instance, job, **tags)
            # A command does not stand in the queue: it waits at the lock, as do those that were launched.
            command = box.execute(CLEANUP)
            eventually(lambda: count(dg.DagsterRunStatus.STARTED) == 3, "the start of those that may")
            looks = box.log().count(LOOK)
            eventually(lambda: box.log().count(LOOK) > looks + 3, "further looks at the queue")
            assert (count(dg.DagsterRunStatus.STARTED), count(dg.DagsterRunStatus.QUEUED)) == (3, 2)
        assert command.wait() == 0
        eventually(lambda: sum(map(count, UNFINISHED)) == 0, "the end of all")
        runs = [record.dagster_run for record in instance.get_run_records() if is_since(record, begun)]
        assert len(runs) == 5
        failures = [why_it_failed(instance, run.run_id) for run in runs if not run.is_success]
        assert failures == []
        first, second = spans(instance, begun, INGESTION)
        assert first[1] <= second[0], "the same day twice at once"
        (rebuild,) = spans(instance, begun, REBUILD)
        assert max(end for _start, end in spans(instance, begun, CLEANUP)) <= rebuild[0]
