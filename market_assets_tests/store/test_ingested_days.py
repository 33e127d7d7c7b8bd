"""Which days are known to be the same as when they were ingested."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from market_assets.postings.ingest import IngestionCounts
from market_assets.postings.schemas import RAW_POSTING
from market_assets.sources.protocol import RawBatch, Undecodable
from market_assets.sources.reading import LandedBatch
from market_assets.store import ingestion
from market_assets.store.connection import MarketConnection
from market_assets.store.ingestion import DayDigest, note_day, unchanged
from market_assets.store.tables.postings import job_postings
from market_assets_tests.store.made_up_postings import MARCH, RATES, posting, write_day

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
COUNTS = IngestionCounts(accepted=3, new=2, updated=1, nulled={"url": 1})


def landed(title: str = "Cook", company: str | None = None, name: str = "board") -> LandedBatch:
    frame = pl.DataFrame([{"title": title, "company": company}], schema=RAW_POSTING)
    return LandedBatch(name, START, RawBatch(frame, [Undecodable("{tit", "it breaks off")]))


def digest_of(*batches: LandedBatch, rates: pl.DataFrame = RATES, currency: str = "USD") -> str:
    digest = DayDigest(rates, currency)
    assert list(digest.passing(batches)) == list(batches)
    return digest.hex()


def test_everything_that_rows_depend_on_changes_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    batch, other = landed(), landed("Nurse")
    later = replace(batch, observed_at=START + timedelta(seconds=1))
    undecodable = replace(batch, raw=replace(batch.raw, undecodable=[]))
    columns = replace(
        batch, raw=replace(batch.raw, frame=batch.raw.frame.rename({"title": "t", "company": "title"}))
    )
    digests = [
        digest_of(batch),
        digest_of(),
        digest_of(batch, other),
        digest_of(other, batch),
        digest_of(batch, batch),
        digest_of(landed(company="")),
        digest_of(landed(name="other")),
        digest_of(later),
        digest_of(undecodable),
        digest_of(columns),
        digest_of(batch, rates=RATES.head(0)),
        digest_of(batch, currency="EUR"),
    ]
    assert len(set(digests)) == len(digests)
    assert digest_of(landed()) == digests[0]
    monkeypatch.setattr(ingestion, "_program", lambda: b"another version")
    assert digest_of(landed()) not in digests


def test_a_day_is_unchanged_until_what_it_was_made_of_or_its_postings_change(connection: MarketConnection) -> None:
    def again(*batches: LandedBatch) -> IngestionCounts | None:
        with connection.transaction():
            return unchanged(connection, MARCH, DayDigest(RATES, "USD"), batches)

    assert again(landed()) is None
    write_day(connection, MARCH, [posting("a"), posting("b")])
    with connection.transaction():
        note_day(connection, MARCH, digest_of(landed("Other")), COUNTS)
        note_day(connection, MARCH, digest_of(landed()), COUNTS)
    assert again(landed()) == replace(COUNTS, new=0, updated=3)
    assert again(landed(), landed()) is None
    with connection.transaction():
        connection.execute(job_postings.delete().where(job_postings.c.external_id == "a"))
    assert again(landed()) is None
