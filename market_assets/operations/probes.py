"""Probes: each reads one part of the facts in a thread of its own, so that a part that hangs holds up nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from market_assets.operations.health import Facts
from market_assets.operations.threads import in_thread

#: What was read is good for so long.
FRESH_SECONDS = 3.0
#: Whoever asks waits no longer than this for what is being read.
PATIENCE_SECONDS = 2.0

_T = TypeVar("_T")


class Probe(Generic[_T]):
    """Reads something in a thread of its own, one at a time."""

    def __init__(self, read: Callable[[], _T], fresh_seconds: float = FRESH_SECONDS) -> None:
        self._read = read
        self._fresh_seconds = fresh_seconds
        self._lock = threading.Lock()
        self._reading: Future[_T] | None = None
        self._begun = 0.0
        self._ended = 0.0

    def ask(self) -> Future[_T]:
        """What was read a moment ago, or what is being read."""
        with self._lock:
            done = self._reading is not None and self._reading.done()
            if self._reading is None or (done and time.monotonic() - self._ended > self._fresh_seconds):
                self._begun = time.monotonic()
                self._reading = in_thread(self._read_now)
            return self._reading

    @property
    def has_been_reading(self) -> float:
        """For how many seconds it has been reading by now."""
        return time.monotonic() - self._begun

    def _read_now(self) -> _T:
        try:
            return self._read()
        finally:
            self._ended = time.monotonic()


def facts_of(probes: Mapping[str, Probe[Any]], asked: Mapping[str, Future[Any]]) -> Facts:
    """The facts, as far as they have been read; of a part that has not, for how long it has kept silent."""
    known: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, future in asked.items():
        if not future.done():
            errors[name] = f"no answer for {probes[name].has_been_reading:.0f} s"
        elif error := future.exception():
            errors[name] = " ".join(str(error).split())[:500] or type(error).__name__
        else:
            known[name] = future.result()
    return Facts(datetime.now(UTC), known.get("history"), known.get("database"), known.get("disk"), errors)


def ask_all(probes: Mapping[str, Probe[Any]], seconds: float) -> Facts:
    """Ask every probe once, and wait for so long at most."""
    asked = {name: probe.ask() for name, probe in probes.items()}
    wait(asked.values(), timeout=seconds)
    return facts_of(probes, asked)
