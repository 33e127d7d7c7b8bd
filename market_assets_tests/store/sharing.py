"""Holding the lock on the market tables shared, as ingestion does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from market_assets.store.lock import StoreLock


@contextlib.contextmanager
def shared(lock: StoreLock) -> Iterator[None]:
    lock.acquire(exclusive=False)
    try:
        yield
    finally:
        lock.release()
