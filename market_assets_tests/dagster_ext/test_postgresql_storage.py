"""The connections of Dagster's history: pooled, replaced when lost, limited, not shared with a fork."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from multiprocessing.connection import Connection
from threading import Barrier

import pytest
import sqlalchemy as sa

from market_assets.dagster_ext.instance import psycopg2_url
from market_assets.dagster_ext.postgresql_storage import PooledPostgresStorage
from market_assets_tests.faults.machine import eventually

pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(600)]


@pytest.fixture
def url(postgresql_url: str) -> str:
    return psycopg2_url(postgresql_url)


@pytest.fixture
def storage(url: str) -> PooledPostgresStorage:
    return PooledPostgresStorage(url)


@pytest.fixture
def server(url: str) -> Iterator[sa.Connection]:
    """A connection of the test's own."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        yield connection


def sessions(server: sa.Connection) -> set[int]:
    """The server's processes for everybody else."""
    query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    return set(server.execute(sa.text(query)).scalars())


def use(storage: PooledPostgresStorage) -> None:
    """Read and write in each part."""
    storage.run_storage.set_cursor_values({"a": "b"})
    assert storage.run_storage.get_cursor_values({"a"}) == {"a": "b"}
    assert list(storage.run_storage.get_runs()) == []
    assert storage.event_log_storage.get_maximum_record_id() is None
    assert list(storage.schedule_storage.all_instigator_state()) == []


def test_all_storages_of_a_process_share_a_connection(
    storage: PooledPostgresStorage, url: str, server: sa.Connection
) -> None:
    use(storage)
    kept = sessions(server)
    assert len(kept) == 1
    for _ in range(3):
        use(PooledPostgresStorage(url))
        use(storage)
    assert kept <= sessions(server)


def test_further_connections_are_opened_when_needed_and_then_closed(
    storage: PooledPostgresStorage, server: sa.Connection
) -> None:
    at_once = 8
    together = Barrier(at_once, timeout=300)

    def connect() -> int:
        with storage.run_storage.connect() as connection:
            pid: int = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
            together.wait()
            return pid

    with ThreadPoolExecutor(at_once) as threads:
        assert len(set(threads.map(lambda _number: connect(), range(at_once)))) == at_once
    eventually(lambda: len(sessions(server)) == 2, "all but two connections are closed")


def test_a_lost_connection_is_replaced(storage: PooledPostgresStorage, server: sa.Connection) -> None:
    use(storage)
    (kept,) = sessions(server)
    server.execute(sa.text("SELECT pg_terminate_backend(:pid, 60000)"), {"pid": kept})
    use(storage)
    assert kept not in sessions(server)


def test_statements_are_limited_in_time_and_number(storage: PooledPostgresStorage, server: sa.Connection) -> None:
    """As the web process does through `DagsterInstance.optimize_for_webserver`."""
    for part in (storage.run_storage, storage.event_log_storage, storage.schedule_storage):
        part.optimize_for_webserver(statement_timeout=3_000, pool_recycle=3_600, max_overflow=1)
    runs, events, ticks = storage.run_storage, storage.event_log_storage, storage.schedule_storage
    for connect in (runs.connect, events.index_connection, ticks.connect):
        with connect() as connection, pytest.raises(sa.exc.OperationalError, match="statement timeout"):
            connection.execute(sa.text("SELECT pg_sleep(60)"))
    with ThreadPoolExecutor(1) as thread:
        with runs.connect(), events.index_connection(), ticks.connect():
            fourth = thread.submit(runs.get_runs_count)
            assert wait([fourth], timeout=2).not_done == {fourth}
            assert len(sessions(server)) == 3
        assert fourth.result(60) == 0


def test_a_forked_process_leaves_its_parents_connection_alone(
    storage: PooledPostgresStorage, server: sa.Connection
) -> None:
    use(storage)
    kept = sessions(server)
    forking = multiprocessing.get_context("fork")
    mine, theirs = forking.Pipe()

    def child(pipe: Connection) -> None:
        use(storage)
        pipe.send("used")
        pipe.recv()

    process = forking.Process(target=child, args=(theirs,))
    process.start()
    assert mine.poll(60)
    assert mine.recv() == "used"
    assert sessions(server) > kept
    mine.send("end")
    process.join(60)
    assert process.exitcode == 0
    use(storage)
    assert kept <= sessions(server)
