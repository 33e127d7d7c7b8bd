"""The view of all places of the postings, on both databases."""

from __future__ import annotations

import json

import polars as pl
import sqlalchemy as sa

from market_assets.store.connection import MarketConnection
from market_assets.store.tables.postings import posting_locations
from market_assets_tests.store.made_up_postings import days_after, posting, write_day


def test_a_row_for_each_place(connection: MarketConnection) -> None:
    several = json.dumps([["Zürich, CH", "CH"], ["Lyon, FR", "FR"]], ensure_ascii=False)
    postings = [
        posting("one", location="Berlin, DE", country="DE"),
        posting("several", location="Zürich, CH", country="CH", locations=several),
        posting("none", location=None, country=None),
    ]
    write_day(connection, days_after(0), postings)
    with connection.transaction():
        schema = pl.Schema({"location": pl.String(), "country": pl.String()})
        rows = connection.read(sa.select(posting_locations.c.location, posting_locations.c.country), schema).rows()
    assert sorted(rows) == [("Berlin, DE", "DE"), ("Lyon, FR", "FR"), ("Zürich, CH", "CH")]
