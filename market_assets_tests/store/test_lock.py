"""Who may write: between real processes, on both databases."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from market_assets.store import lock
from market_assets.store.database import Database
from market_assets.store.lock import StoreLock
from market_assets_tests.store.programs import Program, program
from market_assets_tests.store.sharing import shared

pytestmark = pytest.mark.timeout(600)

MODES = ("exclusive", "shared")

HOLDER = """
    import sys
    from market_assets.store import lock
    from market_assets.store.database import Database
    lock._POLL_SECONDS, lock._QUEUE_SECONDS = 0.01, 0.1
    url, purpose, mode = sys.argv[1:]
    held = lock.StoreLock(Database(url), purpose, notice=lambda message: print("notice:", message))
    held.acquire(exclusive=mode == "exclusive")
    print("holding")
    input()
    held.release()
    print("released")
    input()
"""

COUNTER = """
    import sys
    from pathlib import Path
    from market_assets.store import lock
    from market_assets.store.database import Database
    from market_assets_tests.store.sharing import shared
    lock._POLL_SECONDS, lock._QUEUE_SECONDS = 0.001, 0.1
    url, file, rounds = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    held = lock.StoreLock(Database(url), "counting")
    print("ready")
    input()
    for _ in range(rounds):
        with held.exclusive():
            count = int(file.read_text())
            file.write_text("")
            file.write_text(str(count + 1))
        with shared(held):
            assert file.read_text() == file.read_text() != "", "changed while it was shared"
    print("counted")
"""


class WouldWaitError(Exception):
    """The lock is taken; the message names the holders."""


def refuse(message: str) -> None:
    raise WouldWaitError(message)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(lock, "_QUEUE_SECONDS", 0.1)


@pytest.fixture
def empty(empty_database_url: str) -> Database:
    return Database(empty_database_url)


def take(database: Database, mode: str, purpose: str = "test") -> StoreLock:
    """Take the lock, or raise WouldWaitError rather than wait."""
    taken = StoreLock(database, purpose, notice=refuse)
    taken.acquire(exclusive=mode == "exclusive")
    return taken


def would_wait(database: Database, mode: str) -> str:
    with pytest.raises(WouldWaitError) as refused:
        take(database, mode)
    return str(refused.value)


def url_of(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


@contextlib.contextmanager
def holder_of(database: Database, purpose: str, mode: str) -> Iterator[Program]:
    """A process that holds the lock."""
    with program(HOLDER, url_of(database), purpose, mode) as holder:
        holder.expect("holding")
        yield holder


@contextlib.contextmanager
def waiter_for(database: Database, purpose: str, mode: str) -> Iterator[Program]:
    """A process that waits for the lock."""
    with program(HOLDER, url_of(database), purpose, mode) as waiter:
        waiter.expect("notice: waiting for the market tables, which are held by")
        yield waiter


@pytest.mark.parametrize("holder_mode", MODES)
def test_only_shared_goes_with_shared(empty: Database, holder_mode: str) -> None:
    with holder_of(empty, "the other", holder_mode) as holder:
        for mode in MODES:
            if holder_mode == mode == "shared":
                take(empty, mode).release()
            else:
                would_wait(empty, mode)
        holder.go_on()
        holder.expect("released")
        for mode in MODES:
            take(empty, mode).release()


def test_a_waiting_request_names_the_holders(empty: Database) -> None:
    with (
        holder_of(empty, "daily_sample_ingestion run 1", "shared") as one,
        holder_of(empty, "daily_sample_ingestion run 2", "shared") as other,
    ):
        message = would_wait(empty, "exclusive")
        for holder, number in ((one, 1), (other, 2)):
            assert f"daily_sample_ingestion run {number} (process {holder.pid})" in message
        one.kill()
        message = would_wait(empty, "exclusive")
        assert f"held by daily_sample_ingestion run 2 (process {other.pid})" in message


@pytest.mark.parametrize("mode", MODES)
def test_a_killed_holder_loses_it_at_once(empty: Database, mode: str) -> None:
    with holder_of(empty, "killed", mode) as holder:
        would_wait(empty, "exclusive")
        holder.kill()
        with StoreLock(empty, "next").exclusive():
            would_wait(empty, "shared")


def test_a_killed_waiter_is_in_nobodys_way(empty: Database) -> None:
    with holder_of(empty, "holder", "shared"), waiter_for(empty, "waiter", "exclusive") as waiter:
        would_wait(empty, "shared")
        waiter.kill()
        with shared(StoreLock(empty, "next")):
            would_wait(empty, "exclusive")


def test_shared_holders_do_not_slip_past_one_that_waits_alone(empty: Database) -> None:
    with (
        holder_of(empty, "first ingestion", "shared") as first,
        waiter_for(empty, "refresh", "exclusive") as refresh,
        waiter_for(empty, "second ingestion", "shared") as second,
    ):
        for _ in range(3):  # others come and go, as often as the waiting one looks up
            would_wait(empty, "shared")
        first.go_on()
        first.expect("released")
        refresh.expect("holding")
        assert "refresh" in would_wait(empty, "shared")
        refresh.go_on()
        refresh.expect("released")
        second.expect("holding")


def test_a_holder_is_named_though_someone_looked_just_as_it_came(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock, looked = fcntl.flock, []

    def look_before_locking(file: IO[str], mode: int) -> None:
        if mode == fcntl.LOCK_EX and not looked:
            looked.append(file.name)
            would_wait(empty, "exclusive")
        flock(file, mode)

    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "flock", look_before_locking)
        mine = take(empty, "shared", "ingestion")
    assert bool(looked) == empty.is_sqlite
    assert f"held by ingestion (process {os.getpid()})" in would_wait(empty, "exclusive")
    mine.release()
    take(empty, "exclusive").release()


def test_the_mode_can_be_switched(empty: Database) -> None:
    mine = take(empty, "exclusive")
    would_wait(empty, "shared")
    mine.acquire(exclusive=False)
    theirs = take(empty, "shared")
    with pytest.raises(WouldWaitError):
        mine.acquire(exclusive=True)
    theirs.release()
    mine.acquire(exclusive=True)
    would_wait(empty, "shared")
    mine.release()
    take(empty, "exclusive").release()


def test_holding_again_in_the_same_mode_changes_nothing(empty: Database) -> None:
    mine = take(empty, "exclusive", "refresh")
    mine.acquire(exclusive=True)
    assert f"held by refresh (process {os.getpid()})" in would_wait(empty, "exclusive")
    mine.release()
    mine.release()
    take(empty, "exclusive").release()


@pytest.mark.parametrize("mode", MODES)
def test_an_exception_lets_go(empty: Database, mode: str) -> None:
    mine = StoreLock(empty, "test", notice=refuse)
    with pytest.raises(KeyboardInterrupt), mine.exclusive() if mode == "exclusive" else shared(mine):
        raise KeyboardInterrupt
    take(empty, "exclusive").release()


def test_writers_never_meet(empty: Database, tmp_path: Path) -> None:
    """A count that each process reads and writes back: any two at once would lose some of it."""
    file, rounds = tmp_path / "count", 12
    file.write_text("0")
    arguments = (url_of(empty), str(file), str(rounds))
    with (
        program(COUNTER, *arguments) as one,
        program(COUNTER, *arguments) as other,
        program(COUNTER, *arguments) as third,
    ):
        counting = (one, other, third)
        for each in counting:
            each.expect("ready")
        for each in counting:
            each.go_on()
        for each in counting:
            each.expect("counted")
    assert file.read_text() == str(3 * rounds)
