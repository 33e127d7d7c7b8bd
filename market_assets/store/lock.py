"""Locks between processes: the reader-writer lock on the market tables, and a short mutex.

Ingestion takes the lock shared; refresh, rebuild, cleanup and migration take it exclusively. It holds for every
writer, however it was started, and is freed when its holder dies: the kernel (SQLite: flock on files beside the
database) or the server (PostgreSQL: advisory locks of a session) releases it. Requests are served in the order of
arrival, so that a stream of shared holders can't starve one that waits for exclusive access.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import sqlalchemy as sa

from market_assets.store.database import Database, StoreError, file_errors, sqlalchemy_errors

_POLL_SECONDS = 0.2
_NOTICE_SECONDS = 30.0
#: How long a request waits inside the PostgreSQL server before it reports that it waits and tries again.
_QUEUE_SECONDS = 5.0
#: Keys of advisory locks. Any numbers that no other program on the same PostgreSQL database uses.
_LOCK_KEY = 7_216_021_411
_QUEUE_KEY = _LOCK_KEY + 1
_MUTEX_KEY = _LOCK_KEY + 2

Notice = Callable[[str], None]


class StoreBusyError(StoreError):
    """The market tables are locked; the message names the holders."""


class StoreLock:
    """The lock on the market tables of a database, for one holder.

    Args:
        database: the market database.
        purpose: what the holder does, shown to those that wait for it.
        notice: called with a message while this one waits.
    """

    def __init__(self, database: Database, purpose: str, notice: Notice = lambda _message: None) -> None:
        self._purpose = f"{purpose} (process {os.getpid()})"
        self._notice = notice
        self._mechanism = _FileLock(database.path) if database.is_sqlite else _AdvisoryLock(database)
        self._is_exclusive = False
        self._held: _Held | None = None

    def acquire(self, *, exclusive: bool, wait: bool = True) -> bool:
        """Take the lock in a mode and keep it until `release`; waits as long as it takes, with notices.

        Returns:
            False where the lock was held in this mode all the time; True where others may have written before.

        Raises:
            StoreBusyError: others hold it, and `wait` is False.
        """
        if self._held is not None and self._is_exclusive == exclusive:
            if self._held.is_alive():
                return False
            self._notice("the lock on the market tables was lost with its connection; taking it again")
        self.release()
        last_notice = -_NOTICE_SECONDS

        def waiting(holders: str) -> None:
            nonlocal last_notice
            held_by = f"held by {holders or 'another writer'}"
            if not wait:
                raise StoreBusyError(f"the market tables are {held_by}: try again after it")
            if time.monotonic() - last_notice >= _NOTICE_SECONDS:
                last_notice = time.monotonic()
                self._notice(f"waiting for the market tables, which are {held_by}")

        self._held = self._mechanism.take(self._purpose, exclusive=exclusive, waiting=waiting)
        self._is_exclusive = exclusive
        return True

    def release(self) -> None:
        """Release the lock; does nothing where it is not held."""
        if self._held is not None:
            self._held.release()
        self._held = None

    @contextlib.contextmanager
    def exclusive(self, *, wait: bool = True) -> Iterator[None]:
        """Hold the lock exclusively for the block; `wait` and errors as in `acquire`."""
        self.acquire(exclusive=True, wait=wait)
        try:
            yield
        finally:
            self.release()


@contextlib.contextmanager
def mutex(database: Database) -> Iterator[None]:
    """Mutual exclusion among the processes of a store for a short block, such as "look, and create if absent".

    Independent of `StoreLock`: it does not wait for writers of postings. Freed when its process dies.

    Raises:
        StoreUnavailableError: the database, or the folder it is in, can't be used.
    """
    if database.is_sqlite:
        path = database.path.with_name(f"{database.path.name}.mutex")
        with file_errors(path, "lock"):
            file = path.open("a")
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        return
    with sqlalchemy_errors(database):
        connection = _lock_session(database)
        connection.execute(sa.text(f"SELECT pg_advisory_lock({_MUTEX_KEY})"))
    with connection:
        yield


@dataclass(frozen=True)
class _Held:
    """A lock that was taken: how to release it, and whether it still holds."""

    release: Callable[[], None]
    is_alive: Callable[[], bool]


class _FileLock:
    """flock on `<database>.lock`.

    `<database>.lock-queue` is held by the one that waits first, so that requests keep their order. The folder
    `<database>.lock-holders` has one locked file for each holder, with its purpose.
    """

    def __init__(self, database_path: Path) -> None:
        self._lock = database_path.with_name(f"{database_path.name}.lock")
        self._queue = database_path.with_name(f"{database_path.name}.lock-queue")
        self._holders = database_path.with_name(f"{database_path.name}.lock-holders")

    def take(self, purpose: str, *, exclusive: bool, waiting: Callable[[str], None]) -> _Held:
        with contextlib.ExitStack() as undo:
            with file_errors(self._lock, "lock"):
                self._holders.mkdir(exist_ok=True)
                lock = undo.enter_context(self._lock.open("a"))
                with self._queue.open("a") as queue:
                    self._wait_for(queue, fcntl.LOCK_EX, waiting)
                    self._wait_for(lock, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH, waiting)
                named = self._name_holder(f"{os.getpid()}-{id(lock)}", purpose)
            undo.pop_all()

        def release() -> None:
            Path(named.name).unlink(missing_ok=True)
            named.close()
            lock.close()

        # The kernel keeps it as long as this process lives.
        return _Held(release, is_alive=lambda: True)

    def _name_holder(self, name: str, purpose: str) -> IO[str]:
        """Write a file that names a holder of the lock; it is valid as long as it is locked itself."""
        path = self._holders / name
        while True:
            # Unbuffered, so that closing it has nothing left to write where the disk is full.
            with contextlib.ExitStack() as undo:
                undo.callback(path.unlink, missing_ok=True)
                file = undo.enter_context(path.open("w"))
                os.write(file.fileno(), purpose.encode())
                fcntl.flock(file, fcntl.LOCK_EX)
                # `_living_holders` of another process may have removed the file before it was locked.
                if path.exists():
                    undo.pop_all()
                    return file

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
            with contextlib.suppress(FileNotFoundError), path.open() as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    path.unlink(missing_ok=True)
                except BlockingIOError:
                    living.append(file.read())
        return ", ".join(living)


class _AdvisoryLock:
    """A session-level advisory lock on its own connection, whose application_name names the holder.

    A request that waits leaves the server's queue now and then to report it. A second advisory lock, held by the
    one that waits first, keeps later requests from overtaking it meanwhile.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, purpose: str, *, exclusive: bool, waiting: Callable[[str], None]) -> _Held:
        function = "pg_advisory_lock" if exclusive else "pg_advisory_lock_shared"
        name = {"name": purpose[:63]}
        with sqlalchemy_errors(self._database), contextlib.ExitStack() as undo:
            connection = undo.enter_context(_lock_session(self._database))
            connection.execute(sa.text("SELECT set_config('application_name', :name, false)"), name)
            for lock, key in (("pg_advisory_lock", _QUEUE_KEY), (function, _LOCK_KEY)):
                while not _try_lock(connection, lock, key):
                    waiting(_living_sessions(connection))
            connection.execute(sa.text(f"SELECT pg_advisory_unlock({_QUEUE_KEY})"))
            undo.pop_all()
        return _Held(connection.close, is_alive=lambda: _answers(connection))


def _lock_session(database: Database) -> sa.Connection:
    return database.engine().connect().execution_options(isolation_level="AUTOCOMMIT")


def _try_lock(connection: sa.Connection, function: str, key: int) -> bool:
    """Wait in the server's queue, which serves in the order of arrival, for up to `_QUEUE_SECONDS`."""
    connection.execute(sa.text(f"SET lock_timeout = {int(_QUEUE_SECONDS * 1000)}"))
    try:
        connection.execute(sa.text(f"SELECT {function}({key})"))
    except sa.exc.OperationalError as error:
        # 55P03: lock_not_available
        if getattr(error.orig, "sqlstate", None) != "55P03":
            raise
        return False
    return True


def _answers(connection: sa.Connection) -> bool:
    """Whether a session still exists; a server that was restarted has lost its locks."""
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
        {"key": _LOCK_KEY},
    )
    return ", ".join(names.scalars())
