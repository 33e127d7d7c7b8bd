"""Runs for the API and the page of executions: from Dagster, and from the store once Dagster's are pruned."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg
import sqlalchemy as sa
from dagster import RunRecord

from market_assets.dagster_ext.workspace import WorkspaceProcessContext
from market_assets.operations.executions import STATUSES, ExecutionReader, duration_of
from market_assets.store import executions as store
from market_assets.store.executions import Execution, ExecutionStatus
from market_assets.web.admin.models import ExecutionEntry

#: A place in the list: when the run was created, and its id.
Position = tuple[datetime, str]
#: Dagster orders runs that were created in the same instant otherwise than this list does.
_SAME_INSTANT = 50
_BATCH = 2 * _SAME_INSTANT


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
    """Reads runs from Dagster's instance, and older ones from the store."""

    def __init__(self, context: WorkspaceProcessContext, engine: sa.Engine) -> None:
        self.context = context
        self._engine = engine
        self._reader = ExecutionReader(context.instance)

    def newest(
        self, job_id: str | None = None, status: ExecutionStatus | None = None, limit: int = 50
    ) -> list[ExecutionEntry]:
        """The newest runs, of one job or of all, newest first."""
        return [run.entry for run in self.page(job_id, status, limit)]

    def page(
        self,
        job_id: str | None = None,
        status: ExecutionStatus | None = None,
        limit: int = 50,
        before: Position | None = None,
    ) -> list[ListedRun]:
        """Runs, newest first."""
        present = list(itertools.islice(_in_order(self._in_dagster(job_id, status, before)), limit))
        # Nothing older than the last of a full page can be on it.
        oldest = _position(present[-1]) if len(present) == limit else None
        past = itertools.islice(self._pruned(job_id, status, before, oldest), limit)
        both: list[Iterable[RunRecord | Execution]] = [present, past]
        merged = heapq.merge(*both, key=_position, reverse=True)
        return [
            ListedRun(self.entry(found), _position(found), isinstance(found, RunRecord))
            for found in itertools.islice(merged, limit)
        ]

    def _in_dagster(
        self, job_id: str | None, status: ExecutionStatus | None, before: Position | None
    ) -> Iterator[RunRecord]:
        """Dagster's runs in its order: newest first, except among those of the same instant."""
        filters = dg.RunsFilter(
            job_name=job_id,
            statuses=STATUSES[status] if status else [],
            created_before=before[0] + timedelta(seconds=1) if before else None,
        )
        cursor = None
        while True:
            records = self.context.instance.get_run_records(filters, limit=_BATCH, cursor=cursor)
            yield from (record for record in records if before is None or _position(record) < before)
            if len(records) < _BATCH:
                return
            cursor = records[-1].dagster_run.run_id

    def _pruned(
        self, job_id: str | None, status: ExecutionStatus | None, before: Position | None, oldest: Position | None
    ) -> Iterator[Execution]:
        """The store's runs that Dagster does not have any more, down to `oldest`."""
        statuses = [status] if status else []
        while True:
            found = store.read_executions(self._engine, job=job_id, statuses=statuses, before=before, limit=_BATCH)
            wanted = [one for one in found if oldest is None or one.position > oldest]
            known = self._known([execution.run_id for execution in wanted])
            yield from (execution for execution in wanted if execution.run_id not in known)
            if len(wanted) < _BATCH:
                return
            before = found[-1].position

    def _known(self, run_ids: list[str]) -> set[str]:
        if not run_ids:
            return set()
        filters = dg.RunsFilter(run_ids=run_ids)
        return {record.dagster_run.run_id for record in self.context.instance.get_run_records(filters)}

    def entry(self, found: RunRecord | Execution) -> ExecutionEntry:
        """A run as the API shows it."""
        run = self._reader.execution(found) if isinstance(found, RunRecord) else found
        entry = ExecutionEntry.model_validate(run, from_attributes=True)
        if isinstance(found, RunRecord):
            # Up to now, where the run has not ended.
            entry.duration = duration_of(found)
        return entry


def _position(found: RunRecord | Execution) -> Position:
    if isinstance(found, RunRecord):
        return found.create_timestamp.astimezone(UTC), found.dagster_run.run_id
    return found.position


def _in_order(records: Iterable[RunRecord]) -> Iterator[RunRecord]:
    """The records by their position, given them in nearly that order."""
    waiting: list[RunRecord] = []
    for record in records:
        if len(waiting) >= _SAME_INSTANT:
            yield waiting.pop(0)
        waiting.append(record)
        waiting.sort(key=_position, reverse=True)
    yield from waiting
