"""PostgreSQL goes down and comes back in the middle of a run: it fails in words or is retried; nothing is lost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from market_assets.automation.jobs import INGESTION, REBUILD, REFRESH
from market_assets.settings import Settings
from market_assets.sources.sample.source import SampleSource
from market_assets.storage.database import Database
from market_assets.storage.lock import StoreBusyError, StoreLock
from market_assets_tests.faults.restarts import Server, count_statements, own_server
from market_assets_tests.faults.soundness import assert_sound
from market_assets_tests.pipelines import RESULTS, Pipeline, failure_of

pytestmark = [pytest.mark.slow, pytest.mark.postgresql]

DAYS = (date(2024, 3, 1), date(2024, 3, 2))
TAGS = {
    INGESTION: {"dagster/partition": DAYS[1].isoformat()},
    REFRESH: {"market_assets/as_of": datetime(2024, 3, 2, 18, tzinfo=UTC).isoformat()},
    REBUILD: {"market_assets/as_of": datetime(2024, 3, 2, 18, tzinfo=UTC).isoformat()},
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own_server() as server:
        yield server


def make_database(server: Server, name: str) -> str:
    engine = Database(server.url).engine().execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    return sa.make_url(server.url).set(database=name).render_as_string(hide_password=False)


def pipeline_on(url: str, folder: Path) -> Pipeline:
    settings = Settings(
        DATABASE_URL=url, MARKET_ASSETS_DATA_DIR=folder, MARKET_ASSETS_RETENTION_DAYS=36_500, _env_file=None
    )
    return Pipeline(settings, SampleSource(postings_per_day=40, seed=5))


def prepare(pipeline: Pipeline, job: str) -> None:
    pipeline.ingest(DAYS[0])
    pipeline.refresh(datetime(2024, 3, 1, 18, tzinfo=UTC))
    if job != INGESTION:
        pipeline.ingest(DAYS[1])


@pytest.mark.parametrize("job", [INGESTION, REFRESH, REBUILD])
def test_a_crash_of_the_server_in_the_middle_of_a_run(
    server: Server, tmp_path: Path, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements = 0

    def count(number: int) -> None:
        nonlocal statements
        statements = number

    with pipeline_on(make_database(server, f"twin_of_{job}"), tmp_path / "twin") as twin:
        prepare(twin, job)
        with monkeypatch.context() as patch:
            count_statements(patch, count)
            assert twin.run(job, TAGS[job]).success
        expected = twin.everything()
    url = make_database(server, job)
    with pipeline_on(url, tmp_path / "crashed") as pipeline:
        prepare(pipeline, job)
        before = pipeline.everything()
        for moment in sorted(random.Random().sample(range(1, statements + 1), 2)):
            with monkeypatch.context() as patch:
                count_statements(patch, lambda number, at=moment: server.crash() if number == at else None)  # type: ignore[misc]
                result = pipeline.run(job, TAGS[job])
            if not result.success:
                message = failure_of(result)
                assert job in url
                assert job in message, "the message names the database"
            postings = assert_sound(url)
            assert len(postings) in (len(before["job_postings"]), len(expected["job_postings"]))
            for table in RESULTS:
                assert pipeline.rows(table) in (before[table], expected[table]), f"{table} is half-written"
        assert pipeline.run(job, TAGS[job]).success
        assert pipeline.everything() == expected


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
    lock.hold(exclusive=True)
    server.crash()
    lock.hold(exclusive=True)
    assert told == ["the lock on the market tables was lost with its connection; taking it again"]
    with pytest.raises(StoreBusyError, match="held by refresh"), StoreLock(database, "another").at_once():
        pass
    lock.hold(exclusive=True)
    assert len(told) == 1
    server.crash()
    lock.release()
    with StoreLock(database, "another").at_once():
        pass
