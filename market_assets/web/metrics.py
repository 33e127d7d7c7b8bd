"""`/metrics` for Prometheus: gauges of how things are, counters of what runs did, and the times of answers.

The gauges and counters are read from the stores when they are asked for, and kept for a few seconds. What can't be
read is left out, and `market_assets_part_up` says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

import dagster as dg
from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from market_assets.dagster_ext.workspace import job_names, repositories
from market_assets.dagster_ext.workspace_types import WorkspaceProcessContext
from market_assets.operations.health import Facts, HistoryFacts, judge
from market_assets.operations.probes import PATIENCE_SECONDS, Probe
from market_assets.operations.run_counters import Tally, advance
from market_assets.web.monitor import Monitor

_KINDS = ("run", "check", "schedule", "sensor", "missed", "stale", "system")
_PARTS = ("code", "history", "database", "disk")


class Metrics:
    """What is answered to Prometheus."""

    def __init__(self, context: WorkspaceProcessContext, monitor: Monitor) -> None:
        self._context = context
        self._monitor = monitor
        self._tally = Probe(lambda: advance(context.instance, _sources(context)))
        #: What this process itself has measured.
        self.registry = CollectorRegistry()

    def route(self) -> Route:
        return Route("/metrics", self._answer, methods=["GET"])

    async def _answer(self, _request: Request) -> Response:
        counting = self._tally.ask()
        facts = await self._monitor.facts()
        if not counting.done() and self._tally.has_been_reading < PATIENCE_SECONDS:
            await asyncio.wait([asyncio.wrap_future(counting)], timeout=PATIENCE_SECONDS)
        counted = counting.result() if counting.done() and not counting.exception() else None
        stores = CollectorRegistry()
        stores.register(_Collected(list(_families(facts, counted, job_names(self._context)))))
        return Response(
            generate_latest(stores) + generate_latest(self.registry),
            media_type=CONTENT_TYPE_LATEST,
            headers={"Cache-Control": "no-store"},
        )


class _Collected(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _sources(context: WorkspaceProcessContext) -> list[dg.AssetKey]:
    keys = (key for _name, one in repositories(context) for key in one.asset_graph.materializable_asset_keys)
    return [key for key in sorted(keys) if key.path[0] == "raw_postings"]


def _families(facts: Facts, tally: Tally | None, jobs: set[str]) -> Iterator[Metric]:
    yield GaugeMetricFamily("market_assets_up", "1: the web process answers", 1)
    yield _gauge("market_assets_healthy", "1 where /health answers 200", [((), float(judge(facts).is_ok))])
    yield _gauge(
        "market_assets_part_up",
        "1 where a part could be read: the code location, Dagster's storage, the market database, the disk",
        [((part,), float(part not in facts.errors)) for part in _PARTS],
        ("part",),
    )
    if facts.disk is not None:
        yield GaugeMetricFamily("market_assets_disk_free_bytes", "Free space of the data folder", facts.disk.free)
        yield GaugeMetricFamily("market_assets_disk_total_bytes", "Size of its file system", facts.disk.total)
    if facts.history is not None:
        yield from _history(facts.history, facts)
    if tally is not None:
        yield from _counters(tally, jobs)


def _history(history: HistoryFacts, facts: Facts) -> Iterator[Metric]:
    now = facts.now
    yield GaugeMetricFamily("market_assets_queued_runs", "Runs that wait in the queue", history.queued)
    yield GaugeMetricFamily("market_assets_running_runs", "Runs in progress", history.running)
    yield _gauge(
        "market_assets_daemon_alive",
        "1 where a daemon sends heartbeats",
        [((one.name,), float(one.is_alive)) for one in history.daemons],
        ("daemon",),
    )
    yield _gauge(
        "market_assets_job_scheduled",
        "1 where a job's schedule is on",
        [((job.job,), float(job.is_on)) for job in history.jobs],
        ("job",),
    )
    yield _gauge(
        "market_assets_job_late",
        "1 where a job has not succeeded since it was due",
        [((job.job,), float(job.is_late)) for job in history.jobs],
        ("job",),
    )
    yield _gauge(
        "market_assets_job_last_success_timestamp_seconds",
        "When a job succeeded last",
        [((job.job,), job.last_success.timestamp()) for job in history.jobs if job.last_success],
        ("job",),
    )
    yield _gauge(
        "market_assets_table_age_seconds",
        "Since a table was made last",
        [((one.table,), (now - one.made_at).total_seconds()) for one in history.tables if one.made_at],
        ("table",),
    )
    yield _gauge(
        "market_assets_table_stale",
        "1 where a table is older than it may be",
        [((one.table,), float(one.is_stale(now))) for one in history.tables],
        ("table",),
    )
    kinds: list[str] = [one.kind for one in history.incidents]
    yield _gauge(
        "market_assets_open_incidents",
        "Incidents that are not over",
        [((kind,), float(kinds.count(kind))) for kind in _KINDS],
        ("kind",),
    )
    failing = sum(one.error is not None for one in history.recipients)
    yield GaugeMetricFamily("market_assets_alert_recipients_failing", "Who can't be told of incidents", failing)


def _counters(tally: Tally, jobs: set[str]) -> Iterator[Metric]:
    runs = CounterMetricFamily("market_assets_runs", "Runs that ended", labels=("job", "status"))
    seconds = SummaryMetricFamily("market_assets_run_duration_seconds", "Seconds that runs took", labels=("job",))
    # From the start, at 0: `increase()` knows nothing of a first run that its series begins with.
    for job in sorted(jobs | tally.runs.keys()):
        for status in ("success", "failed", "canceled"):
            runs.add_metric((job, status), tally.runs.get(job, {}).get(status, 0))
        count, total = tally.durations.get(job, (0, 0.0))
        seconds.add_metric((job,), count_value=int(count), sum_value=total)
    yield runs
    yield seconds
    yield _gauge(
        "market_assets_last_run_duration_seconds",
        "Seconds that a job's newest run took",
        [((job,), seconds) for job, (_ended, seconds) in sorted(tally.newest.items())],
        ("job",),
    )
    for name, what in (
        ("postings_in", "Postings that sources gave"),
        ("rejected", "Postings that were rejected"),
        ("duplicates", "Postings that were another's duplicates"),
    ):
        metric = name if name.startswith("postings") else f"postings_{name}"
        yield CounterMetricFamily(
            f"market_assets_{metric}", f"{what}, over all ingestion runs", tally.postings[name]
        )
    failures = CounterMetricFamily(
        "market_assets_source_failures", "Ingestions that a source failed in", labels=("source",)
    )
    for source, count in sorted(tally.source_failures.items()):
        failures.add_metric((source,), count)
    yield failures


def _gauge(
    name: str, what: str, values: Iterable[tuple[tuple[str, ...], float]], labels: tuple[str, ...] = ()
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, what, labels=labels)
    for of_labels, value in values:
        family.add_metric(of_labels, value)
    return family
