"""The real `/api` over a database, with a chosen identity where the guard would put the one that signed in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from market_assets.settings import Settings
from market_assets.store.database import Database
from market_assets.web.application import build_api
from market_assets.web.auth.current_user import IDENTITY_KEY, VIEWER, Identity
from market_assets.web.auth.limits import RequestLimits
from market_assets.web.market.snapshot import SnapshotCache

WHO = Identity("vic", VIEWER)


@contextmanager
def market_client(
    database: Database, who: Identity | None = WHO, check_seconds: float = 0.0, limits: RequestLimits | None = None
) -> Iterator[TestClient]:
    """A client of the API that looks for a newer market at every request."""
    url = database.url.render_as_string(hide_password=False)
    settings = Settings(DATABASE_URL=url, _env_file=None)
    api = build_api(None, settings, database, limits or RequestLimits(user="1000000/minute"))
    api.state.market = SnapshotCache(database, check_seconds)

    async def signed_in(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = {} if who is None else {IDENTITY_KEY: who}
        await api(scope, receive, send)

    try:
        yield TestClient(signed_in, raise_server_exceptions=False)
    finally:
        database.pooled_engine().dispose()
