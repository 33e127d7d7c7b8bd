"""Who can read what the store writes: its owner, whatever the umask is."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from market_assets.store import audit, schema
from market_assets.store.backup import Site, restore_backup, take_backup
from market_assets.store.backup_file import Backup
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database
from market_assets.store.landing import Landing


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    before = os.umask(0o000)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def sqlite(path: Path) -> Database:
    return Database(f"sqlite:///{path}")


def test_a_new_database_and_its_log_are_their_owners_alone(tmp_path: Path) -> None:
    database = sqlite(tmp_path / "data" / "from" / "market.db")
    schema.upgrade(database)
    # The log and its index are there as long as somebody has the file open.
    with MarketConnection(database), database.engine().begin() as connection:
        connection.execute(sa.text("UPDATE data_revision SET revision = revision + 1"))
        audit.record(database, who="", address="", action="", target="", result="")
        with database.accounts.engine().connect() as of_accounts:
            of_accounts.execute(sa.text("SELECT * FROM audit_log"))
            modes = {path.name: mode(path) for path in database.path.parent.glob("market*.db*") if path.is_file()}
    endings = ("", "-wal", "-shm")
    files = [f"{name}.db{ending}" for name in ("market", "market-accounts") for ending in endings]
    assert {name: modes[name] for name in files} == dict.fromkeys(files, 0o600)
    assert (mode(tmp_path / "data"), mode(tmp_path / "data" / "from")) == (0o700, 0o700)


def test_a_folder_and_a_file_that_are_there_are_left_as_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    (folder / "market.db").touch(mode=0o640)
    schema.upgrade(sqlite(folder / "market.db"))
    assert (mode(folder), mode(folder / "market.db")) == (0o755, 0o640)


def test_a_restored_database_is_its_owners_alone(tmp_path: Path) -> None:
    def site(name: str) -> Site:
        data = tmp_path / name
        return Site(sqlite(data / "market.db"), None, data / "archive", Landing(str(data / "landing")), data, {})

    schema.upgrade(site("old").database)
    backup = tmp_path / "backup.zip"
    take_backup(site("old"), backup, datetime.now(UTC), program="1", left_out=(), with_landing=False)
    with Backup(backup) as opened:
        restore_backup(opened, site("new"))
    assert mode(site("new").database.path) == 0o600
    assert mode(site("new").database.accounts.path) == 0o600
    assert mode(site("new").data) == 0o700
