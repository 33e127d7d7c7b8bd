"""The postings of all sources in one table, and what was rejected beside it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from market_assets.defs.assets.column_metadata import column_schema
from market_assets.defs.partitions import DAILY_ASSET, days_of
from market_assets.defs.resources import MarketStore
from market_assets.defs.retries import retry_transient_errors

if TYPE_CHECKING:
    from market_assets.postings.ingest import IngestionCounts
    from market_assets.sources.protocol import Source
    from market_assets.sources.reading import LandedSource
    from market_assets.store.connection import MarketConnection

DUPLICATES_CHECK = "duplicates_have_an_original"
SOURCES_CHECK = "every_source_was_read"


def job_postings_asset(sources: Sequence["Source"], raw: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    """The postings of all sources, in one table."""

    @dg.asset(
        deps=list(raw),
        description="Every posting once: validated, normalised, deduplicated. What fails is in rejected_postings.",
        kinds={"sql", "table"},
        check_specs=[
            dg.AssetCheckSpec(
                DUPLICATES_CHECK,
                asset="job_postings",
                description="Each duplicate_of names a posting that is there and is no duplicate itself.",
            ),
            dg.AssetCheckSpec(
                SOURCES_CHECK,
                asset="job_postings",
                description="Every source could be read; where one could not, the rest was ingested.",
            ),
        ],
        **DAILY_ASSET,
    )
    @retry_transient_errors
    def job_postings(
        context: dg.AssetExecutionContext, store: dg.ResourceParam[MarketStore]
    ) -> dg.MaterializeResult:
        from market_assets.store.ingestion import count_broken_links
        from market_assets.store.tables import postings

        days = days_of(context)
        failures: dict[str, str] = {}
        with store.ingesting() as connection:
            ingested = [_ingest(store, connection, sources, day, failures) for day in days]
            broken = count_broken_links(connection)
        for source, reason in failures.items():
            context.log.warning(f"ingested without {source}: {reason}")
        return dg.MaterializeResult(
            metadata={**_counts(ingested), "sources_failed": failures, **column_schema(postings.job_postings)},
            check_results=[
                dg.AssetCheckResult(
                    check_name=DUPLICATES_CHECK, passed=broken == 0, metadata={"broken_links": broken}
                ),
                dg.AssetCheckResult(
                    check_name=SOURCES_CHECK, passed=not failures, metadata={"sources_failed": failures}
                ),
            ],
        )

    return job_postings


def _ingest(
    store: MarketStore,
    connection: "MarketConnection",
    sources: Sequence["Source"],
    day: date,
    failures: dict[str, str],
) -> "IngestionCounts":
    from market_assets.sources.reading import EverySourceFailedError, read_batches
    from market_assets.store.ingestion import write_day

    missing: dict[str, str] = {}
    landed = list(_landed(store, sources, day, missing))
    if not (landed or missing):
        raise dg.Failure(f"nothing was landed for {day}: materialize raw_postings first", allow_retries=False)
    try:
        counts = write_day(
            connection,
            read_batches(landed, missing),
            [source.name for source in sources],
            day=day,
            rates=store.exchange_rates(),
            currency=store.settings.currency,
        )
    except EverySourceFailedError as error:
        raise dg.Failure(f"nothing could be ingested for {day}: {error}", allow_retries=False) from error
    failures.update(missing)
    return counts


def _landed(
    store: MarketStore, sources: Sequence["Source"], day: date, missing: dict[str, str]
) -> Iterator["LandedSource"]:
    from market_assets.sources.reading import LandedSource

    for source in sources:
        landed = store.landing.landed(source.name, day)
        if landed is None:
            if reason := store.landing.failure(source.name, day):
                missing[source.name] = reason
        else:
            yield LandedSource(source, landed.observed_at, store.landing.open(landed))


def _counts(ingested: Sequence["IngestionCounts"]) -> dict[str, Any]:
    counted = ("accepted", "rejected", "repeated", "new", "updated", "already_archived", "duplicates")
    totals = {name: sum(getattr(day, name) for day in ingested) for name in counted}
    nulled: Counter[str] = Counter()
    for day in ingested:
        nulled.update(day.nulled)
    return {
        "postings_in": totals["accepted"] + totals["rejected"],
        **totals,
        "dagster/partition_row_count": totals["new"] + totals["updated"],
        "fields_emptied": dict(nulled),
    }
