"""Programs of their own that the tests start, watch and kill."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue

#: Far more than anything takes; only a hanging program meets it.
PATIENCE_SECONDS = 300
_PROJECT = Path(__file__).resolve().parents[2]


class Program:
    """A Python program in a process of its own, which reports its progress by lines on its output."""

    def __init__(self, code: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-c", textwrap.dedent(code), *arguments],
            cwd=_PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.pid = self._process.pid
        self._lines: Queue[str] = Queue()
        self._seen: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def expect(self, text: str) -> str:
        """Wait for a line that holds a text."""
        while True:
            try:
                line = self._lines.get(timeout=PATIENCE_SECONDS)
            except Empty:
                raise AssertionError(f"no line with {text!r}, only {self._seen}") from None
            if line is _END:
                raise AssertionError(f"ended without a line with {text!r}, only {self._seen}")
            self._seen.append(line)
            if text in line:
                return line

    def newest(self, text: str) -> str:
        """The last line so far that holds a text; waits for one."""
        line = self.expect(text)
        while any(text in waiting for waiting in [*self._lines.queue]):
            line = self.expect(text)
        return line

    def go_on(self) -> None:
        """Give it a line, for which it may wait with input()."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        """SIGKILL: it can't tidy up."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(PATIENCE_SECONDS)

    def end(self) -> int:
        """Wait for its end; returns the exit code."""
        code = self._process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        return code

    def output(self) -> str:
        """Its whole output, once it has ended."""
        while not self._lines.empty():
            self._seen.append(self._lines.get())
        return "\n".join(line for line in self._seen if line is not _END)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(_END)


_END = "\0 the program has ended"


@contextlib.contextmanager
def program(code: str, *arguments: str) -> Iterator[Program]:
    """Run a program, and end it with the block at the latest."""
    started = Program(code, *arguments)
    try:
        yield started
    finally:
        started.close()
