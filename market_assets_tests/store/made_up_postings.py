"""Made-up postings, days and stores that the tests of the store share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import sqlalchemy as sa
from hypothesis import HealthCheck, settings

from market_assets.postings.identity import posting_ids
from market_assets.postings.normalise import rejected_frame
from market_assets.postings.salaries.currencies import EXCHANGE_RATE
from market_assets.postings.schemas import NORMALISED_POSTING
from market_assets.sources.reading import NormalisedBatch
from market_assets.store.column_types import arrow_schema
from market_assets.store.connection import MarketConnection
from market_assets.store.posting_skills import encode_skills, ensure_skills, read_texts, write_skills
from market_assets.store.postings import DayWriter, IngestedDay
from market_assets.store.tables.catalog import metadata

#: A euro was worth a dollar at first, two from 2026-03-10 on: a rate of the wrong day shows at once.
RATES = pl.DataFrame(
    [(date(2026, 1, 1), "EUR", 1.0), (date(2026, 3, 10), "EUR", 2.0)], schema=EXCHANGE_RATE, orient="row"
)
MARCH = date(2026, 3, 1)
#: What made-up skills are found by.
VERSION = 7
#: A made-up posting asks for those of these that stand as words in its title.
TAXONOMY = pl.DataFrame(
    [("Python", "Languages"), ("SQL", "Languages"), ("Docker", "Tools"), ("Kafka", "Tools")],
    schema=["skill", "category"],
    orient="row",
)


def database_examples(number: int) -> settings:
    """Examples share one database, so each must begin with `clear`."""
    return settings(
        max_examples=number,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def posting(external_id: str, **fields: Any) -> dict[str, Any]:
    """A normalised posting; what is not given is plain or null."""
    return {"source": "board", "external_id": external_id, "title": f"Job {external_id}", **fields}


def frame(postings: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Postings as columns, with their numbers."""
    rows = pl.DataFrame(list(postings), schema=NORMALISED_POSTING)
    return rows.with_columns(posting_id=posting_ids(rows["source"], rows["external_id"]))


def number_of(external_id: str, source: str = "board") -> int:
    """The posting_id of a posting."""
    return int(posting_ids(pl.Series([source]), pl.Series([external_id]))[0])


def observed_on(day: date) -> datetime:
    """When a day's partition was fetched."""
    return datetime(day.year, day.month, day.day, 2, 30, tzinfo=UTC)


def batch(
    postings: Iterable[Mapping[str, Any]],
    day: date,
    *,
    source: str = "sample",
    rejected: Sequence[tuple[str, str]] = (),
    nulled: Mapping[str, int] | None = None,
) -> NormalisedBatch:
    """A batch of a source's day; `rejected` are payloads with reasons."""
    return NormalisedBatch(
        source=source,
        observed_at=observed_on(day),
        postings=frame(postings),
        rejected=rejected_frame([payload for payload, _ in rejected], [reason for _, reason in rejected]),
        nulled=dict(nulled or {}),
    )


def write_day(
    connection: MarketConnection, day: date, postings: Iterable[Mapping[str, Any]], **of_batch: Any
) -> IngestedDay:
    """Write a day's partition of one source and one batch."""
    one = batch(postings, day, **of_batch)
    return DayWriter(connection, day, RATES, "USD").write([one], [one.source])


def find_skills(connection: MarketConnection, day: date) -> None:
    """Find the skills of a day's postings, as the asset does, by the words of their titles."""
    names = TAXONOMY["skill"].to_list()
    with connection.transaction():
        ids = ensure_skills(connection, TAXONOMY)
        for texts in read_texts(connection, day):
            words = [title.split() for title in texts["title"]]
            positions = [[place for place, name in enumerate(names) if name in found] for found in words]
            write_skills(connection, texts, encode_skills(found_skills(positions), ids), VERSION)


def found_skills(positions: list[list[int]]) -> pl.DataFrame:
    """Skills as a matcher finds them; the weight of each is its position, but for 1 at least and 100 at most."""
    weights = [[min(max(place, 1), 100) for place in found] for found in positions]
    return pl.DataFrame(
        {
            "skills": pl.Series(positions, dtype=pl.List(pl.UInt32())),
            "weights": pl.Series(weights, dtype=pl.List(pl.UInt8())),
        }
    )


def stored(connection: MarketConnection, table: sa.Table) -> pl.DataFrame:
    """All rows of a table, in the order of its key."""
    with connection.transaction():
        rows = connection.read(sa.select(*table.columns), arrow_schema(table))
    return rows.sort([column.name for column in table.primary_key])


def clear(connection: MarketConnection) -> None:
    """Empty every table, but for the revision that only goes up."""
    with connection.transaction():
        for table in metadata.tables.values():
            if table.name != "data_revision":
                connection.execute(table.delete())


def days_after(number: int, day: date = MARCH) -> date:
    return day + timedelta(days=number)
