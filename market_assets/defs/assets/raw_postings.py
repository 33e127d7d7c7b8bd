"""What the sources gave, landed as it came: one asset a source, a partition a day; and the sources themselves."""

from collections.abc import Iterator, Sequence
from concurrent.futures import wait
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from market_assets.defs.assets.asset_metadata import code_in
from market_assets.defs.partitions import DAILY_ASSET, OWNERS, days_of
from market_assets.defs.progress_logger import SAY_SECONDS
from market_assets.defs.resources import MarketStore
from market_assets.defs.retries import retry_transient_errors
from market_assets.operations.names import FETCHED_CHECK

if TYPE_CHECKING:
    from market_assets.sources.protocol import Source
    from market_assets.store.landing import LandedDay


_SOURCES = {
    "board": "The jobs that a job board has open.",
    "file": "Postings that somebody collected in files.",
    "sample": "Postings that are made up, the same for a day each time.",
}
#: So many addresses of a source are shown.
_MOST_ORIGINS = 20


class RawPostingsConfig(dg.Config):
    """Whether to fetch again what was landed before."""

    refetch: bool = False


def _op_name(source: "Source") -> str:
    return f"raw_postings__{source.name}"


def refetching(sources: Sequence["Source"]) -> dict[str, Any]:
    """The run config with which a run fetches all that these sources have, landed before or not."""
    return {"ops": {_op_name(source): {"config": {"refetch": True}} for source in sources}}


def source_asset(source: "Source") -> dg.AssetSpec:
    """A source as an external asset, with its addresses: where the lineage of the tables begins."""
    links = {
        f"origin {number}" if number > 1 else "origin": _link(origin)
        for number, origin in enumerate(source.origins[:_MOST_ORIGINS], 1)
    }
    return dg.AssetSpec(
        _source_key(source),
        description=f"{_SOURCES[source.kind]} Fetched by raw_postings/{source.name}.",
        group_name="sources",
        kinds={source.kind},
        owners=OWNERS,
        metadata={**links, **code_in(_module_of(source))},
    )


def _source_key(source: "Source") -> dg.AssetKey:
    return dg.AssetKey(["sources", source.name])


def _module_of(source: "Source") -> str:
    return type(source).__module__.removeprefix("market_assets.")


def _link(origin: str) -> dg.MetadataValue:
    return dg.MetadataValue.url(origin) if "://" in origin else dg.MetadataValue.path(origin)


def raw_postings_asset(source: "Source") -> dg.AssetsDefinition:
    """The payloads of one source, landed as they came; a day on which the source failed is not materialized."""

    @dg.asset(
        key=["raw_postings", source.name],
        deps=[_source_key(source)],
        description=f"What {source.name} gave for a day, byte for byte as it came. A day that was landed is kept.",
        kinds={"file"},
        tags={"source_kind": source.kind},
        metadata=code_in(_module_of(source), "store.landing"),
        output_required=False,
        check_specs=[
            dg.AssetCheckSpec(
                FETCHED_CHECK,
                asset=["raw_postings", source.name],
                description="The source answered in the form that is known of it; where it did not, the day is "
                "ingested without it.",
            )
        ],
        **DAILY_ASSET,
    )
    @retry_transient_errors
    def raw_postings(
        context: dg.AssetExecutionContext, config: RawPostingsConfig, store: dg.ResourceParam[MarketStore]
    ) -> Iterator[Any]:
        outcomes = _fetch(context, config, store, source)
        failures = [outcome["failure"] for outcome in outcomes.values() if outcome["failure"]]
        for failure in failures:
            context.log.error(failure)
        figures = _figures(list(outcomes.values()))
        if failures:
            # Of a range, the days that did not fail are materialized all the same.
            for day, outcome in outcomes.items():
                if not outcome["failure"]:
                    context.log_event(
                        dg.AssetMaterialization(context.asset_key, partition=day.isoformat(), metadata=figures)
                    )
        else:
            yield dg.MaterializeResult(metadata=figures)
        yield dg.AssetCheckResult(
            asset_key=context.asset_key,
            check_name=FETCHED_CHECK,
            passed=not failures,
            description=failures[-1] if failures else None,
            metadata=figures if len(failures) < 2 else {"failures": "\n".join(failures[:20]), **figures},
        )

    return raw_postings


def _fetch(
    context: dg.AssetExecutionContext, config: RawPostingsConfig, store: MarketStore, source: "Source"
) -> dict[date, dict[str, Any]]:
    """What became of a source's days, by day; the first step of a run begins to fetch the sources of all of them.

    Steps run one after the other: without this, a source that stalls would keep the others from being fetched.
    """
    days = days_of(context)

    def begin(each: "Source", *, refetch: bool) -> None:
        outcomes: dict[date, dict[str, Any]] = {}

        def land() -> None:
            for day in days:
                outcomes[day] = _land(store, each, day, refetch=refetch)

        store.fetches[each.name] = outcomes, store.fetching.start(land)

    if context.retry_number or source.name not in store.fetches:
        begin(source, refetch=config.refetch)
        for other in store.sources:
            if other.name not in store.fetches and _op_name(other) in _ops(context):
                begin(other, refetch=_refetches(context.run.run_config, other))
    outcomes, ended = store.fetches[source.name]
    while not wait([ended], SAY_SECONDS).done:
        context.log.info(f"{len(outcomes)} of {len(days)} days")
    ended.result()
    return outcomes


def _refetches(run_config: Any, source: "Source") -> bool:
    stated = run_config.get("ops", {}).get(_op_name(source), {}).get("config", {})
    return bool(stated.get("refetch", False))


def _ops(context: dg.AssetExecutionContext) -> set[str]:
    """The ops of the run: of its job, and of what was selected of it."""
    ops = {node.name for node in context.job_def.nodes}
    return ops if context.run.step_keys_to_execute is None else ops & {*context.run.step_keys_to_execute}


def _figures(outcomes: Sequence[dict[str, Any]]) -> dict[str, int]:
    return {
        "payloads": sum(outcome["payloads"] for outcome in outcomes),
        "bytes": sum(outcome["bytes"] for outcome in outcomes),
        "days_fetched": sum(outcome["fetched"] for outcome in outcomes),
        "days_kept": sum(not outcome["fetched"] for outcome in outcomes),
    }


def _land(store: MarketStore, source: "Source", day: date, *, refetch: bool) -> dict[str, Any]:
    """Land a source's day unless it was landed whole before; its own failures are noted, not raised."""
    from market_assets.sources.protocol import SourceError

    now = datetime.now(UTC)
    landed = store.landing.landed(source.name, day)
    problems = _problems(store, source, landed)
    fetched = refetch or landed is None or bool(problems and (source.any_day or day == now.date()))
    if fetched:
        try:
            landed = store.landing.land(source.name, day, source.fetch(day, now), kept=landed)
            problems = _problems(store, source, landed)
        except SourceError as error:
            problems = [str(error)]
            store.landing.land_failure(source.name, day, str(error))
    payloads = landed.payloads if landed else ()
    failure = f"{source.name} on {day}: {'; '.join(problems)}" if problems else None
    return {
        "failure": failure,
        "payloads": len(payloads),
        "bytes": sum(payload.size for payload in payloads),
        "fetched": fetched,
    }


def _problems(store: MarketStore, source: "Source", landed: "LandedDay | None") -> list[str]:
    """What could not be fetched of a landed day, and what came in another form than it used to."""
    from market_assets.sources.reading import unreadable

    if landed is None:
        return []
    return [*landed.problems, *unreadable(source, store.landing.open(landed, with_problem=True))]
