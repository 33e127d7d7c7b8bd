"""A short turn that one process of a store has at a time: to look whether something is there, and else to make it.

Not the lock on the market tables: nobody who writes postings is waited for. As with that one, the kernel or the
server ends the turn of a process that dies.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator

import sqlalchemy as sa

from market_assets.store.database import Database, StoreUnavailableError

#: Any number that no other program on the same PostgreSQL database takes for its advisory locks.
_ADVISORY_KEY = 7_216_021_413


@contextlib.contextmanager
def turn(database: Database) -> Iterator[None]:
    """Wait for the turn, and have it until the end of the block.

    Raises:
        StoreUnavailableError: the database, or the folder it is in, can't be used.
    """
    with _on_file(database) if database.is_sqlite else _on_server(database):
        yield


@contextlib.contextmanager
def _on_file(database: Database) -> Iterator[None]:
    path = database.path.with_name(f"{database.path.name}.turn")
    try:
        file = path.open("a")
    except OSError as error:
        raise StoreUnavailableError(f"can't lock {path}: {error.strerror}") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _on_server(database: Database) -> Iterator[None]:
    try:
        connection = database.engine().connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(sa.text(f"SELECT pg_advisory_lock({_ADVISORY_KEY})"))
    except sa.exc.OperationalError as error:
        cause = " ".join(str(error.orig).split())
        raise StoreUnavailableError(f"the database {database.name} failed: {cause}") from error
    with connection:
        yield
