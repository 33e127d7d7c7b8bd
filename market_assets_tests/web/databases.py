"""Databases of either kind for the tests of a whole file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from uuid import uuid4

import pytest
import sqlalchemy as sa

from market_assets.store import schema
from market_assets.store.database import Database


@contextlib.contextmanager
def database_of_kind(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """A migrated database of the kind that the fixture is asked for by `param`."""
    if request.param == "sqlite":
        yield migrated(f"sqlite:///{tmp_path_factory.mktemp('market') / 'market.db'}")
        return
    server = request.getfixturevalue("postgresql_server")
    name = f"market_{uuid4().hex}"
    administration = Database(server).engine().execution_options(isolation_level="AUTOCOMMIT")
    with administration.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield migrated(sa.make_url(server).set(database=name).render_as_string(hide_password=False))
    with administration.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


def migrated(url: str) -> Database:
    database = Database(url)
    schema.upgrade(database)
    return database
