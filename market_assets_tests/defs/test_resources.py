"""The store as a run's assets get it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from market_assets.defs.resources import MarketStore
from market_assets.settings import Settings
from market_assets.store.connection import MarketConnection
from market_assets.store.revisions import POSTINGS, count_up_postings
from market_assets.store.tables.postings import data_revision

REVISION = sa.select(data_revision.c.revision).where(data_revision.c.id == POSTINGS)


@pytest.mark.both_databases
def test_what_is_read_together_is_of_one_state(settings: Settings) -> None:
    store = MarketStore(settings, "a test")
    with store.reading() as reader, MarketConnection(store.database) as writer:
        before = reader.scalar(REVISION)
        with writer.transaction():
            count_up_postings(writer)
        assert reader.scalar(REVISION) == before
    with store.reading() as reader:
        assert reader.scalar(REVISION) == before + 1
