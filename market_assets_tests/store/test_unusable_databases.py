"""A database that can't be used says so in words: which one, why, and never with a password."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from market_assets.store import schema
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database, StoreError, StoreUnavailableError
from market_assets.store.lock import StoreLock
from market_assets.store.tables.postings import data_revision

PASSWORD = "geheim-123"


def open_and_close(database: Database) -> None:
    MarketConnection(database).close()


def take_the_lock(database: Database) -> None:
    with StoreLock(database, "test").exclusive():
        pass


WAYS_INTO_THE_FILE = (open_and_close, schema.upgrade, schema.ensure_current)
ways_in = pytest.mark.parametrize("enter", [*WAYS_INTO_THE_FILE, take_the_lock])
ways_into_the_file = pytest.mark.parametrize("enter", WAYS_INTO_THE_FILE)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on, kept from others as long as the test runs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@ways_in
def test_a_server_that_does_not_answer(closed_port: int, enter: Callable[[Database], object]) -> None:
    database = Database(f"postgresql://someone:{PASSWORD}@127.0.0.1:{closed_port}/market")
    with pytest.raises(StoreUnavailableError) as raised:
        enter(database)
    assert f"postgresql://someone:***@127.0.0.1:{closed_port}/market" in str(raised.value)
    assert "Connection refused" in str(raised.value)
    assert PASSWORD not in str(raised.value)


def test_a_password_in_the_query_is_not_shown(closed_port: int) -> None:
    database = Database(
        f"postgresql://someone@127.0.0.1:{closed_port}/market?password={PASSWORD}&connect_timeout=5"
    )
    with pytest.raises(StoreUnavailableError) as raised:
        schema.upgrade(database)
    assert PASSWORD not in str(raised.value)
    assert f"127.0.0.1:{closed_port}" in str(raised.value)


@pytest.mark.parametrize(
    "url", ["no url", "mysql://someone@host/name", "sqlite://", "sqlite:///:memory:", "postgresql://h:no_port/x"]
)
def test_a_url_of_no_use(url: str) -> None:
    with pytest.raises(StoreError):
        Database(url)


@pytest.mark.postgresql
@ways_in
def test_a_database_that_the_server_does_not_have(
    postgresql_url: str, enter: Callable[[Database], object]
) -> None:
    url = Database(postgresql_url).url.set(database="no_such_market").render_as_string(hide_password=False)
    with pytest.raises(StoreUnavailableError, match=r'"no_such_market" does not exist'):
        enter(Database(url))


def test_a_missing_file_is_not_made_but_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "missing.db"
    with pytest.raises(StoreError, match=r"no database at .*missing\.db.*market-assets db upgrade"):
        MarketConnection(Database(f"sqlite:///{path}"))
    assert not path.exists()


@ways_into_the_file
def test_a_folder_in_place_of_the_file(tmp_path: Path, enter: Callable[[Database], object]) -> None:
    path = tmp_path / "market.db"
    path.mkdir()
    with pytest.raises(StoreUnavailableError, match=r"market\.db"):
        enter(Database(f"sqlite:///{path}"))
    assert list(path.iterdir()) == []


@ways_in
def test_a_file_in_place_of_the_folder(tmp_path: Path, enter: Callable[[Database], object]) -> None:
    (tmp_path / "folder").write_text("a file")
    with pytest.raises(StoreError, match="folder"):
        enter(Database(f"sqlite:///{tmp_path / 'folder' / 'market.db'}"))


@pytest.mark.skipif(os.geteuid() == 0, reason="permission bits do not bind root")
def test_a_file_that_must_not_be_written(tmp_path: Path) -> None:
    path = tmp_path / "market.db"
    schema.upgrade(Database(f"sqlite:///{path}"))
    path.chmod(0o400)
    with (
        pytest.raises(StoreUnavailableError, match=r"market\.db"),
        MarketConnection(Database(f"sqlite:///{path}")) as connection,
        connection.transaction(),
    ):
        connection.execute(data_revision.update().values(revision=1))


def test_a_database_that_refuses_writes_is_worded(connection: MarketConnection) -> None:
    """Read-only by a setting of the connection, which binds root as well."""
    read_only = (
        "PRAGMA query_only = ON" if connection.database.is_sqlite else "SET default_transaction_read_only = on"
    )
    with connection.transaction():
        connection.execute(read_only)
    with pytest.raises(StoreError, match=r"read.?only") as raised, connection.transaction():
        connection.execute(data_revision.update().values(revision=1))
    assert connection.database.name in str(raised.value)


@ways_into_the_file
@pytest.mark.parametrize("damage", ["from the start", "behind the header"])
def test_a_corrupt_file(tmp_path: Path, enter: Callable[[Database], object], damage: str) -> None:
    path = tmp_path / "market.db"
    database = Database(f"sqlite:///{path}")
    schema.upgrade(database)
    content = path.read_bytes()
    kept = 0 if damage == "from the start" else 100
    path.write_bytes(content[:kept] + b"\xa5" * (len(content) - kept))
    with pytest.raises(StoreError) as raised:
        enter(database)
        with MarketConnection(database) as connection:
            connection.scalar(data_revision.select())
    assert "market.db" in str(raised.value)
    assert any(words in str(raised.value) for words in ("not a database", "malformed"))
    assert "\n" not in str(raised.value)
