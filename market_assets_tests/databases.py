"""Databases of either kind that the tests of a whole file share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import lru_cache
from uuid import uuid4

import pytest
import sqlalchemy as sa

from market_assets.store.database import Database
from market_assets_tests.store.migrating import copied


@contextlib.contextmanager
def database_of_kind(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, kind: str | None = None
) -> Iterator[Database]:
    """A database with its tables, of a kind: the one that the fixture is asked for by `param`, or another."""
    if (kind or request.param) == "sqlite":
        folder = tmp_path_factory.mktemp("market")
        yield copied(request.getfixturevalue("migrated_sqlite"), folder / "market.db")
        return
    server, template = (request.getfixturevalue(name) for name in ("postgresql_server", "migrated_postgresql"))
    with copied_on(server, template) as url:
        yield Database(url)


@contextlib.contextmanager
def copied_on(server: str, template: str = "template1") -> Iterator[str]:
    """The URL of a copy of one of a PostgreSQL server's databases."""
    name = f"market_{uuid4().hex}"
    on_server(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield url_on(server, name)
    on_server(server, f"DROP DATABASE {name} WITH (FORCE)")


def url_on(server: str, name: str) -> str:
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)


def on_server(server: str, *statements: str) -> None:
    with _engine_of(server).connect() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


@lru_cache
def _engine_of(server: str) -> sa.Engine:
    """One that keeps its connection, since each test makes and drops a database of its own."""
    return Database(server).pooled_engine().execution_options(isolation_level="AUTOCOMMIT")
