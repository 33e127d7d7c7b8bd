"""`/health` and `/health/live`, the state behind them, and the incidents that the web process detects in it.

The state is read in background threads and waited for only a short time: a database that hangs occupies one thread
here, and no thread of those that answer requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
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
from market_assets.operations.alerts.delivery import Delivery, announce
from market_assets.operations.alerts.incidents import (
    WEB_LOG,
    Finding,
    IncidentLog,
    Resolution,
    incident,
    load_log,
    save_log,
)
from market_assets.operations.background import PATIENCE_SECONDS, Probe, in_thread
from market_assets.operations.health import Health, health_report, judge
from market_assets.operations.monitored import Monitored, monitored_schedule, monitored_tables
from market_assets.operations.system_state import (
    DatabaseState,
    SystemState,
    read_database,
    read_disk,
    read_history,
    read_state,
)
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
    "daemon": ("the daemon sends no heartbeat", "the daemon sends heartbeats again"),
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

    async def state(self) -> SystemState:
        """The state, within `PATIENCE_SECONDS` even if a part hangs."""
        return await asyncio.wrap_future(in_thread(partial(read_state, self.probes, PATIENCE_SECONDS)))

    def _read_code(self) -> None:
        if failure := load_failure(self._context):
            raise CodeLocationError(failure)
        if not repositories(self._context):
            raise CodeLocationError("the workspace names none, or it is still being loaded")

    def _read_history(self) -> Any:
        found = [repository for _name, repository in repositories(self._context)]
        monitored = Monitored(
            schedules=tuple(monitored_schedule(one) for repository in found for one in repository.get_schedules()),
            tables=tuple(table for repository in found for table in monitored_tables(repository.asset_graph)),
        )
        return read_history(self._context.instance, monitored, datetime.now(UTC), self._overrides)

    def _read_database(self, database: Database) -> DatabaseState:
        state = read_database(database)
        self._overrides = read_overrides_if_any(database)
        return state


def health_routes(monitor: Monitor) -> list[BaseRoute]:
    """The routes; the guard in front decides who sees the details."""

    async def health(request: Request) -> Response:
        state = await monitor.state()
        judged = judge(state)
        shows_details = request.scope["state"].get(DETAILS_KEY) is True
        content = health_report(state, judged) if shows_details else public_health(judged)
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
    """Detects and announces the incidents that the sensor `alerts` can't, since it depends on what has failed."""

    def __init__(self, instance: dg.DagsterInstance, monitor: Monitor, settings: Settings) -> None:
        self._instance = instance
        self._monitor = monitor
        self._settings = settings
        self._incidents: IncidentLog | None = None
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
                delivery = await self.check(await self._monitor.state())
            except Exception:
                _log.exception("could not look for incidents")
                continue
            for failure in delivery.failures:
                _log.error("could not send an alert: %s", failure)

    async def check(self, state: SystemState) -> Delivery:
        """Detect, log and announce the incidents of a state."""
        findings = list(self._findings(state))

        def deliver() -> Delivery:
            log = self._incidents
            if log is None:
                log = _within(_STORAGE_SECONDS, lambda: load_log(self._instance, WEB_LOG)) or IncidentLog()
            return announce(log, findings, self._settings.alert_urls, state.now, self._save)

        # No thread of the pool: sending may take long, and the pool answers requests.
        return await asyncio.wrap_future(in_thread(deliver))

    def _save(self, log: IncidentLog) -> None:
        """Keep the incidents in memory and, if Dagster's storage answers, there: alerts must not depend on it."""
        self._incidents = log
        _within(_STORAGE_SECONDS, lambda: save_log(self._instance, WEB_LOG, log))

    def _findings(self, state: SystemState) -> Iterator[Finding]:
        wrong = {reason.name: reason.text for reason in judge(state).reasons if reason.name in _MESSAGES}
        self._since = {name: self._since.get(name, state.now) for name in wrong}
        for name, (title, ending) in _MESSAGES.items():
            key = f"system:{name}"
            if name not in wrong:
                # While their storage does not answer, nothing is known about daemons.
                if not (name == "daemon" and state.history is None):
                    yield Resolution(key, state.now, f"{ending} at {state.now:%Y-%m-%d %H:%M} UTC")
            elif state.now - self._since[name] >= PATIENCE:
                yield incident(key, "system", title, wrong[name], self._since[name])


def _within(seconds: float, work: Callable[[], Any]) -> Any:
    """The result of some work; None where it fails or takes too long."""
    with contextlib.suppress(Exception):
        return in_thread(work).result(seconds)
    return None
