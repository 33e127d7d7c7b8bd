"""`dagster job execute`, killed with SIGKILL at a moment that its caller chooses.

    python -m market_assets_tests.faults.dying_run JOB TAGS KIND NUMBER

Of kind `statement` the process kills itself before that statement of its data path, most of which are inside a
transaction; of kind `seconds` so long after the first of them.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from market_assets.store.connection import MarketConnection

#: All that goes to the database on the data path.
_TOUCHING = ("execute", "read", "scalar", "_ingest", "transaction")


@contextmanager
def counting(before_each: Callable[[int], None]) -> Iterator[None]:
    """Call a function with 1, 2, … before each statement of the data path."""
    seen = 0
    kept = {name: getattr(MarketConnection, name) for name in _TOUCHING}

    def counted(original: Any) -> Any:
        def touch(*arguments: Any, **keywords: Any) -> Any:
            nonlocal seen
            seen += 1
            before_each(seen)
            return original(*arguments, **keywords)

        return touch

    for name, original in kept.items():
        setattr(MarketConnection, name, counted(original))
    try:
        yield
    finally:
        for name, original in kept.items():
            setattr(MarketConnection, name, original)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(job: str, tags: str, kind: str, number: str) -> None:
    from dagster._cli.job import job_execute_command

    def before_each(seen: int) -> None:
        if kind == "statement" and seen == int(number):
            _die()
        if kind == "seconds" and seen == 1:
            threading.Timer(float(number), _die).start()

    with counting(before_each):
        arguments = ["-m", "market_assets.definitions", "-j", job, "--tags", json.dumps(json.loads(tags))]
        job_execute_command.main(arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
