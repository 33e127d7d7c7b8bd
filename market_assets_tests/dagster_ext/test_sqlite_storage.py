"""The connections of Dagster's history in SQLite: kept, few, not shared with a fork, none to a replaced file."""

from __future__ import annotations

import multiprocessing
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest

from market_assets.dagster_ext import sqlite_storage
from market_assets.dagster_ext.sqlite_storage import KeptSqliteStorage


@pytest.fixture
def storage(tmp_path: Path) -> KeptSqliteStorage:
    return KeptSqliteStorage(str(tmp_path))


def write(storage: KeptSqliteStorage, value: str) -> None:
    storage.run_storage.set_cursor_values({"a": value})


def read(storage: KeptSqliteStorage) -> str | None:
    return storage.run_storage.get_cursor_values({"a"}).get("a")


def opened(folder: Path) -> list[str]:
    """The database files in a folder that this process has open, a name for each connection."""
    targets = [file.readlink() for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
    return sorted(file.name for file in targets if file.is_relative_to(folder) and file.suffix == ".db")


def use(storage: KeptSqliteStorage) -> None:
    write(storage, "value")
    assert read(storage) == "value"
    assert storage.event_log_storage.get_maximum_record_id() is None
    assert list(storage.schedule_storage.all_instigator_state()) == []


def test_the_connection_to_each_file_is_kept(storage: KeptSqliteStorage, tmp_path: Path) -> None:
    use(storage)
    kept = opened(tmp_path)
    assert set(kept) == {"index.db", "runs.db", "schedules.db"}
    for _ in range(3):
        use(storage)
    assert opened(tmp_path) == kept


def test_threads_use_it_side_by_side(storage: KeptSqliteStorage) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(use, [storage] * 8))


def test_the_events_of_many_runs_keep_few_connections(storage: KeptSqliteStorage, tmp_path: Path) -> None:
    runs = [f"run-{number}" for number in range(30)]
    with dg.DagsterInstance.ephemeral() as instance:
        storage.register_instance(instance)
        for run in runs:
            assert list(storage.event_log_storage.get_logs_for_run(run)) == []
    kept = set(opened(tmp_path))
    assert len(kept) <= 8
    assert "run-29.db" in kept
    assert "run-1.db" not in kept


def test_a_file_that_takes_the_place_of_another_is_read(storage: KeptSqliteStorage, tmp_path: Path) -> None:
    write(storage, "before")
    other = KeptSqliteStorage(str(tmp_path / "other"))
    write(other, "after")
    shutil.rmtree(tmp_path / "history")
    (tmp_path / "other/history").rename(tmp_path / "history")
    assert read(storage) == "after"
    write(storage, "later")
    assert read(KeptSqliteStorage(str(tmp_path))) == "later"


def test_a_history_that_was_removed_is_made_anew(storage: KeptSqliteStorage, tmp_path: Path) -> None:
    use(storage)
    for folder in ("history", "schedules"):
        shutil.rmtree(tmp_path / folder)
    anew = KeptSqliteStorage(str(tmp_path))
    assert read(anew) is None
    use(anew)


def test_a_forked_process_has_connections_of_its_own(storage: KeptSqliteStorage, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'history/runs.db'}"
    write(storage, "parent")
    engine = sqlite_storage._engines.of(url)

    def write_as_child() -> None:
        assert sqlite_storage._engines.of(url) is not engine
        write(storage, "child")

    child = multiprocessing.get_context("fork").Process(target=write_as_child)
    child.start()
    child.join()
    assert child.exitcode == 0
    assert read(storage) == "child"
    write(storage, "parent again")
    assert read(storage) == "parent again"
