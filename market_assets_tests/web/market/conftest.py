"""A market in a database of each kind, and clients of the API over it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from market_assets.store.database import Database
from market_assets_tests.databases import database_of_kind
from market_assets_tests.web.market_client import market_client
from market_assets_tests.web.market_tables import fill


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database of each kind with a market in it, for tests that only read."""
    with database_of_kind(request, tmp_path_factory) as database:
        fill(database)
        yield database


@pytest.fixture(scope="module")
def client(filled: Database) -> Iterator[TestClient]:
    with market_client(filled, check_seconds=3600) as client:
        yield client


@pytest.fixture
def changing(database: Database) -> Database:
    """A database of a test's own, with a market that it changes."""
    fill(database)
    return database


@pytest.fixture
def watching(changing: Database) -> Iterator[TestClient]:
    """A client of it that looks for a newer market at every request."""
    with market_client(changing) as client:
        yield client
