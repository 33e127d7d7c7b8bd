"""`market-assets backup`, `restore` and `db copy`, as a person meets them."""

from __future__ import annotations

import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._daemon.types import DaemonHeartbeat

from market_assets.store import schema
from market_assets.store.database import Database
from market_assets_tests.cli.conftest import Invoke
from market_assets_tests.store.any_rows import everything, fill_every_table
from market_assets_tests.store.postgresql_programs import with_programs

REAL_COMMANDS = {"PATH": with_programs()["PATH"]}


@pytest.fixture
def store(project: Path) -> Database:
    """The default store of the project's folder, with rows in every table."""
    database = Database(f"sqlite:///{project / 'data' / 'market.db'}")
    schema.upgrade(database)
    fill_every_table(database)
    return database


def the_backup(project: Path) -> Path:
    (path,) = (project / "data" / "backups").iterdir()
    return path


def empty(database: Database) -> None:
    with database.engine().begin() as connection:
        connection.execute(sa.text("DELETE FROM job_postings"))


def beat(at: float) -> None:
    with dg.DagsterInstance.get() as instance:
        instance.add_daemon_heartbeat(DaemonHeartbeat(at, "SCHEDULER", "a daemon", []))


@pytest.mark.usefixtures("store")
def test_a_backup_prints_what_is_in_it_and_what_is_not(invoke: Invoke, project: Path) -> None:
    (project / "data" / "jwt_secret_key").write_text("the key that nobody may know" * 2)
    done = invoke("backup")
    assert done.exit_code == 0
    path = the_backup(project)
    assert str(path.relative_to(project)) in done.output
    for words in ("counted and read back", "data/market.db", "Not in it: ", "jwt_secret_key", "--with-landing"):
        assert words in done.output
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    assert "database/market.db" in names
    assert {"dagster/history/runs.db", "dagster/schedules/schedules.db"} <= set(names)
    assert not [name for name in names if "jwt" in name or ".env" in name]
    assert b"the key that nobody may know" not in path.read_bytes()


@pytest.mark.usefixtures("store")
def test_a_backup_goes_to_the_named_place(invoke: Invoke, project: Path) -> None:
    (project / "shelf").mkdir()
    assert invoke("backup", "shelf").exit_code == 0
    assert invoke("backup", "one.zip").exit_code == 0
    assert len(list((project / "shelf").glob("market-assets-*.zip"))) == 1
    again = invoke("backup", "one.zip")
    assert again.exit_code == 1
    assert again.output.splitlines()[-1] == "market-assets: one.zip exists; a backup never replaces one"


@pytest.mark.usefixtures("store")
def test_two_backups_of_one_second_have_two_names(invoke: Invoke, project: Path) -> None:
    shelf, now = project / "shelf", datetime.now(UTC)
    shelf.mkdir()
    for second in range(300):
        (shelf / f"market-assets-{now + timedelta(seconds=second):%Y-%m-%dT%H%M%SZ}.zip").touch()
    assert invoke("backup", "shelf").exit_code == 0
    (path,) = shelf.glob("*-2.zip")
    assert zipfile.ZipFile(path).testzip() is None


def test_a_filled_store_is_replaced_only_with_force(invoke: Invoke, store: Database, project: Path) -> None:
    before = everything(store)
    invoke("backup")
    empty(store)
    refused = invoke("restore", the_backup(project))
    assert refused.exit_code == 1
    assert "rows; --force replaces them" in refused.output
    assert everything(store)["job_postings"] == []
    done = invoke("restore", the_backup(project), "--force")
    assert done.exit_code == 0, done.output
    assert "is as it was on" in done.output
    assert everything(store) == before


def test_an_empty_store_is_filled_without_asking(invoke: Invoke, store: Database, project: Path) -> None:
    before = everything(store)
    invoke("backup")
    done = invoke("restore", the_backup(project), MARKET_ASSETS_DATA_DIR="other")
    assert done.exit_code == 0, done.output
    assert everything(Database(f"sqlite:///{project / 'other' / 'market.db'}")) == before


def test_a_living_daemon_is_not_disturbed(
    invoke: Invoke, store: Database, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoke("backup")
    empty(store)
    monkeypatch.setenv("DAGSTER_HOME", str(project))
    beat(time.time() - 3600)
    assert invoke("restore", the_backup(project), "--force").exit_code == 0
    empty(store)
    beat(time.time())
    refused = invoke("restore", the_backup(project), "--force")
    assert refused.exit_code == 1
    assert "stop `market-assets serve` first" in refused.output
    assert everything(store)["job_postings"] == []


@pytest.mark.parametrize(
    "command", [("backup",), ("restore", "nothing.zip"), ("db", "copy", "nothing.db", "new.db")]
)
def test_nothing_to_work_on_is_one_line(invoke: Invoke, project: Path, command: tuple[str, ...]) -> None:
    done = invoke(*command)
    assert done.exit_code == 1
    assert done.output.startswith("market-assets: there is no")
    assert len(done.output.splitlines()) == 1
    assert not (project / "new.db").exists()


@pytest.mark.usefixtures("store")
def test_a_file_that_is_no_backup(invoke: Invoke, project: Path) -> None:
    (project / "notes.zip").write_text("milk, bread")
    done = invoke("restore", "notes.zip", "--force")
    assert done.exit_code == 1
    assert done.output == "market-assets: notes.zip is damaged or no backup: File is not a zip file\n"


def test_a_copy_prints_each_table(invoke: Invoke, store: Database, project: Path) -> None:
    done = invoke("db", "copy", "data/market.db", f"sqlite:///{project}/copy.db")
    assert done.exit_code == 0, done.output
    assert everything(Database(f"sqlite:///{project}/copy.db")) == everything(store)
    lines = done.output.splitlines()
    assert "           3  job_postings" in lines
    assert any("rows copied from data/market.db to" in line for line in lines)
    assert invoke("db", "copy", "data/market.db", "copy.db").exit_code == 1
    assert invoke("db", "copy", "data/market.db").exit_code == 2
    assert invoke("db", "copy", "data/market.db", "mysql://someone@host/x").exit_code == 1


@pytest.mark.postgresql
def test_to_postgresql_and_back(invoke: Invoke, store: Database, postgresql_url: str) -> None:
    assert invoke("db", "copy", "data/market.db", postgresql_url).exit_code == 0
    server = {"DATABASE_URL": postgresql_url, **REAL_COMMANDS}
    made = invoke("backup", "pg.zip", **server)
    assert made.exit_code == 0, made.output
    before = everything(Database(postgresql_url))
    assert before == everything(store)
    empty(Database(postgresql_url))
    assert invoke("restore", "pg.zip", **server).exit_code == 1
    done = invoke("restore", "pg.zip", "--yes", **server)
    assert done.exit_code == 0, done.output
    assert everything(Database(postgresql_url)) == before
    other = invoke("restore", "pg.zip", "--yes")
    assert other.exit_code == 1
    assert "another kind" in other.output.splitlines()[-1]


def test_a_hostile_backup_is_one_line_and_writes_nothing(invoke: Invoke, store: Database, project: Path) -> None:
    before = everything(store)
    invoke("backup", "own.zip")
    outside = project.parent / "outside.parquet"
    with zipfile.ZipFile(project / "own.zip", "a") as archive:
        archive.writestr(f"archive/{outside}", b"anything")
    done = invoke("restore", "own.zip", "--force")
    assert done.exit_code == 1
    assert done.output == f"market-assets: own.zip has a file outside of its folder: {f'archive/{outside}'!r}\n"
    assert not outside.exists()
    assert not (project / "data" / "archive").exists()
    assert everything(store) == before
