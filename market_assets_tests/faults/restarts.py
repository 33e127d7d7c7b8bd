"""A PostgreSQL server of one's own that is shut down in the middle of things, and runs that meet it."""

from __future__ import annotations

import contextlib
import random
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from market_assets.operations.names import INGESTION, REBUILD, REFRESH
from market_assets.settings import Settings
from market_assets.sources.sample.source import SampleSource
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database
from market_assets_tests.faults.soundness import assert_sound
from market_assets_tests.pipelines import RESULTS, Pipeline, failure_of
from market_assets_tests.postgresql_servers import pg_ctl, server_folder, start_postgresql

DAYS = (date(2024, 3, 1), date(2024, 3, 2))
TAGS = {
    INGESTION: {"dagster/partition": DAYS[1].isoformat()},
    REFRESH: {"market_assets/as_of": datetime(2024, 3, 2, 18, tzinfo=UTC).isoformat()},
    REBUILD: {"market_assets/as_of": datetime(2024, 3, 2, 18, tzinfo=UTC).isoformat()},
}


class Server:
    """A server that can be stopped as a crash would stop it, and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = start_postgresql(folder)
        self.url: str = self._server.get_uri()

    def crash(self) -> None:
        """Shut down at once, connections and all, without writing anything more; then start: it recovers."""
        self.stop()
        self.start()

    def stop(self) -> None:
        self._control("-m", "immediate", "stop")

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def close(self) -> None:
        self._server.cleanup()

    def _control(self, *arguments: str) -> None:
        pg_ctl(["-w", *arguments], self._folder, self._server.system_user)


@contextlib.contextmanager
def own_server() -> Iterator[Server]:
    """A server that no other test uses."""
    folder = server_folder()
    server = Server(folder)
    try:
        yield server
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)


def count_statements(patch: pytest.MonkeyPatch, seen: Callable[[int], None]) -> None:
    """Tell the number of each statement of the data path before it is run."""
    number = 0

    def counted(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal number
            number += 1
            seen(number)
            return method(*arguments, **options)

        return call

    for name in ("execute", "read", "scalar", "_ingest"):
        patch.setattr(MarketConnection, name, counted(getattr(MarketConnection, name)))


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
    if job != INGESTION:
        pipeline.refresh(datetime(2024, 3, 1, 18, tzinfo=UTC))
        pipeline.ingest(DAYS[1])


def survive_crashes(server: Server, folder: Path, job: str, crashes: int) -> int:
    """Crash the server before random statements of a job's run, and assert what must hold; returns how often."""
    statements = crashed = 0

    def count(number: int) -> None:
        nonlocal statements
        statements = number

    with pipeline_on(make_database(server, f"twin_of_{job}"), folder / "twin") as twin:
        prepare(twin, job)
        with pytest.MonkeyPatch.context() as patch:
            count_statements(patch, count)
            assert twin.run(job, TAGS[job]).success
        expected = twin.everything()
    for place, moment in enumerate(random.Random().sample(range(1, statements + 1), min(crashes, statements))):
        # Each on a store of its own: a day that a run has written, crash or not, is not written again.
        name = f"{job}_{place}"
        url = make_database(server, name)
        with pipeline_on(url, folder / name) as pipeline:
            prepare(pipeline, job)
            before = pipeline.everything()

            def crash(number: int, at: int = moment) -> None:
                nonlocal crashed
                if number == at:
                    server.crash()
                    crashed += 1

            with pytest.MonkeyPatch.context() as patch:
                count_statements(patch, crash)
                result = pipeline.run(job, TAGS[job])
            assert result.success or name in failure_of(result), "the message names the database"
            postings = len(assert_sound(url))
            assert postings in (len(before["job_postings"]), len(expected["job_postings"])), "days are whole"
            for table in RESULTS:
                assert pipeline.rows(table) in (before[table], expected[table]), f"{table} is half-written"
            assert pipeline.run(job, TAGS[job]).success
            assert pipeline.everything() == expected
    return crashed
