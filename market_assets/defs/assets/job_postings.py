"""The postings of all sources in one table, and what was rejected beside it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from market_assets.defs.assets.asset_metadata import code_in, column_schema
from market_assets.defs.partitions import DAILY_ASSET, days_of
from market_assets.defs.progress_logger import with_progress
from market_assets.defs.resources import MarketStore
from market_assets.defs.retries import retry_transient_errors

if TYPE_CHECKING:
    from market_assets.parallel import Processes
    from market_assets.postings.ingest import IngestionCounts
    from market_assets.postings.normalise import NormalisedBatch
    from market_assets.sources.protocol import Source
    from market_assets.sources.reading import LandedBatch, LandedSource
    from market_assets.store.connection import MarketConnection

DUPLICATES_CHECK = "duplicates_have_an_original"
SOURCES_CHECK = "every_source_was_read"


CHECKS = {
    DUPLICATES_CHECK: "Each duplicate_of names a posting that is there and is no duplicate itself.",
    SOURCES_CHECK: "Every source could be read; where one could not, the rest was ingested.",
}


def job_postings_asset(sources: Sequence["Source"], raw: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    """The postings of all sources, in one table.

    A source that fails materializes nothing, and a step is skipped where something that it reads was not
    materialized. But Dagster runs a step that reads a list of things if there is one of them at least, and only an
    op within a graph reads a list: `sources_tried` is the one that is always there.
    """

    @dg.op(out=dg.Out(dg.Nothing), description="Done whether or not a source failed.")
    def sources_tried() -> None: ...

    @dg.op(
        ins={"landed": dg.In(dg.Nothing)},
        out={name: dg.Out(dg.Nothing) for name in ("result", *CHECKS)},
        description="Reads what was landed, and writes its postings.",
    )
    @retry_transient_errors
    def ingest(context: dg.AssetExecutionContext, store: dg.ResourceParam[MarketStore]) -> Iterator[Any]:
        from market_assets.parallel import Processes
        from market_assets.sources.reading import normalise_batch
        from market_assets.store.ingestion import count_broken_links
        from market_assets.store.tables import postings

        days = days_of(context)
        failures: dict[str, str] = {}
        with store.ingesting() as connection, Processes(normalise_batch) as processes:
            ingested = [
                _ingest(context, store, connection, processes, sources, day, failures)
                for day in with_progress(context, days, lambda done: f"{done} of {len(days)} days")
            ]
            broken = count_broken_links(connection)
        without = [f"ingested without {source}: {reason}" for source, reason in failures.items()]
        for source in without:
            context.log.warning(source)
        counts = {**_counts(ingested), "sources_failed": failures, **column_schema(postings.job_postings)}
        yield dg.Output(None, "result", metadata=counts)
        yield _check(DUPLICATES_CHECK, f"{broken} links are broken" if broken else "", {"broken_links": broken})
        yield _check(SOURCES_CHECK, "; ".join(without), {"sources_failed": failures})

    def job_postings(**landed: Any) -> dict[str, Any]:
        done = ingest([*landed.values(), sources_tried()])
        return {"result": done.result, **{f"job_postings_{name}": getattr(done, name) for name in CHECKS}}

    asset = dg.graph_asset(
        ins={"__".join(key.path): dg.AssetIn(key, dagster_type=dg.Nothing) for key in raw},
        description="Every posting once: validated, normalised, deduplicated. What fails is in rejected_postings.",
        kinds={"sql", "table"},
        metadata={"dagster/table_name": "job_postings", **code_in("postings.ingest", "store.ingestion")},
        check_specs=[
            dg.AssetCheckSpec(name, asset="job_postings", description=description)
            for name, description in CHECKS.items()
        ],
        **{name: value for name, value in DAILY_ASSET.items() if name != "freshness_policy"},
    )(job_postings)
    return asset.map_asset_specs(
        lambda spec: spec.replace_attributes(freshness_policy=DAILY_ASSET["freshness_policy"])
    )


def _check(name: str, problem: str, metadata: dict[str, Any]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key="job_postings",
        check_name=name,
        passed=not problem,
        description=problem or None,
        metadata=metadata,
    )


def _ingest(
    context: dg.AssetExecutionContext,
    store: MarketStore,
    connection: "MarketConnection",
    processes: "Processes[LandedBatch, NormalisedBatch]",
    sources: Sequence["Source"],
    day: date,
    failures: dict[str, str],
) -> "IngestionCounts":
    from market_assets.sources.reading import EverySourceFailedError, read_raw
    from market_assets.store.ingestion import DayDigest, unchanged, write_day

    missing: dict[str, str] = {}
    landed = list(_landed(store, sources, day, missing))
    if not (landed or missing):
        raise dg.Failure(f"nothing was landed for {day}: materialize raw_postings first", allow_retries=False)
    rates, currency = store.exchange_rates(), store.settings.currency

    def raw() -> Iterator["LandedBatch"]:
        return with_progress(
            context,
            read_raw(landed, missing),
            lambda done: f"{done:,} postings read",
            lambda batch: batch.raw.frame.height,
        )

    try:
        with connection.transaction():
            counts = unchanged(connection, day, DayDigest(rates, currency), raw())
        if counts is None:
            digest = DayDigest(rates, currency)
            counts = write_day(
                connection,
                processes.results(digest.passing(raw())),
                [source.name for source in sources],
                day=day,
                rates=rates,
                currency=currency,
                digest=digest,
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
            yield LandedSource(source, landed.observed_at, tuple(store.landing.open(landed)))


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
