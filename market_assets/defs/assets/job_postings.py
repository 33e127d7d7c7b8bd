"""The postings of all sources in one table, and what was rejected beside it."""

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import date
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any

import dagster as dg

from market_assets.defs.assets.asset_metadata import code_in, column_schema
from market_assets.defs.partitions import DAILY_ASSET, days_of
from market_assets.defs.progress_logger import with_progress
from market_assets.defs.resources import MarketStore
from market_assets.defs.retries import retry_transient_errors

if TYPE_CHECKING:
    from market_assets.postings.ingest import IngestionCounts
    from market_assets.postings.normalise import NormalisedBatch
    from market_assets.sources.protocol import Source
    from market_assets.sources.reading import LandedBatch, LandedSource
    from market_assets.store.connection import MarketConnection

DUPLICATES_CHECK = "duplicates_have_an_original"
SOURCES_CHECK = "every_source_was_read"


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
        out={name: dg.Out(dg.Nothing) for name in ("result", SOURCES_CHECK)},
        description="Reads what was landed, and writes its postings.",
    )
    @retry_transient_errors
    def ingest(context: dg.AssetExecutionContext, store: dg.ResourceParam[MarketStore]) -> Iterator[Any]:
        from market_assets.store.tables import postings

        read = [_LandedDay(context, store, sources, day) for day in days_of(context)]
        with store.ingesting() as connection:
            ingested = list(
                with_progress(
                    context, _ingest_all(store, connection, read), lambda done: f"{done} of {len(read)} days"
                )
            )
        failures = {source: reason for each in read for source, reason in each.missing.items()}
        without = [f"ingested without {source}: {reason}" for source, reason in failures.items()]
        for source in without:
            context.log.warning(source)
        counts = {**_counts(ingested), "sources_failed": failures, **column_schema(postings.job_postings)}
        yield dg.Output(None, "result", metadata=counts)
        yield dg.AssetCheckResult(
            asset_key="job_postings",
            check_name=SOURCES_CHECK,
            passed=not without,
            description="; ".join(without) or None,
            metadata={"sources_failed": failures},
        )

    def job_postings(**landed: Any) -> dict[str, Any]:
        done = ingest([*landed.values(), sources_tried()])
        return {"result": done.result, f"job_postings_{SOURCES_CHECK}": getattr(done, SOURCES_CHECK)}

    asset = dg.graph_asset(
        ins={"__".join(key.path): dg.AssetIn(key, dagster_type=dg.Nothing) for key in raw},
        description="Every posting once: validated, normalised, deduplicated. What fails is in rejected_postings.",
        kinds={"sql", "table"},
        metadata={"dagster/table_name": "job_postings", **code_in("postings.ingest", "store.ingestion")},
        check_specs=[
            dg.AssetCheckSpec(
                SOURCES_CHECK,
                asset="job_postings",
                description="Every source could be read; where one could not, the rest was ingested.",
            )
        ],
        **{name: value for name, value in DAILY_ASSET.items() if name != "freshness_policy"},
    )(job_postings)
    return asset.map_asset_specs(
        lambda spec: spec.replace_attributes(freshness_policy=DAILY_ASSET["freshness_policy"])
    )


@dg.asset_check(
    asset="job_postings",
    name=DUPLICATES_CHECK,
    description="Each duplicate_of names a posting that is there and is no duplicate itself.",
)
@retry_transient_errors
def duplicates_have_an_original(
    context: dg.AssetCheckExecutionContext,  # noqa: ARG001
    store: dg.ResourceParam[MarketStore],
) -> dg.AssetCheckResult:
    from market_assets.store.ingestion import count_broken_links

    with store.reading() as connection:
        broken = count_broken_links(connection)
    return dg.AssetCheckResult(
        passed=not broken,
        description=f"{broken} links are broken" if broken else None,
        metadata={"broken_links": broken},
    )


