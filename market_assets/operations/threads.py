"""Work in threads of its own, for what may hang."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

_T = TypeVar("_T")


def in_thread(work: Callable[[], _T]) -> Future[_T]:
    """The result to be of some work, done in a thread that holds up neither a pool nor the end of the process."""
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
