"""PostgreSQL goes down and comes back in the middle of a run: it fails in words or is retried; nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from market_assets.operations.names import INGESTION, REBUILD, REFRESH
from market_assets.store.database import Database
from market_assets.store.lock import StoreBusyError, StoreLock
from market_assets_tests.faults.restarts import (
    DAYS,
    TAGS,
    Server,
    make_database,
    own_server,
    pipeline_on,
    survive_crashes,
)
from market_assets_tests.pipelines import failure_of

pytestmark = [pytest.mark.slow, pytest.mark.postgresql]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own_server() as server:
        yield server


@pytest.mark.parametrize(
    "job", [INGESTION, *(pytest.param(job, marks=pytest.mark.thorough) for job in (REFRESH, REBUILD))]
)
def test_a_crash_of_the_server_in_the_middle_of_a_run(
    server: Server, tmp_path: Path, job: str, thorough: bool
) -> None:
    crashes = 2 if thorough else 1
    assert survive_crashes(server, tmp_path, job, crashes) == crashes


def test_a_server_that_is_down_when_a_run_starts(server: Server, tmp_path: Path) -> None:
    with pipeline_on(make_database(server, "down"), tmp_path) as pipeline:
        pipeline.ingest(DAYS[0])
        before = pipeline.everything()
        server.stop()
        try:
            assert "down" in failure_of(pipeline.run(INGESTION, TAGS[INGESTION]))
        finally:
            server.start()
        assert pipeline.everything() == before
        pipeline.ingest(DAYS[1])


def test_a_lock_that_went_with_the_server_is_taken_again(server: Server) -> None:
    """A run that lasts longer than its lock's connection must not go on without the lock."""
    database = Database(make_database(server, "locks"))
    told: list[str] = []
    lock = StoreLock(database, "refresh", notice=told.append)
    lock.acquire(exclusive=True)
    server.crash()
    lock.acquire(exclusive=True)
    assert told == ["the lock on the market tables was lost with its connection; taking it again"]
    with (
        pytest.raises(StoreBusyError, match="held by refresh"),
        StoreLock(database, "another").exclusive(wait=False),
    ):
        pass
    lock.acquire(exclusive=True)
    assert len(told) == 1
    server.crash()
    lock.release()
    with StoreLock(database, "another").exclusive(wait=False):
        pass
