"""Work in background threads."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError

import pytest

from market_assets.operations.background import BoundedThreads

PATIENCE_SECONDS = 300


def test_what_waits_for_room_is_not_started_once_they_are_closed() -> None:
    threads, let_go, begun = BoundedThreads(1), threading.Event(), threading.Event()

    def first() -> str:
        begun.set()
        assert let_go.wait(PATIENCE_SECONDS)
        return "done"

    running = threads.start(first)
    assert begun.wait(PATIENCE_SECONDS)
    waiting = threads.start(lambda: pytest.fail("it was started"))
    threads.close()
    let_go.set()
    assert running.result(PATIENCE_SECONDS) == "done"
    with pytest.raises(CancelledError):
        waiting.result(PATIENCE_SECONDS)


def test_no_more_than_a_number_run_at_a_time() -> None:
    threads, lock = BoundedThreads(2), threading.Lock()
    running: list[int] = [0]
    most: list[int] = [0]
    both = threading.Barrier(2)

    def work() -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        # Two have to run at a time, or nobody comes past this.
        both.wait(PATIENCE_SECONDS)
        with lock:
            running[0] -= 1

    for future in [threads.start(work) for _ in range(8)]:
        future.result(PATIENCE_SECONDS)
    assert most == [2]
