"""Watches what the sensor `alerts` stands on and can't tell of: the daemon, the code, the stores, the disk."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import dagster as dg

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
from market_assets.operations.background import in_thread
from market_assets.operations.health import judge
from market_assets.operations.system_state import SystemState
from market_assets.settings import Settings
from market_assets.web.monitor import Monitor

LOOK_SECONDS = 30.0
#: A restart of the daemon or of a database is no incident.
PATIENCE = timedelta(minutes=3)
#: For how long Dagster's storage may keep a look waiting: it may be what does not answer.
_STORAGE_SECONDS = 5.0
#: Reason → what is told when it begins, and when it is over.
_WATCHED = {
    "code": ("the code location does not load", "the code location loads again"),
    "daemon": ("the daemon is silent", "the daemon is heard from again"),
    "history": ("Dagster's storage does not answer", "Dagster's storage answers again"),
    "database": ("the market database can't be used", "the market database can be used again"),
    "disk": ("the disk is full", "the disk has space again"),
}
_log = logging.getLogger(__name__)


class Watch:
    """Looks at the facts from time to time; incidents last for `PATIENCE` before anybody is told."""

    def __init__(self, instance: dg.DagsterInstance, monitor: Monitor, settings: Settings) -> None:
        self._instance = instance
        self._monitor = monitor
        self._settings = settings
        self._saved: IncidentLog | None = None
        self._since: dict[str, datetime] = {}

    @contextlib.asynccontextmanager
    async def lifespan(self, _application: Any) -> AsyncIterator[None]:
        """Looks while the process serves."""
        watching = asyncio.create_task(self._run())
        try:
            yield
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                look = await self.look(await self._monitor.facts())
            except Exception:
                _log.exception("could not look for incidents")
                continue
            for failure in look.failures:
                _log.error("could not tell of incidents: %s", failure)

    async def look(self, facts: SystemState) -> Delivery:
        """Find, note and tell by some facts."""
        findings = list(self._findings(facts))

        def told() -> Delivery:
            if self._saved is None:
                self._saved = _within(_STORAGE_SECONDS, lambda: load_log(self._instance, WEB_LOG)) or IncidentLog()
            return announce(self._saved, findings, self._settings.alert_urls, facts.now, self._save)

        # No thread of the pool: sending may take its time, and the pool answers requests.
        look: Delivery = await asyncio.wrap_future(in_thread(told))
        self._saved = look.log
        return look

    def _save(self, log: IncidentLog) -> None:
        """Keep the book here and, if its storage answers, there: what is told must not depend on it."""
        self._saved = log
        _within(_STORAGE_SECONDS, lambda: save_log(self._instance, WEB_LOG, log))

    def _findings(self, facts: SystemState) -> Iterator[Finding]:
        wrong = {reason.name: reason.text for reason in judge(facts).reasons if reason.name in _WATCHED}
        self._since = {name: self._since.get(name, facts.now) for name in wrong}
        for name, (title, ending) in _WATCHED.items():
            key = f"system:{name}"
            if name not in wrong:
                # Of daemons nothing is known while their storage does not answer.
                if not (name == "daemon" and facts.history is None):
                    yield Resolution(key, facts.now, f"{ending} at {facts.now:%Y-%m-%d %H:%M} UTC")
            elif facts.now - self._since[name] >= PATIENCE:
                yield incident(key, "system", title, wrong[name], self._since[name])


def _within(seconds: float, work: Callable[[], Any]) -> Any:
    """The result of some work; None where it fails or takes too long."""
    with contextlib.suppress(Exception):
        return in_thread(work).result(seconds)
    return None
