"""A process that `market-assets serve` keeps running: started again where it ends, until it ends too often."""

from __future__ import annotations

import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import click

#: On a busy machine it takes long; a process that fails ends by itself.
READY_SECONDS = 300.0
#: A process that ends is started again after 1, 2, 4 … seconds; after so many in ten minutes `serve` gives up.
MOST_RESTARTS = 5
RESTARTS_WITHIN = 600.0


@dataclass
class Service:
    """A process that `serve` keeps running.

    Attributes:
        name: as shown.
        command: starts it.
        log: the file that gets what it prints; None for this terminal.
        output: the file descriptor that gets what it prints on standard output instead, if there is one.
        process: the newest one, if it was started.
        restarts: when it was started again, as `time.monotonic()`.
        due: when it is to be started again; None while it runs.
    """

    name: str
    command: list[str]
    log: Path | None = None
    output: int | None = None
    process: subprocess.Popen[bytes] | None = None
    restarts: list[float] = field(default_factory=list)
    due: float | None = None

    def start(self, environment: dict[str, str]) -> None:
        """Start it in a new session, so that Ctrl-C reaches only `serve`, which ends the others in order."""
        with ExitStack() as opened:
            # Appended to: a process that is started again must not remove why it ended.
            log = opened.enter_context(self.log.open("ab")) if self.log else None
            output = log if self.output is None else self.output
            self.process = subprocess.Popen(
                self.command, env=environment, start_new_session=True, stdout=output, stderr=log
            )
        self.due = None

    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def keep_running(self, environment: dict[str, str]) -> bool:
        """Start it again where it has ended and its pause is over; False if it ends too often."""
        now = time.monotonic()
        if not self.has_ended():
            return True
        if self.due is None:
            self.restarts = [time for time in self.restarts if time > now - RESTARTS_WITHIN]
            if len(self.restarts) == MOST_RESTARTS:
                return False
            pause = 2.0 ** len(self.restarts)
            self.due = now + pause
            click.echo(f"market-assets: {self.ending}; it is started again in {pause:.0f} s", err=True)
        if now >= self.due:
            self.restarts.append(now)
            self.start(environment)
        return True

    @property
    def ending(self) -> str:
        code = self.process.returncode if self.process else None
        return f"the {self.name} ended with exit code {code}"

    @property
    def last_words(self) -> str:
        """The last line that it printed, and where the others are."""
        if self.log is None:
            return ""
        lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")
        return f": {last.removeprefix('market-assets: ')} (all of it is in {self.log})"
