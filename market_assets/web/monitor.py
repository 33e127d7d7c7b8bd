"""The facts that `/health` and `/metrics` tell of: read in threads of their own, and never waited for long.

A database that hangs holds one thread here, and no thread of those that answer requests.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from market_assets.dagster_ext.workspace import load_failure, repositories
from market_assets.dagster_ext.workspace_types import WorkspaceProcessContext
from market_assets.operations.alerts.monitored import Watched, tables_of, watched_schedule
from market_assets.operations.health import DatabaseFacts, Facts
from market_assets.operations.health_readings import read_database, read_disk, read_history
from market_assets.operations.probes import PATIENCE_SECONDS, Probe, facts_of
from market_assets.settings import Settings
from market_assets.store.database import Database
from market_assets.store.schedule_overrides import ScheduleOverrides, read_overrides_if_any


class Monitor:
    """What is known of the whole: the code, Dagster's storage, the market database, the disk."""

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
        """The facts, within `PATIENCE_SECONDS` whatever hangs."""
        asked = {name: probe.ask() for name, probe in self.probes.items()}
        # One that has kept others waiting for that long already is not waited for again.
        waited_for = [
            asyncio.wrap_future(future)
            for name, future in asked.items()
            if not future.done() and self.probes[name].has_been_reading < PATIENCE_SECONDS
        ]
        if waited_for:
            await asyncio.wait(waited_for, timeout=PATIENCE_SECONDS)
        return facts_of(self.probes, asked)

    def _read_code(self) -> None:
        if failure := load_failure(self._context):
            raise CodeError(failure)
        if not repositories(self._context):
            raise CodeError("the workspace names none, or it is still being loaded")

    def _read_history(self) -> Any:
        return read_history(self._context.instance, watched_by(self._context), datetime.now(UTC), self._overrides)

    def _read_database(self, database: Database) -> DatabaseFacts:
        facts = read_database(database)
        self._overrides = read_overrides_if_any(database)
        return facts


class CodeError(Exception):
    """The code location can't be used."""


def watched_by(context: WorkspaceProcessContext) -> Watched:
    """What the code locations of a workspace say of themselves, as far as facts need it."""
    found = [repository for _name, repository in repositories(context)]
    return Watched(
        schedules=tuple(watched_schedule(one) for repository in found for one in repository.get_schedules()),
        tables=tuple(table for repository in found for table in tables_of(repository.asset_graph)),
    )
