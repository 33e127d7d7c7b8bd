"""What the tests of sources share: a server to ask, and a client that does not really wait."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from board_server import BoardServer, Waiting

from market_assets.sources.http_client import HttpClient, HttpLimits

NOW = datetime(2026, 8, 16, 12, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[BoardServer]:
    server = BoardServer()
    yield server
    server.close()


@pytest.fixture
def waiting() -> Waiting:
    return Waiting()


@pytest.fixture
def make_client(waiting: Waiting) -> Any:
    """Makes a client with some limits other than the usual ones."""

    def make(
        *, private_hosts: Collection[str] = ("127.0.0.1", "localhost"), clock: Any = waiting.clock, **limits: Any
    ) -> HttpClient:
        usual = {"read": 60.0, "connect": 60.0, "pause": 0.0, "largest": 5_000_000}
        return HttpClient(
            HttpLimits(**{**usual, **limits}),
            private_hosts=private_hosts,
            wait=waiting.wait,
            clock=clock,
            now=lambda: NOW,
            jitter=lambda: 1.0,
        )

    return make