class _LandedDay:
    """What was landed for a day.

    Attributes:
        day: the partition.
        sources: the names of all sources.
        missing: source → why nothing can be read of it; known once everything has been read.
        failure: what ended the reading; nothing of the day is ingested then.
    """

    def __init__(
        self, context: dg.AssetExecutionContext, store: MarketStore, sources: Sequence["Source"], day: date
    ) -> None:
        self._context, self._store, self._sources = context, store, sources
        self.day = day
        self.sources = [source.name for source in sources]
        self.missing: dict[str, str] = {}
        self.failure: Exception | None = None

    def batches(self) -> Iterator["LandedBatch"]:
        """Read it, as far as that goes."""
        self.failure = None
        try:
            yield from self._batches()
        except Exception as error:
            # Raised when it is this day's turn: it may be read before earlier ones are written.
            self.failure = error

    def _batches(self) -> Iterator["LandedBatch"]:
        from market_assets.sources.reading import EverySourceFailedError, read_raw

        landed = list(self._landed())
        if not (landed or self.missing):
            reason = f"nothing was landed for {self.day}: materialize raw_postings first"
            raise dg.Failure(reason, allow_retries=False)
        try:
            yield from with_progress(
                self._context,
                read_raw(landed, self.missing),
                lambda done: f"{done:,} postings read",
                lambda batch: batch.raw.frame.height,
            )
        except EverySourceFailedError as error:
            reason = f"nothing could be ingested for {self.day}: {error}"
            raise dg.Failure(reason, allow_retries=False) from error

    def _landed(self) -> Iterator["LandedSource"]:
        from market_assets.sources.reading import LandedSource

        for source in self._sources:
            landed = self._store.landing.landed(source.name, self.day)
            if landed is None:
                if reason := self._store.landing.failure(source.name, self.day):
                    self.missing[source.name] = reason
            else:
                yield LandedSource(source, landed.observed_at, tuple(self._store.landing.open(landed)))


def _ingest_all(
    store: MarketStore, connection: "MarketConnection", days: Sequence[_LandedDay]
) -> Iterator["IngestionCounts"]:
    """Ingest days in their order. New ones are read ahead; what is known is read to see whether it has changed."""
    from market_assets.store.ingestion import DayDigest, known_days, unchanged

    # Reading outside of a transaction would begin one, in which SQLite lets nobody write once others have.
    with connection.transaction():
        known = known_days(connection)
    for is_known, stretch in groupby(days, key=lambda each: each.day in known):
        if not is_known:
            yield from _ingest(store, connection, list(stretch))
            continue
        for each in stretch:
            digest = DayDigest(store.exchange_rates(), store.settings.currency)
            with connection.transaction():
                counts = unchanged(connection, each.day, digest, each.batches())
            if counts is not None and each.failure is None:
                yield counts
            else:
                yield from _ingest(store, connection, [each])


def _ingest(
    store: MarketStore, connection: "MarketConnection", days: Sequence[_LandedDay]
) -> Iterator["IngestionCounts"]:
    from market_assets.sources.reading import packed
    from market_assets.store.ingestion import DayDigest, write_day

    rates, currency = store.exchange_rates(), store.settings.currency
    digests = [DayDigest(rates, currency) for _ in days]
    packs = packed(digest.passing(each.batches()) for digest, each in zip(digests, days, strict=True))
    with closing(_normalised(packs)) as normalised:
        for digest, each in zip(digests, days, strict=True):
            yield write_day(
                connection,
                _of_day(each, normalised),
                each.sources,
                day=each.day,
                rates=rates,
                currency=currency,
                digest=digest,
            )


def _of_day(day: _LandedDay, normalised: Iterator["NormalisedBatch | None"]) -> Iterator["NormalisedBatch"]:
    for batch in normalised:
        if batch is None:
            break
        yield batch
    if day.failure:
        raise day.failure


def _normalised(
    packs: Iterable[list["LandedBatch | None"]],
) -> Generator["NormalisedBatch | None", None, None]:
    """The batches, with None between days. The processes that helped have ended when the last day is written."""
    from market_assets.parallel import Processes
    from market_assets.sources.reading import normalise_pack

    with Processes(normalise_pack) as processes:
        yield from chain.from_iterable(processes.results(packs))


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
