"""What was ingested of each day, so that a day that is run again without a change need not be written again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from datetime import date
from functools import cache
from hashlib import sha256
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from market_assets.postings.ingest import IngestionCounts
from market_assets.sources.reading import LandedBatch
from market_assets.store.connection import MarketConnection
from market_assets.store.tables.columns import arrow_schema
from market_assets.store.tables.postings import ingested_days, job_postings

_PACKAGE = Path(__file__).parents[1]
#: What decides which rows postings become.
_RULES = ("postings", "store")


class DayDigest:
    """A digest of all that the rows of a day depend on: what sources gave, exchange rates, the program."""

    def __init__(self, rates: pl.DataFrame, currency: str) -> None:
        self._digest = sha256(_program() + currency.encode())
        self._add(rates)

    def passing(self, batches: Iterable[LandedBatch]) -> Iterator[LandedBatch]:
        """The batches themselves, taken into account."""
        for batch in batches:
            self._digest.update(f"{batch.source} {batch.observed_at.isoformat()} {batch.raw.undecodable}".encode())
            self._add(batch.raw.frame)
            yield batch

    def hex(self) -> str:
        return self._digest.hexdigest()

    def _add(self, frame: pl.DataFrame) -> None:
        self._digest.update(f"{frame.schema} {frame.height}".encode())
        self._digest.update(frame.hash_rows().to_numpy().tobytes())


def unchanged(
    connection: MarketConnection, day: date, digest: DayDigest, batches: Iterable[LandedBatch]
) -> IngestionCounts | None:
    """What ingesting a day again would count, where it would write nothing; else None.

    That is so where everything is as it was the last time, and no posting has gone or come back since. The batches
    are only read where the day was ingested before: that takes a tenth of the time of ingesting them.
    """
    query = sa.select(*ingested_days.c).where(ingested_days.c.partition_date == day)
    stored = connection.read(query, arrow_schema(ingested_days))
    if stored.is_empty() or stored["postings"][0] != _postings(connection, day):
        return None
    for _batch in digest.passing(batches):
        pass
    if stored["digest"][0] != digest.hex():
        return None
    counts = IngestionCounts(**json.loads(stored["counts"][0]))
    return replace(counts, new=0, updated=counts.new + counts.updated)


def known_days(connection: MarketConnection) -> set[date]:
    """The days that were ingested before."""
    days = sa.select(ingested_days.c.partition_date)
    return set(connection.read(days, pl.Schema({"partition_date": pl.Date()}))["partition_date"])


def note_day(connection: MarketConnection, day: date, digest: str, counts: IngestionCounts) -> None:
    """Keep what was ingested of a day; inside the transaction that writes its postings."""
    connection.execute(ingested_days.delete().where(ingested_days.c.partition_date == day))
    postings = _postings(connection, day)
    row = {"partition_date": day, "digest": digest, "postings": postings, "counts": json.dumps(asdict(counts))}
    connection.append(ingested_days, pl.DataFrame([row], schema=arrow_schema(ingested_days)))


def _postings(connection: MarketConnection, day: date) -> int:
    first_seen = job_postings.c.partition_date == day
    return int(connection.scalar(sa.select(sa.func.count()).select_from(job_postings).where(first_seen)))


@cache
def _program() -> bytes:
    """A digest of the files of the rooms that make rows of postings."""
    digest = sha256()
    for room in _RULES:
        for path in sorted((_PACKAGE / room).rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                digest.update(path.read_bytes())
    return digest.digest()
