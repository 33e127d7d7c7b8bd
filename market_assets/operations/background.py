"""Work in background threads, for what may hang: it holds up neither a thread pool nor the end of the process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Generic, TypeVar

#: For how long a probe's result is used.
FRESH_SECONDS = 3.0
#: For how long a request waits for a probe that is reading.
PATIENCE_SECONDS = 2.0

_T = TypeVar("_T")


def in_thread(work: Callable[[], _T]) -> Future[_T]:
    """Start some work in a daemon thread; returns its future result."""
    result: Future[_T] = Future()

    def run() -> None:
        try:
            done = work()
        except BaseException as error:
            result.set_exception(error)
        else:
            result.set_result(done)

    threading.Thread(target=run, daemon=True).start()
    return result


class BoundedThreads:
    """Daemon threads for work that may hang, some of it at a time.

    Args:
        most: how much at a time; further work waits.
    """

    def __init__(self, most: int) -> None:
        self._room = threading.Semaphore(most)
        self._closed = False

    def start(self, work: Callable[[], _T]) -> Future[_T]:
        """Start some work as soon as there is room; returns its future result."""

        def when_there_is_room() -> _T:
            with self._room:
                if self._closed:
                    raise CancelledError
                return work()

        return in_thread(when_there_is_room)

    def close(self) -> None:
        """Start nothing more. What runs goes on, and nobody waits for it."""
        self._closed = True


class Probe(Generic[_T]):
    """Reads something in a background thread, one reading at a time, and keeps the result for a short time."""

    def __init__(self, read: Callable[[], _T], fresh_seconds: float = FRESH_SECONDS) -> None:
        self._read = read
        self._fresh_seconds = fresh_seconds
        self._lock = threading.Lock()
        self._reading: Future[_T] | None = None
        self._begun = 0.0
        self._ended = 0.0

    def result(self) -> Future[_T]:
        """The result that is kept, or that of the reading in progress."""
        with self._lock:
            done = self._reading is not None and self._reading.done()
            if self._reading is None or (done and time.monotonic() - self._ended > self._fresh_seconds):
                self._begun = time.monotonic()
                self._reading = in_thread(self._read_now)
            return self._reading

    @property
    def seconds_reading(self) -> float:
        """Since when the newest reading has been in progress."""
        return time.monotonic() - self._begun

    def _read_now(self) -> _T:
        try:
            return self._read()
        finally:
            self._ended = time.monotonic()
