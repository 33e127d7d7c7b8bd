"""One lock on the market tables: shared by ingestion, held alone by refresh, rebuild, cleanup, migration.

It holds however a writer was started, and a dead holder loses it at once, because the kernel (SQLite: a lock on
a file beside the database) or the server (PostgreSQL: an advisory lock of a session) lets go of it. Whoever waits
alone goes before those who come after it, so that a stream of shared holders can't keep it waiting for ever.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import sqlalchemy as sa

from market_assets.store.database import Database, StoreError, StoreUnavailableError

_POLL_SECONDS = 0.2
_NOTICE_SECONDS = 30.0
#: How long to stand in the server's queue before saying so and standing there again.
_QUEUE_SECONDS = 5.0
#: Any numbers that no other program on the same PostgreSQL database takes for its advisory locks.
_ADVISORY_KEY = 7_216_021_411
_GATE_KEY = _ADVISORY_KEY + 1

Notice = Callable[[str], None]


class StoreBusyError(StoreError):
    """Someone else has the market tables; the message tells who."""


@dataclass(frozen=True)
class _Hold:
    """A lock that was taken: how to let go of it, and whether it is still there."""

    release: Callable[[], None]
    is_alive: Callable[[], bool]


class _Mechanism(Protocol):
    def acquire(self, purpose: str, *, exclusive: bool, waiting: Callable[[str], None]) -> _Hold: ...


class StoreLock:
    """The lock of a database, for one holder; `purpose` tells others who holds it."""

    def __init__(self, database: Database, purpose: str, notice: Notice = lambda _message: None) -> None:
        self._purpose = f"{purpose} (process {os.getpid()})"
        self._notice = notice
        self._mechanism: _Mechanism = _FileLock(database.path) if database.is_sqlite else _AdvisoryLock(database)
        self._held: str | None = None
        self._hold: _Hold | None = None

    def hold(self, *, exclusive: bool) -> bool:
        """Take the lock in a mode and keep it until `release`; waits, saying so, as long as it takes.

        Returns:
            Whether it was taken now; not where it was held before and nobody else can have had it since.
        """
        mode = "exclusive" if exclusive else "shared"
        if self._held == mode and self._hold is not None:
            if self._hold.is_alive():
                return False
            self._notice("the lock on the market tables was lost with its connection; taking it again")
        self.release()
        last_notice = -_NOTICE_SECONDS

        def waiting(holders: str) -> None:
            nonlocal last_notice
            if time.monotonic() - last_notice >= _NOTICE_SECONDS:
                last_notice = time.monotonic()
                self._notice(f"waiting for the market tables, which are held by {holders or 'another writer'}")

        self._hold = self._mechanism.acquire(self._purpose, exclusive=exclusive, waiting=waiting)
        self._held = mode
        return True

    def release(self) -> None:
        """Let go; harmless when not held."""
        if self._hold is not None:
            self._hold.release()
        self._held = self._hold = None

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        self.hold(exclusive=True)
        try:
            yield
        finally:
            self.release()

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """Hold it alone, or not at all.

        Raises:
            StoreBusyError: someone else has it.
        """

        def busy(holders: str) -> None:
            raise StoreBusyError(
                f"the market tables are held by {holders or 'another writer'}: try again after it"
            )

        self._hold = self._mechanism.acquire(self._purpose, exclusive=True, waiting=busy)
        self._held = "exclusive"
        try:
            yield
        finally:
            self.release()

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        self.hold(exclusive=False)
        try:
            yield
        finally:
            self.release()


class _FileLock:
    """flock on `<database>.lock`, behind a gate that keeps the order of arrival, and a file a holder."""

    def __init__(self, database_path: Path) -> None:
        self._path = database_path.with_name(f"{database_path.name}.lock")
        self._gate = database_path.with_name(f"{database_path.name}.gate")
        self._holders = database_path.with_name(f"{database_path.name}.holders")

    def acquire(self, purpose: str, *, exclusive: bool, waiting: Callable[[str], None]) -> _Hold:
        try:
            self._holders.mkdir(exist_ok=True)
            gate, lock = self._gate.open("a"), self._path.open("a")
        except OSError as error:
            raise StoreUnavailableError(f"can't lock {self._path}: {error.strerror}") from error
        try:
            with gate:
                self._wait_for(gate, fcntl.LOCK_EX, waiting)
                self._wait_for(lock, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH, waiting)
        except BaseException:
            lock.close()
            raise
        try:
            card = self._leave_card(f"{os.getpid()}-{id(lock)}", purpose)
        except OSError as error:
            lock.close()
            raise StoreUnavailableError(f"can't lock {self._path}: {error.strerror}") from error

        def release() -> None:
            Path(card.name).unlink(missing_ok=True)
            card.close()
            lock.close()

        # The kernel keeps it as long as this process lives.
        return _Hold(release, is_alive=lambda: True)

    def _leave_card(self, name: str, purpose: str) -> IO[str]:
        """A file that tells who holds the lock, for as long as it is locked itself."""
        path = self._holders / name
        while True:
            # Unbuffered, so that closing it has nothing left to write where the disk is full.
            with contextlib.ExitStack() as undo:
                undo.callback(path.unlink, missing_ok=True)
                card = undo.enter_context(path.open("w"))
                os.write(card.fileno(), purpose.encode())
                fcntl.flock(card, fcntl.LOCK_EX)
                # Whoever looks for holders meanwhile takes a card that is not yet locked for a dead one's.
                if path.exists():
                    undo.pop_all()
                    return card

    def _wait_for(self, file: IO[str], mode: int, waiting: Callable[[str], None]) -> None:
        while True:
            try:
                fcntl.flock(file, mode | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                waiting(self._living_holders())
                time.sleep(_POLL_SECONDS)

    def _living_holders(self) -> str:
        living = []
        for path in sorted(self._holders.iterdir()):
            with contextlib.suppress(FileNotFoundError), path.open() as card:
                try:
                    fcntl.flock(card, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    path.unlink(missing_ok=True)
                except BlockingIOError:
                    living.append(card.read())
        return ", ".join(living)


class _AdvisoryLock:
    """A session-level advisory lock on a connection of its own, whose application_name tells who holds it.

    As with files it is taken behind a gate: who waits leaves the server's queue now and then to say so, and
    without a gate those behind would slip past.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def acquire(self, purpose: str, *, exclusive: bool, waiting: Callable[[str], None]) -> _Hold:
        function = "pg_advisory_lock" if exclusive else "pg_advisory_lock_shared"
        try:
            connection = self._database.engine().connect().execution_options(isolation_level="AUTOCOMMIT")
            try:
                self._take(connection, purpose, function, waiting)
            except BaseException:
                connection.close()
                raise
        except sa.exc.OperationalError as error:
            cause = " ".join(str(error.orig).split())
            raise StoreUnavailableError(self._database.worded(cause)) from error
        return _Hold(connection.close, is_alive=lambda: _answers(connection))

    def _take(
        self, connection: sa.Connection, purpose: str, function: str, waiting: Callable[[str], None]
    ) -> None:
        connection.execute(sa.text("SELECT set_config('application_name', :name, false)"), {"name": purpose[:63]})
        for take, key in (("pg_advisory_lock", _GATE_KEY), (function, _ADVISORY_KEY)):
            while not self._try_lock(connection, take, key):
                waiting(_living_sessions(connection))
        connection.execute(sa.text(f"SELECT pg_advisory_unlock({_GATE_KEY})"))

    def _try_lock(self, connection: sa.Connection, function: str, key: int) -> bool:
        """Stand in the server's own queue for a while: it serves in the order of arrival."""
        connection.execute(sa.text(f"SET lock_timeout = {int(_QUEUE_SECONDS * 1000)}"))
        try:
            connection.execute(sa.text(f"SELECT {function}({key})"))
        except sa.exc.OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != "55P03":
                raise
            return False
        return True


def _answers(connection: sa.Connection) -> bool:
    """Whether a session is still there; with a server that was restarted its locks are gone."""
    try:
        connection.scalar(sa.text("SELECT 1"))
    except sa.exc.DBAPIError:
        return False
    return True


def _living_sessions(connection: sa.Connection) -> str:
    names = connection.execute(
        sa.text(
            "SELECT DISTINCT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
            "WHERE l.locktype = 'advisory' AND l.granted "
            "AND (l.classid::bigint << 32) + l.objid::bigint = :key ORDER BY 1"
        ),
        {"key": _ADVISORY_KEY},
    )
    return ", ".join(names.scalars())
