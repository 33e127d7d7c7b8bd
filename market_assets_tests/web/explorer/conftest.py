"""A made-up market in a database of each kind, and clients of its pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from market_assets.store.database import Database
from market_assets_tests.databases import database_of_kind
from market_assets_tests.statistics.markets import AS_OF, Market, random_market
from market_assets_tests.web.explorer.made_up_store import explorer_client, fill_store, weighed


@pytest.fixture(scope="session")
def market() -> Market:
    """Postings of the window, twenty of them of the sample source."""
    drawn = random_market(5, postings=900, skills=40, categories=4, locations=12)
    inside = [posting for posting in drawn.postings if (AS_OF.date() - posting.posted_at.date()).days <= 90]
    made_up = [replace(posting, source="sample_jobs") for posting in inside[:20]]
    return Market(made_up + inside[20:], drawn.categories)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, market: Market
) -> Iterator[Database]:
    """A database of each kind with the market in it."""
    with database_of_kind(request, tmp_path_factory) as database:
        fill_store(database, market, weighed(market))
        yield database
        database.pooled_engine().dispose()


@pytest.fixture(scope="module")
def client(filled: Database) -> TestClient:
    return explorer_client(filled)
