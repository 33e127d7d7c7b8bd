"""`/metrics` for Prometheus: gauges of the present state, counters of runs, and the times of HTTP responses.

The gauges and counters are read from the stores on request, and kept for a few seconds. What can't be read is left
out, and `market_assets_part_up` is 0 for it.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, get_args

import dagster as dg
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from market_assets.dagster_ext.workspace import WorkspaceProcessContext, job_names, repositories
from market_assets.operations.alerts.incidents import Kind
from market_assets.operations.background import PATIENCE_SECONDS, Probe
from market_assets.operations.health import judge
from market_assets.operations.names import FETCHED_CHECK
from market_assets.operations.system_state import HistoryState, SystemState
from market_assets.store.database import Database
from market_assets.store.executions import EndedRuns, count_ended, newest_durations
from market_assets.web.health import Monitor

_POSTINGS = dg.AssetKey("job_postings")
_PARTS = ("code", "history", "database", "disk")
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
#: The only paths that are labels as they are: a label for each path that a client makes up would fill the memory.
_PAGES = (
    *("/health", "/health/live", "/metrics", "/login", "/logout", "/graphql"),
    *("/market", "/market/report", "/market/search", "/market/compare", "/market/map"),
)
#: Pages of the market that are about one thing each.
_MARKET_PAGES = ("/market/skills/", "/market/places/", "/market/industries/", "/market/companies/")
#: Paths of the API that its OpenAPI document leaves out.
_UNDESCRIBED = ("/api/openapi.json", "/api/docs", "/api/docs/{file}")
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
OTHER = "other"


class Metrics:
    """What is answered to Prometheus."""

    def __init__(self, context: WorkspaceProcessContext, monitor: Monitor, database: Database) -> None:
        self._context = context
        self._monitor = monitor
        self._database = database
        self._ran = Probe(self._read_runs)
        #: What this process itself has measured.
        self.registry = CollectorRegistry()

    def route(self) -> Route:
        return Route("/metrics", self._respond, methods=["GET"])

    async def _respond(self, _request: Request) -> Response:
        reading = self._ran.result()
        state = await self._monitor.state()
        if not reading.done() and self._ran.seconds_reading < PATIENCE_SECONDS:
            await asyncio.wait([asyncio.wrap_future(reading)], timeout=PATIENCE_SECONDS)
        of_runs = reading.result() if reading.done() and not reading.exception() else ()
        stores = _Collected([*_families(state), *of_runs])
        return Response(
            generate_latest(stores) + generate_latest(self.registry),
            media_type=CONTENT_TYPE_LATEST,
            headers={"Cache-Control": "no-store"},
        )

    def _read_runs(self) -> list[Metric]:
        engine = self._database.engine()
        jobs = job_names(self._context)
        return [
            *_runs(count_ended(engine), jobs),
            _gauges(
                "last_run_duration_seconds",
                "Seconds that a job's newest run took",
                "job",
                newest_durations(engine),
            ),
            *_ingestion(self._context),
        ]


class _Collected(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _families(state: SystemState) -> Iterator[Metric]:
    yield _gauge("up", "1: the web process answers", 1)
    yield _gauge("healthy", "1 where /health answers 200", judge(state).is_ok)
    yield _gauges(
        "part_up",
        "1 where a part could be read: the code location, Dagster's storage, the market database, the disk",
        "part",
        {part: part not in state.errors for part in _PARTS},
    )
    if state.disk is not None:
        yield _gauge("disk_free_bytes", "Free space of the data folder", state.disk.free)
        yield _gauge("disk_total_bytes", "Size of its file system", state.disk.total)
    if state.history is not None:
        yield from _history(state.history, state)


def _history(history: HistoryState, state: SystemState) -> Iterator[Metric]:
    now, jobs, tables = state.now, history.jobs, history.tables
    yield _gauge("queued_runs", "Runs that wait in the queue", history.queued)
    yield _gauge("running_runs", "Runs in progress", history.running)
    alive = {one.name: one.is_alive for one in history.daemons}
    yield _gauges("daemon_alive", "1 where a daemon sends heartbeats", "daemon", alive)
    on = {job.job: job.is_on for job in jobs}
    yield _gauges("job_scheduled", "1 where a job's schedule is on", "job", on)
    late = {job.job: job.is_late for job in jobs}
    yield _gauges("job_late", "1 where a job has not succeeded since it was due", "job", late)
    succeeded = {job.job: job.last_success.timestamp() for job in jobs if job.last_success}
    yield _gauges("job_last_success_timestamp_seconds", "When a job succeeded last", "job", succeeded)
    ages = {one.table: (now - made).total_seconds() for one in tables if (made := one.materialized_at)}
    yield _gauges("table_age_seconds", "Since a table was made last", "table", ages)
    stale = {one.table: one.is_stale(now) for one in tables}
    yield _gauges("table_stale", "1 where a table is older than it may be", "table", stale)
    kinds: list[str] = [one.kind for one in history.incidents]
    incidents = {kind: kinds.count(kind) for kind in get_args(Kind)}
    yield _gauges("open_incidents", "Incidents that are not over", "kind", incidents)
    failing = sum(one.error is not None for one in history.recipients)
    yield _gauge("alert_recipients_failing", "Recipients to which alerts can't be sent", failing)


def _runs(ended: Sequence[EndedRuns], jobs: set[str]) -> Iterator[Metric]:
    runs = CounterMetricFamily("market_assets_runs", "Runs that ended", labels=("job", "status"))
    seconds = SummaryMetricFamily("market_assets_run_duration_seconds", "Seconds that runs took", labels=("job",))
    numbers = {(one.job_id, one.status): one.runs for one in ended}
    # From the start, at 0: Prometheus' `increase()` misses a first run that its series begins with.
    for job in sorted(jobs.union(one.job_id for one in ended)):
        for status in ("success", "failed", "canceled"):
            runs.add_metric((job, status), numbers.get((job, status), 0))
        of_job = [one for one in ended if one.job_id == job]
        begun, total = sum(one.begun for one in of_job), sum(one.seconds for one in of_job)
        seconds.add_metric((job,), count_value=begun, sum_value=total)
    yield runs
    yield seconds


def _ingestion(context: WorkspaceProcessContext) -> Iterator[Metric]:
    """By what the newest ingestion reported."""
    newest = _newest_metadata(context, _POSTINGS)
    outcomes = {name: newest[name] for name in ("postings_in", "rejected", "duplicates") if name in newest}
    yield _gauges("newest_ingestion", "What became of the postings of the newest ingestion", "outcome", outcomes)
    checks = [dg.AssetCheckKey(key, FETCHED_CHECK) for key in _sources(context)]
    found = context.instance.event_log_storage.get_latest_asset_check_execution_by_key(checks)
    failing = {
        check.asset_key.path[-1]: not one.evaluation.passed for check, one in found.items() if one.evaluation
    }
    yield _gauges("source_failing", "1 where a source failed in its newest ingestion", "source", failing)


def _newest_metadata(context: WorkspaceProcessContext, asset: dg.AssetKey) -> Mapping[str, Any]:
    event = context.instance.get_latest_materialization_event(asset)
    materialization = event.asset_materialization if event else None
    return {name: one.value for name, one in materialization.metadata.items()} if materialization else {}


def _sources(context: WorkspaceProcessContext) -> list[dg.AssetKey]:
    keys = (key for _name, one in repositories(context) for key in one.asset_graph.materializable_asset_keys)
    return [key for key in sorted(keys) if key.path[0] == "raw_postings"]


def _gauge(name: str, what: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"market_assets_{name}", what, float(value))


def _gauges(name: str, what: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    """A gauge with a value for each value of one label."""
    family = GaugeMetricFamily(f"market_assets_{name}", what, labels=(label,))
    for labelled, value in values.items():
        family.add_metric((labelled,), float(value))
    return family


class RequestTimes:
    """A histogram of how long responses take, those of the guard and the limits included."""

    def __init__(self, api: Callable[[], FastAPI], registry: CollectorRegistry) -> None:
        self._api = api
        self._seconds = Histogram(
            "market_assets_http_request_duration_seconds",
            "Seconds until an answer was complete, since this process was started",
            ("route", "method", "status"),
            buckets=_BUCKETS,
            registry=registry,
        )

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """The application, measured."""

        async def measured(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            status = "500"

            async def send_measured(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = str(message["status"])
                await send(message)

            started = time.perf_counter()
            try:
                await app(scope, receive, send_measured)
            finally:
                method = scope["method"] if scope["method"] in _METHODS else OTHER
                labels = self._seconds.labels(self.route_of(scope), method, status)
                labels.observe(time.perf_counter() - started)

        return measured

    def route_of(self, scope: Scope) -> str:
        """The route as it is declared, such as `/api/v1/market/skills/{skill}`; `ui` for Dagster's paths."""
        path = scope["path"]
        if path in _PAGES:
            return str(path)
        if of_market := next((prefix for prefix in _MARKET_PAGES if path.startswith(prefix)), None):
            return f"{of_market}{{name}}"
        if not f"{path}/".startswith("/api/"):
            return "ui"
        return next((template for template, pattern in self._templates if pattern.match(path)), OTHER)

    @cached_property
    def _templates(self) -> list[tuple[str, re.Pattern[str]]]:
        """The API's paths as its OpenAPI document has them, the constant ones first, as they are routed."""
        templates = sorted([*self._api().openapi()["paths"], *_UNDESCRIBED], key=lambda path: path.count("{"))
        return [(template, compile_path(template)[0]) for template in templates]
