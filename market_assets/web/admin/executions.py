"""Runs for the API and the page of executions: those of the table `job_executions`, and Dagster's newest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
import sqlalchemy as sa
from dagster import RunRecord

from market_assets.dagster_ext.workspace import WorkspaceProcessContext
from market_assets.operations.executions import ExecutionReader, duration_of, status_of
from market_assets.store.executions import Execution, ExecutionStatus, read_executions
from market_assets.web.admin.models import ExecutionEntry

#: A place in the list: when the run was created, and its id.
Position = tuple[datetime, str]
#: More runs never change between two ticks of the sensor that writes the table.
_NOT_WRITTEN_YET = 200


@dataclass(frozen=True)
class ListedRun:
    """A run in the list.

    Attributes:
        entry: the run as the API shows it.
        position: its place in the list, after which a further page begins.
        is_in_dagster: whether Dagster can show it, with its log.
    """

    entry: ExecutionEntry
    position: Position
    is_in_dagster: bool


class RunReader:
    """Reads runs: the table holds all but what has just changed, pruned ones included."""

    def __init__(self, context: WorkspaceProcessContext, engine: sa.Engine) -> None:
        self.context = context
        self._engine = engine
        self._reader = ExecutionReader(context.instance)

    def page(
        self,
        job_id: str | None = None,
        status: ExecutionStatus | None = None,
        limit: int = 50,
        before: Position | None = None,
    ) -> list[ListedRun]:
        """Runs of one job or of all, newest first."""
        records = self.context.instance.get_run_records(limit=_NOT_WRITTEN_YET, order_by="update_timestamp")
        changed = {record.dagster_run.run_id for record in records}
        stored = read_executions(
            self._engine,
            job=job_id,
            statuses=[status] if status else [],
            before=before,
            limit=limit + len(changed),
        )
        present = [
            record
            for record in records
            if job_id in (None, record.dagster_run.job_name)
            and status in (None, status_of(record.dagster_run))
            and (before is None or _position(record) < before)
        ]
        both: list[RunRecord | Execution] = [*present, *(one for one in stored if one.run_id not in changed)]
        listed = sorted(both, key=_position, reverse=True)[:limit]
        known = self._known([_position(found)[1] for found in listed])
        return [ListedRun(self.entry(found), _position(found), _position(found)[1] in known) for found in listed]

    def entry(self, found: RunRecord | Execution) -> ExecutionEntry:
        """A run as the API shows it."""
        run = self._reader.execution(found) if isinstance(found, RunRecord) else found
        entry = ExecutionEntry.model_validate(run, from_attributes=True)
        if isinstance(found, RunRecord):
            # Up to now, where the run has not ended.
            entry.duration = duration_of(found)
        return entry

    def _known(self, run_ids: list[str]) -> set[str]:
        if not run_ids:
            return set()
        records = self.context.instance.get_run_records(dg.RunsFilter(run_ids=run_ids))
        return {record.dagster_run.run_id for record in records}


def _position(found: RunRecord | Execution) -> Position:
    if isinstance(found, RunRecord):
        return found.create_timestamp.astimezone(UTC), found.dagster_run.run_id
    return found.position
