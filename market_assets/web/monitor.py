"""The facts that `/health` and `/metrics` tell of: read in threads of their own, and never waited for long.

A database that hangs holds one thread here, and no thread of those that answer requests.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from market_assets.dagster_ext.workspace import load_failure, repositories
from market_assets.dagster_ext.workspace_types import WorkspaceProcessContext
from market_assets.operations.background import PATIENCE_SECONDS, Probe
from market_assets.operations.monitored import Monitored, monitored_schedule, monitored_tables
from market_assets.operations.system_state import (
    DatabaseState,
    SystemState,
    read_database,
    read_disk,
    read_history,
    state_of,
)
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

    async def facts(self) -> SystemState:
        """The facts, within `PATIENCE_SECONDS` whatever hangs."""
        asked = {name: probe.result() for name, probe in self.probes.items()}
        # One that has kept others waiting for that long already is not waited for again.
        waited_for = [
            asyncio.wrap_future(future)
            for name, future in asked.items()
            if not future.done() and self.probes[name].seconds_reading < PATIENCE_SECONDS
        ]
        if waited_for:
            await asyncio.wait(waited_for, timeout=PATIENCE_SECONDS)
        return state_of(self.probes, asked)

    def _read_code(self) -> None:
        if failure := load_failure(self._context):
            raise CodeError(failure)
        if not repositories(self._context):
            raise CodeError("the workspace names none, or it is still being loaded")

    def _read_history(self) -> Any:
        return read_history(
            self._context.instance, monitored_in(self._context), datetime.now(UTC), self._overrides
        )

    def _read_database(self, database: Database) -> DatabaseState:
        facts = read_database(database)
        self._overrides = read_overrides_if_any(database)
        return facts


class CodeError(Exception):
    """The code location can't be used."""


def monitored_in(context: WorkspaceProcessContext) -> Monitored:
    """What the code locations of a workspace say of themselves, as far as facts need it."""
    found = [repository for _name, repository in repositories(context)]
    return Monitored(
        schedules=tuple(monitored_schedule(one) for repository in found for one in repository.get_schedules()),
        tables=tuple(table for repository in found for table in monitored_tables(repository.asset_graph)),
    )
