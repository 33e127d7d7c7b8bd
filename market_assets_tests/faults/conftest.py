"""A machine and a market that tests share, and the fixtures of the commands' tests, for faults that these meet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from market_assets.store import schema
from market_assets.store.database import Database
from market_assets_tests.cli.conftest import invoke, project  # noqa: F401
from market_assets_tests.faults.killing import Market, utc_now
from market_assets_tests.faults.machine import Machine, machine
from market_assets_tests.free_ports import free_port


@pytest.fixture(scope="package")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with a store, a code server and a daemon, which a test that kills one of them starts again."""
    with machine(tmp_path_factory.mktemp("machine") / "project", free_port()) as box:
        (box.folder / ".env").write_text("MARKET_ASSETS_WORKERS=20\n")
        schema.make_folder(store_of(box))
        schema.upgrade(store_of(box))
        box.start_code_server()
        box.start_daemon()
        yield box


def store_of(box: Machine) -> Database:
    return Database(f"sqlite:///{box.folder / 'data' / 'market.db'}")


@pytest.fixture(scope="package")
def postgresql_market(postgresql_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """A market of some days on PostgreSQL, to copy."""
    market = Market(tmp_path_factory.mktemp("postgresql") / "project", utc_now(), postgresql_server).fill()
    yield market
    market.remove()
