"""Which runs can go: finished, old, and nothing that is shown hangs on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import dagster as dg
import sqlalchemy as sa
from dagster._core.execution.backfill import BulkActionStatus
from dagster._core.storage.event_log.schema import AssetKeyTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.runs.schema import BulkActionsTable, RunsTable
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage

from market_assets.dagster_ext.history import latest_events

Item = TypeVar("Item")
#: As many values as any database takes in one statement.
_IDS_AT_ONCE = 500
_ENDED_BACKFILLS = {
    BulkActionStatus.COMPLETED,
    BulkActionStatus.COMPLETED_SUCCESS,
    BulkActionStatus.COMPLETED_FAILED,
    BulkActionStatus.FAILED,
    BulkActionStatus.CANCELED,
}
FINISHED = [
    status.value
    for status in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
]


def old_runs(storage: SqlRunStorage, before: datetime, batch: int) -> Iterator[dict[str, str]]:
    """Id and status of the runs that had ended, and changed no more, before a moment; oldest first, in batches."""
    last = 0
    while True:
        query = (
            sa.select(RunsTable.c.id, RunsTable.c.run_id, RunsTable.c.status)
            .where(RunsTable.c.status.in_(FINISHED), RunsTable.c.update_timestamp < before, RunsTable.c.id > last)
            .order_by(RunsTable.c.id)
            .limit(batch)
        )
        with storage.connect() as connection:
            rows = connection.execute(query).all()
        if not rows:
            return
        yield {row.run_id: row.status for row in rows}
        last = rows[-1].id


def needed_runs(runs: SqlRunStorage, events: SqlEventLogStorage) -> frozenset[str]:
    """Runs that stay whatever their age: asset pages, jobs, checks and backfills show or ask for them.

    They are few: one or two for each asset, check and job.
    """
    newest = sa.select(sa.func.max(RunsTable.c.id)).group_by(RunsTable.c.pipeline_name)
    active_backfills = sa.select(BulkActionsTable.c.key).where(
        BulkActionsTable.c.status.in_(
            [status.value for status in BulkActionStatus if status not in _ENDED_BACKFILLS]
        )
    )
    of_jobs = sa.select(RunsTable.c.run_id).where(
        sa.or_(
            RunsTable.c.id.in_(newest),
            RunsTable.c.id.in_(newest.where(RunsTable.c.status == dg.DagsterRunStatus.SUCCESS.value)),
            RunsTable.c.backfill_id.in_(active_backfills),
        )
    )
    with runs.connect() as connection:
        needed = set(connection.scalars(of_jobs))
    with events.index_connection() as connection:
        needed |= set(connection.scalars(sa.select(AssetKeyTable.c.last_run_id)))
        needed |= set(connection.scalars(latest_events.unanswered_checks()))
        needed |= set(connection.scalars(latest_events.made_before_unanswered_checks()))
    return frozenset(filter(None, needed))


def shown_failures(events: SqlEventLogStorage, runs: Mapping[str, str]) -> set[str]:
    """Those of some runs, given with their status, that failed to make a partition which nobody made since."""
    failed = [run_id for run_id, status in runs.items() if status == dg.DagsterRunStatus.FAILURE.value]
    if not failed:
        return set()
    with events.index_connection() as connection:
        return set(connection.scalars(latest_events.runs_of_last_attempts(failed)))


def gone(runs: SqlRunStorage, run_ids: Iterable[str]) -> set[str]:
    """Those of some ids that no run has."""
    wanted = set(run_ids)
    missing = set(wanted)
    with runs.connect() as connection:
        for some in batched(sorted(wanted), _IDS_AT_ONCE):
            known = sa.select(RunsTable.c.run_id).where(RunsTable.c.run_id.in_(some))
            missing.difference_update(connection.scalars(known))
    return missing


def batched(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Some items, so many at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))
