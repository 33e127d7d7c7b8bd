"""Made-up postings, days and stores that the tests of the store share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import sqlalchemy as sa
from hypothesis import HealthCheck, settings

from market_assets.postings.identity import IDENTITY, text_hashes
from market_assets.postings.ingest import IngestionCounts
from market_assets.postings.normalise import NormalisedBatch, rejected_frame
from market_assets.postings.salaries.currencies import EXCHANGE_RATE
from market_assets.postings.schemas import NORMALISED_POSTING
from market_assets.store.connection import MarketConnection
from market_assets.store.ingestion import write_day as write_batches
from market_assets.store.posting_skills import read_texts, skill_rows, write_skills
from market_assets.store.skills import ensure_skills
from market_assets.store.tables.catalog import metadata
from market_assets.store.tables.columns import arrow_schema
from market_assets.store.tables.postings import posting_facts

#: A euro was worth a dollar at first, two from 2026-03-10 on: a rate of the wrong day shows at once.
RATES = pl.DataFrame(
    [(date(2026, 1, 1), "EUR", 1.0), (date(2026, 3, 10), "EUR", 2.0)], schema=EXCHANGE_RATE, orient="row"
)
MARCH = date(2026, 3, 1)
#: What made-up skills are found by.
VERSION = 7
#: A made-up posting asks for those of these that are words of its title.
TAXONOMY = pl.DataFrame(
    [("Python", "Languages"), ("SQL", "Languages"), ("Docker", "Tools"), ("Kafka", "Tools")],
    schema=["skill", "category"],
    orient="row",
)


def database_examples(number: int) -> settings:
    """So many examples, at full depth five times as many; they share one database: each begins with `clear`."""
    return settings(
        max_examples=number * (5 if settings.default.max_examples > 100 else 1),
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def posting(external_id: str, **fields: Any) -> dict[str, Any]:
    """A normalised posting; what is not given is plain or null."""
    return {"source": "board", "external_id": external_id, "title": f"Job {external_id}", **fields}


def frame(postings: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Postings as columns, with the hashes of their texts."""
    rows = pl.DataFrame(list(postings), schema=NORMALISED_POSTING)
    return rows.with_columns(text_hashes(rows["title"], rows["description"]))


def number_of(connection: MarketConnection, external_id: str, source: str = "board") -> int:
    """The posting_id of a posting."""
    identity = {"source": source, "external_id": external_id}
    return int(stored(connection, posting_facts).row(by_predicate=all_equal(identity), named=True)["posting_id"])


def all_equal(values: Mapping[str, Any]) -> pl.Expr:
    return pl.all_horizontal(pl.col(name) == value for name, value in values.items())


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
) -> IngestionCounts:
    """Write a day's partition of one source and one batch."""
    one = batch(postings, day, **of_batch)
    return write_batches(connection, [one], [one.source], day=day, rates=RATES, currency="USD")


def find_skills(connection: MarketConnection, day: date) -> None:
    """Find the skills of a day's postings, as the asset does, by the words of their titles."""
    names = TAXONOMY["skill"].to_list()
    with connection.transaction():
        ids = ensure_skills(connection, TAXONOMY)
        for texts in read_texts(connection, day, VERSION):
            words = [title.split() for title in texts["title"]]
            positions = [[place for place, name in enumerate(names) if name in found] for found in words]
            rows = skill_rows(texts["posting_id"], found_skills(positions), ids)
            write_skills(connection, texts, rows, VERSION)


def found_skills(positions: list[list[int]]) -> pl.DataFrame:
    """Skills as a matcher finds them; the weight of each is 100 less its position, but for 1 at least."""
    weights = [[max(100 - place, 1) for place in found] for found in positions]
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


def by_identity(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of postings by source and external_id, without numbers; `duplicate_of` is an external_id.

    The numbers of postings depend on the order in which days are written; nothing else does.
    """
    names = rows.select(duplicate_of="posting_id", original="external_id")
    named = rows.join(names, on="duplicate_of", how="left").with_columns(duplicate_of="original")
    return named.drop("posting_id", "original").sort(IDENTITY)


def clear(connection: MarketConnection) -> None:
    """Empty every table, but for the revision that only goes up."""
    with connection.transaction():
        for table in metadata.tables.values():
            if table.name != "data_revision":
                connection.execute(table.delete())


def days_after(number: int, day: date = MARCH) -> date:
    return day + timedelta(days=number)
