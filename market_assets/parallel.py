"""Computing batches in processes of their own, on several cores.

Threads would not do: what is computed of postings is half Python. The processes are started afresh, as a fork of a
process with Polars' threads may hang, and without `multiprocessing`, whose processes import what the program was
started with and may outlive it. These end with the pipe to the process that started them, however that one ends.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, Generic, TypeVar

#: More could not be kept busy: a third of the time of computing postings goes into reading and writing them.
MOST_PROCESSES = 3

_Batch = TypeVar("_Batch")
_Result = TypeVar("_Result")


class Processes(Generic[_Batch, _Result]):
    """Processes that compute a function of batches; a context manager, at whose end they have ended.

    Little work starts none, as starting them takes as long. Of much work none is done here, so that no memory is
    taken for it while processes take theirs.
    """

    def __init__(self, compute: Callable[[_Batch], _Result], most: int | None = None, little: int = 2) -> None:
        """Prepare to start processes.

        Args:
            compute: a function that can be pickled.
            most: how many processes; by default as many as there are cores, up to `MOST_PROCESSES`.
            little: so many batches in all are computed here; some two seconds of work.
        """
        self._compute = compute
        self._little = little
        self._most = min(os.cpu_count() or 1, MOST_PROCESSES) if most is None else most
        self._computed = 0
        self._started = contextlib.ExitStack()
        self._idle: list[_Process] = []

    def __enter__(self) -> Processes[_Batch, _Result]:
        return self

    def __exit__(self, *_error: object) -> None:
        self._started.close()

    def results(self, batches: Iterable[_Batch]) -> Iterator[_Result]:
        """The result of each batch, in order; as many are read ahead as there are processes, or as are little.

        Raises:
            ConnectionError: a process was killed.
            Exception: what the function raised.
        """
        if self._most < 2:
            yield from map(self._compute, batches)
            return
        following = iter(batches)
        ahead = list(islice(following, self._little - self._computed + 1))
        if self._computed + len(ahead) <= self._little:
            self._computed += len(ahead)
            yield from map(self._compute, ahead)
            return
        everything = chain(ahead, following)
        # They would be kept to the end.
        del ahead
        busy: deque[_Process] = deque()
        for batch in everything:
            if len(busy) < self._most:
                busy.append(
                    self._idle.pop() if self._idle else self._started.enter_context(_Process(self._compute))
                )
                busy[-1].start(batch)
            else:
                busy.rotate(-1)
                result = busy[-1].result()
                busy[-1].start(batch)
                yield result
        for process in busy:
            result = process.result()
            # Before the result is given: who knows how many there are does not ask for what follows the last.
            self._idle.append(process)
            yield result


class _Process:
    """A process that computes one batch at a time; it has ended at the end of the block."""

    def __init__(self, compute: Callable[[Any], Any]) -> None:
        from market_assets.settings import environment_for_children

        self._pipe, other_end = Pipe()
        command = [sys.executable, "-m", __name__, str(other_end.fileno())]
        # Each keeps one core busy.
        environment = environment_for_children(POLARS_MAX_THREADS="1")
        self._process = subprocess.Popen(command, pass_fds=[other_end.fileno()], env=environment)
        other_end.close()
        self.start(compute)

    def __enter__(self) -> _Process:
        return self

    def __exit__(self, *_error: object) -> None:
        self._pipe.close()
        self._process.terminate()
        self._process.wait()

    def start(self, batch: Any) -> None:
        self._pipe.send(batch)

    def result(self) -> Any:
        try:
            error, result = self._pipe.recv()
        except EOFError:
            raise ConnectionResetError("a process that computed a part of the postings was killed") from None
        if error is not None:
            raise error
        return result


def _work(pipe: Connection) -> None:
    """Compute batches, one after the other, until the other end of the pipe is closed."""
    # Ctrl-C reaches every process of the terminal; the one that waits for this one ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A batch makes a great many tuples and hardly any cycle: looking for those takes a twentieth of the time.
    gc.set_threshold(100_000)
    with contextlib.suppress(EOFError, ConnectionError):
        compute = pipe.recv()
        while True:
            batch = pipe.recv()
            answer: tuple[Exception | None, Any]
            try:
                answer = None, compute(batch)
            except Exception as error:
                answer = error, None
            pipe.send(answer)


if __name__ == "__main__":
    _work(Connection(int(sys.argv[1])))
