"""`/health` and `/health/live`, the facts behind them, and the incidents that the web process finds in them.

Facts are read in threads of their own and waited for only a short time: a database that hangs occupies one thread
here, and no thread of those that answer requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from market_assets.dagster_ext.workspace import (
    CodeLocationError,
    WorkspaceProcessContext,
    load_failure,
    repositories,
)
from market_assets.operations.alerts.cycle import WEB_BOOK, Look, tell
from market_assets.operations.alerts.detection import End, Finding
from market_assets.operations.alerts.incidents import Book, incident, load_book, save_book
from market_assets.operations.alerts.monitored import Watched, tables_of, watched_schedule
from market_assets.operations.health import DatabaseFacts, Facts, Health, judge
from market_assets.operations.health_json import detailed
from market_assets.operations.health_readings import read_database, read_disk, read_history
from market_assets.operations.probes import PATIENCE_SECONDS, Probe, facts_of
from market_assets.operations.threads import in_thread
from market_assets.settings import Settings
from market_assets.store.database import Database
from market_assets.store.schedule_overrides import ScheduleOverrides, read_overrides_if_any
from market_assets.web.auth.guard import DETAILS_KEY

#: How often the web process looks for incidents.
CHECK_SECONDS = 30.0
#: How long a problem has to last: a restart of the daemon or of a database is no incident.
PATIENCE = timedelta(minutes=3)
#: How long Dagster's storage may delay a check: it may be the part that does not answer.
_STORAGE_SECONDS = 5.0
#: By the name of a health reason: the message when the incident begins, and when it is over.
_MESSAGES = {
    "code": ("the code location does not load", "the code location loads again"),
    "daemon": ("the daemon is silent", "the daemon sends heartbeats again"),
    "history": ("Dagster's storage does not answer", "Dagster's storage answers again"),
    "database": ("the market database can't be used", "the market database can be used again"),
    "disk": ("the disk is full", "the disk has space again"),
}
_NOT_STORED = {"Cache-Control": "no-store"}
_log = logging.getLogger(__name__)


class Monitor:
    """Reads the state of the code location, Dagster's storage, the market database and the disk."""

    def __init__(self, context: WorkspaceProcessContext, settings: Settings, database: Database) -> None:
        self._context = context
        self._overrides: ScheduleOverrides | None = None
        self.probes: dict[str, Probe[Any]] = {
            "code": Probe(self._read_code),
            "history": Probe(self._read_history),
            "database": Probe(lambda: self._read_database(database)),
            "disk": Probe(lambda: read_disk(settings)),
        }

    async def facts(self) -> Facts:
        """The facts, within `PATIENCE_SECONDS` even if a part hangs."""
        readings = {name: probe.ask() for name, probe in self.probes.items()}
        # A part that others have waited for that long already is not waited for again.
        pending = [
            asyncio.wrap_future(future)
            for name, future in readings.items()
            if not future.done() and self.probes[name].has_been_reading < PATIENCE_SECONDS
        ]
        if pending:
            await asyncio.wait(pending, timeout=PATIENCE_SECONDS)
        return facts_of(self.probes, readings)

    def _read_code(self) -> None:
        if failure := load_failure(self._context):
            raise CodeLocationError(failure)
        if not repositories(self._context):
            raise CodeLocationError("the workspace names none, or it is still being loaded")

    def _read_history(self) -> Any:
        return read_history(self._context.instance, watched_by(self._context), datetime.now(UTC), self._overrides)

    def _read_database(self, database: Database) -> DatabaseFacts:
        facts = read_database(database)
        self._overrides = read_overrides_if_any(database)
        return facts


def watched_by(context: WorkspaceProcessContext) -> Watched:
    """The schedules and tables that the code locations of a workspace define."""
    found = [repository for _name, repository in repositories(context)]
    return Watched(
        schedules=tuple(watched_schedule(one) for repository in found for one in repository.get_schedules()),
        tables=tuple(table for repository in found for table in tables_of(repository.asset_graph)),
    )


def health_routes(monitor: Monitor) -> list[BaseRoute]:
    """The routes; the guard in front decides who sees the details."""

    async def health(request: Request) -> Response:
        facts = await monitor.facts()
        judged = judge(facts)
        shows_details = request.scope["state"].get(DETAILS_KEY) is True
        content = detailed(facts, judged) if shows_details else public_health(judged)
        return JSONResponse(content, 200 if judged.is_ok else 503, _NOT_STORED)

    async def live(_request: Request) -> Response:
        return JSONResponse({"status": "ok"}, headers=_NOT_STORED)

    return [Route("/health", health, methods=["GET"]), Route("/health/live", live, methods=["GET"])]


def public_health(health: Health) -> dict[str, Any]:
    """What a load balancer needs: no names of jobs, hosts or files."""
    if health.is_ok:
        return {"status": "ok"}
    return {"status": "failing", "reasons": list(dict.fromkeys(reason.name for reason in health.reasons))}


class IncidentWatch:
    """Finds and sends the incidents that the sensor `alerts` can't, since it depends on what has failed."""

    def __init__(self, instance: dg.DagsterInstance, monitor: Monitor, settings: Settings) -> None:
        self._instance = instance
        self._monitor = monitor
        self._settings = settings
        self._book: Book | None = None
        self._since: dict[str, datetime] = {}

    @contextlib.asynccontextmanager
    async def lifespan(self, _application: Any) -> AsyncIterator[None]:
        """Watch while the process serves."""
        watching = asyncio.create_task(self._run())
        try:
            yield
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                look = await self.check(await self._monitor.facts())
            except Exception:
                _log.exception("could not look for incidents")
                continue
            for failure in look.failures:
                _log.error("could not send an alert: %s", failure)

    async def check(self, facts: Facts) -> Look:
        """Find, store and send the incidents of some facts."""
        findings = list(self._findings(facts))

        def deliver() -> Look:
            if self._book is None:
                self._book = _within(_STORAGE_SECONDS, lambda: load_book(self._instance, WEB_BOOK)) or Book()
            return tell(self._book, findings, self._settings.alert_urls, facts.now, self._save)

        # No thread of the pool: sending may take long, and the pool answers requests.
        look: Look = await asyncio.wrap_future(in_thread(deliver))
        self._book = look.book
        return look

    def _save(self, book: Book) -> None:
        """Keep the incidents in memory and, if Dagster's storage answers, there: alerts must not depend on it."""
        self._book = book
        _within(_STORAGE_SECONDS, lambda: save_book(self._instance, WEB_BOOK, book))

    def _findings(self, facts: Facts) -> Iterator[Finding]:
        wrong = {reason.name: reason.text for reason in judge(facts).reasons if reason.name in _MESSAGES}
        self._since = {name: self._since.get(name, facts.now) for name in wrong}
        for name, (title, ending) in _MESSAGES.items():
            key = f"system:{name}"
            if name not in wrong:
                # While their storage does not answer, nothing is known about daemons.
                if not (name == "daemon" and facts.history is None):
                    yield End(key, facts.now, f"{ending} at {facts.now:%Y-%m-%d %H:%M} UTC")
            elif facts.now - self._since[name] >= PATIENCE:
                yield incident(key, "system", title, wrong[name], self._since[name])


def _within(seconds: float, work: Callable[[], Any]) -> Any:
    """The result of some work; None where it fails or takes too long."""
    with contextlib.suppress(Exception):
        return in_thread(work).result(seconds)
    return None
