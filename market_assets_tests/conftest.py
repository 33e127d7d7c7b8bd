"""What all tests share: a database of either kind, and the real data where it is at hand."""

from __future__ import annotations

import gc
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import hypothesis
import pytest
import sqlalchemy as sa

from market_assets.settings import Settings
from market_assets.store import schema
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database
from market_assets_tests.dagster_shortcuts import dagster_shortcuts
from market_assets_tests.databases import copied_on, on_server, url_on
from market_assets_tests.postgresql_servers import server_folder, start_postgresql
from market_assets_tests.store.migrating import copied

# A busy machine is no failure: no example has to be quick. The ordinary run is the same each time; only the
# thorough one searches for examples that nobody has seen yet.
hypothesis.settings.register_profile("ordinary", deadline=None, max_examples=25, derandomize=True)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=500)
hypothesis.settings.load_profile("ordinary")

# The modules and tests that are loaded stay to the end: collecting garbage among them over and over is in vain.
gc.disable()

# The days of tests are made up, and some long ago. Programs that tests start inherit it.
os.environ["MARKET_ASSETS_START"] = "2020-01-01"
# They are spared the same work by the file of this folder that Python runs when it starts.
_STARTUP = str(Path(__file__).with_name("startup"))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), _STARTUP)))

#: Nobody needs what is in the tests' server after a crash of the machine, nor tidies up databases that live for
#: seconds: among hundreds of them that takes more work than the tests.
FORGETFUL = ("fsync", "full_page_writes", "synchronous_commit", "autovacuum")

PROJECT = Path(__file__).resolve().parents[1]
REAL_DATA = PROJECT.parent / "shared" / "data"


@sa.event.listens_for(sa.Engine, "connect")
def _without_fsync(connection: object, _record: object) -> None:
    """In the tests' own process SQLite does not wait for the disk, as PostgreSQL does not."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="every test at full depth, the long proofs included")


def pytest_configure(config: pytest.Config) -> None:
    # The product ignores them too, but pytest begins each test with filters of its own.
    for warning in ("BetaWarning", "PreviewWarning"):
        config.addinivalue_line("filterwarnings", f"ignore::dagster.{warning}")
    if config.getoption("--thorough"):
        hypothesis.settings.load_profile("thorough")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without --thorough, leave out the long proofs, and PostgreSQL where SQLite has shown the same."""
    if not config.getoption("--thorough"):
        left_out = {item for item in items if item.get_closest_marker("thorough") or _repeats_on_postgresql(item)}
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]
    if hasattr(config, "workerinput"):
        from market_assets_tests.distribution import sort_longest_first

        sort_longest_first(items)


#: Rooms whose SQL or connections differ from one database to the other.
BOTH_DATABASES = ("store", "dagster_ext", "deployment")


def _repeats_on_postgresql(item: pytest.Item) -> bool:
    """Whether a test is the PostgreSQL twin of one on SQLite, outside the rooms where that matters each time."""
    parameters = getattr(item, "callspec", None)
    values = parameters.params.values() if parameters is not None else ()
    if not any(isinstance(value, str) and value == "postgresql" for value in values):
        return False
    room = Path(item.fspath).relative_to(Path(__file__).parent).parts[0]
    if room in BOTH_DATABASES:
        return item.get_closest_marker("one_database") is not None
    return not item.get_closest_marker("both_databases")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two more than there are cores, since many tests wait for programs and servers."""
    return (os.cpu_count() or 1) + 2


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from market_assets_tests.distribution import Distribution

    return Distribution(config, log)


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)
    gc.enable()


def pytest_unconfigure() -> None:
    # Nor is there any use in collecting what is there at the end.
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _dagster_shortcuts() -> Iterator[None]:
    with dagster_shortcuts():
        yield


@pytest.fixture(scope="session")
def thorough(request: pytest.FixtureRequest) -> bool:
    """Whether every test runs at full depth."""
    return bool(request.config.getoption("--thorough"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real recordings and postings beside the checkout."""
    if not REAL_DATA.is_dir():
        pytest.skip("the folder shared/data is not beside the checkout")
    return REAL_DATA


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of a PostgreSQL server that these tests start and stop."""
    folder = server_folder()
    server = start_postgresql(folder)
    try:
        off = (f"ALTER SYSTEM SET {name} = off" for name in FORGETFUL)
        small = "ALTER SYSTEM SET max_wal_size = '128MB'"
        on_server(server.get_uri(), *off, small, "SELECT pg_reload_conf()")
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _postgresql_before_the_process_grows(request: pytest.FixtureRequest) -> None:
    """The server is started by a fork, for which a process that has run many tests may be too large."""
    if any(item.get_closest_marker("postgresql") for item in request.session.items):
        request.getfixturevalue("postgresql_server")


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """The URL of an empty database of the server."""
    with copied_on(postgresql_server) as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def kind_of_database(request: pytest.FixtureRequest) -> str:
    """Each kind of database in turn."""
    kind: str = request.param
    return kind


@pytest.fixture
def empty_database_url(kind_of_database: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables, of each kind in turn."""
    if kind_of_database == "sqlite":
        return f"sqlite:///{tmp_path / 'market.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with all tables, to copy: much faster than migrating for each test."""
    path = tmp_path_factory.mktemp("migrated") / "market.db"
    schema.upgrade(Database(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql_server: str) -> str:
    """The name of a database of the server with all tables, to copy."""
    name = "market_migrated"
    on_server(postgresql_server, f"CREATE DATABASE {name}")
    schema.upgrade(Database(url_on(postgresql_server, name)))
    return name


@pytest.fixture
def database(kind_of_database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with its tables, of each kind in turn."""
    if kind_of_database == "sqlite":
        yield copied(request.getfixturevalue("migrated_sqlite"), tmp_path / "market.db")
        return
    template: str = request.getfixturevalue("migrated_postgresql")
    with copied_on(request.getfixturevalue("postgresql_server"), template) as url:
        yield Database(url)


@pytest.fixture
def connection(database: Database) -> Iterator[MarketConnection]:
    """An open connection to `database`."""
    with MarketConnection(database) as connection:
        yield connection


@pytest.fixture
def settings(database: Database, tmp_path: Path) -> Settings:
    """Settings for a database of each kind in turn and a data folder of the test's own."""
    url = database.url.render_as_string(hide_password=False)
    return Settings(DATABASE_URL=url, MARKET_ASSETS_DATA_DIR=tmp_path / "data", _env_file=None)


@pytest.fixture(scope="session")
def empty_history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an instance on disk in which nothing has happened, to copy: much faster than a new one."""
    folder = tmp_path_factory.mktemp("dagster")
    with dg.DagsterInstance.local_temp(str(folder)) as instance:
        instance.get_runs_count()
        instance.all_instigator_state()
    return folder


@pytest.fixture
def ticking(tmp_path: Path, empty_history: Path) -> Iterator[dg.DagsterInstance]:
    """An instance on disk, which the evaluation of a schedule insists on."""
    shutil.copytree(empty_history, tmp_path, dirs_exist_ok=True)
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance
