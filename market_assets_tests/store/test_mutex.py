"""The mutex: one at a time, across threads and processes, and over when its process dies."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from market_assets.store.database import Database, StoreUnavailableError
from market_assets.store.lock import mutex
from market_assets_tests.store.programs import program

TAKING = """
import sys
from market_assets.store.database import Database
from market_assets.store.lock import mutex
with mutex(Database(sys.argv[1])):
    print("has the mutex")
    input()
print("done")
"""


def test_one_at_a_time(empty_database_url: str) -> None:
    inside, most, done = 0, 0, 0
    counting = threading.Lock()

    def take() -> None:
        nonlocal inside, most, done
        for _ in range(20):
            with mutex(Database(empty_database_url)):
                with counting:
                    inside += 1
                    most = max(most, inside)
                # Long enough for another to slip in, if it could.
                time.sleep(0.002)
                with counting:
                    inside -= 1
                    done += 1

    threads = [threading.Thread(target=take) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, done) == (1, 60)


def take_once(url: str) -> None:
    with mutex(Database(url)):
        pass


def test_other_processes_wait_and_a_dead_one_is_not_waited_for(empty_database_url: str) -> None:
    with program(TAKING, empty_database_url) as first:
        first.expect("has the mutex")
        with program(TAKING, empty_database_url) as second:
            mine = threading.Thread(target=take_once, args=(empty_database_url,))
            mine.start()
            mine.join(1.0)
            assert mine.is_alive(), "the mutex is held by another's"
            first.kill()
            second.go_on()
            second.expect("has the mutex")
            second.expect("done")
            mine.join()


def test_it_is_over_after_an_error(empty_database_url: str) -> None:
    with pytest.raises(ValueError, match="mine"), mutex(Database(empty_database_url)):
        raise ValueError("mine")
    with mutex(Database(empty_database_url)):
        pass


def test_a_database_that_is_not_there_is_reported(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path / 'nowhere' / 'market.db'}", "postgresql://nobody@127.0.0.1:1/none"]
    for url in urls:
        with pytest.raises(StoreUnavailableError, match=r"market\.db|127\.0\.0\.1"), mutex(Database(url)):
            pass
    assert list(tmp_path.iterdir()) == []
