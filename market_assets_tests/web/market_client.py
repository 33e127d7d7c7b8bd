"""The real `/api` over a database, without the guard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.testclient import TestClient

from market_assets.settings import Settings
from market_assets.store.database import Database
from market_assets.web.application import build_api
from market_assets.web.market.snapshot import SnapshotCache


@contextmanager
def market_client(database: Database, check_seconds: float = 0.0) -> Iterator[TestClient]:
    """A client of the API that looks for a newer market at every request."""
    url = database.url.render_as_string(hide_password=False)
    settings = Settings(DATABASE_URL=url, _env_file=None)
    api = build_api(None, settings, database)
    api.state.market = SnapshotCache(database, check_seconds=check_seconds)

    try:
        yield TestClient(api, raise_server_exceptions=False)
    finally:
        database.pooled_engine().dispose()
