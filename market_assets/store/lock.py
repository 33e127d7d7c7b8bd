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
        self._database = database
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

        take = _take_files if self._database.is_sqlite else _take_advisory
        self._held = take(self._database, self._purpose, exclusive=exclusive, waiting=waiting)
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


def _take_files(database: Database, purpose: str, *, exclusive: bool, waiting: Callable[[str], None]) -> _Held:
    """flock on `<database>.lock`.

    `<database>.lock-queue` is held by the one that waits first, so that requests keep their order. The folder
    `<database>.lock-holders` has one locked file for each holder, with its purpose.
    """
    paths = (
        database.path.with_name(f"{database.path.name}.{end}") for end in ("lock", "lock-queue", "lock-holders")
    )
    lock_path, queue_path, holders = paths
    with contextlib.ExitStack() as undo:
        with file_errors(lock_path, "lock"):
            holders.mkdir(exist_ok=True)
            lock = undo.enter_context(lock_path.open("a"))
            with queue_path.open("a") as queue:
                for file, mode in ((queue, fcntl.LOCK_EX), (lock, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)):
                    while not _try_flock(file, mode):
                        waiting(_living_holders(holders))
                        time.sleep(_POLL_SECONDS)
            _name_holder(holders / f"{os.getpid()}-{id(lock)}", purpose, undo)
        # The kernel keeps it as long as this process lives.
        return _Held(undo.pop_all().close, is_alive=lambda: True)


def _name_holder(path: Path, purpose: str, undo: contextlib.ExitStack) -> None:
    """Write a file that names a holder of the lock; it is valid as long as it is locked itself."""
    while True:
        with contextlib.ExitStack() as unnamed:
            # Unbuffered, so that closing it has nothing left to write where the disk is full.
            file = unnamed.enter_context(path.open("w"))
            unnamed.callback(path.unlink, missing_ok=True)
            os.write(file.fileno(), purpose.encode())
            fcntl.flock(file, fcntl.LOCK_EX)
            # `_living_holders` of another process may have removed the file before it was locked.
            if path.exists():
                undo.push(unnamed.pop_all())
                return


def _living_holders(holders: Path) -> str:
    living = []
    for path in sorted(holders.iterdir()):
        with contextlib.suppress(FileNotFoundError), path.open() as file:
            if _try_flock(file, fcntl.LOCK_SH):
                path.unlink(missing_ok=True)
            else:
                living.append(file.read())
    return ", ".join(living)


def _try_flock(file: IO[str], mode: int) -> bool:
    try:
        fcntl.flock(file, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _take_advisory(database: Database, purpose: str, *, exclusive: bool, waiting: Callable[[str], None]) -> _Held:
    """A session-level advisory lock on its own connection, whose application_name names the holder.

    A request that waits leaves the server's queue now and then to report it. A second advisory lock, held by the
    one that waits first, keeps later requests from overtaking it meanwhile.
    """
    function = "pg_advisory_lock" if exclusive else "pg_advisory_lock_shared"
    name = {"name": purpose[:63]}
    with sqlalchemy_errors(database), contextlib.ExitStack() as undo:
        connection = undo.enter_context(_lock_session(database))
        connection.execute(sa.text("SELECT set_config('application_name', :name, false)"), name)
        for lock, key in (("pg_advisory_lock", _QUEUE_KEY), (function, _LOCK_KEY)):
            while not _try_lock(connection, lock, key):
                waiting(_living_sessions(connection))
        connection.execute(sa.text(f"SELECT pg_advisory_unlock({_QUEUE_KEY})"))
        return _Held(undo.pop_all().close, is_alive=lambda: _answers(connection))


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
