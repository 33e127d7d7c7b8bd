"""Keeps the table of executions up to date with Dagster's run history, however runs were started."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from market_assets.operations.executions import ExecutionReader

if TYPE_CHECKING:
    import sqlalchemy as sa

#: Runs that changed so shortly before the newest change are read again: clocks and commits are not in order.
OVERLAP = timedelta(minutes=5)
_VANISHED = "the run was removed from Dagster's history before it ended"


def mirror_executions(
    engine: sa.Engine, instance: dg.DagsterInstance, since: datetime | None
) -> tuple[int, datetime | None]:
    """Write the runs that changed into the table.

    Args:
        engine: of the market database.
        instance: whose runs they are.
        since: the change up to which everything has been written; None to begin with the first run.

    Returns:
        How many executions were new or different, and the new `since`.
    """
    from market_assets.store.executions import record_executions

    changed = dg.RunsFilter(updated_after=since - OVERLAP if since else None)
    records = instance.get_run_records(changed)
    reader = ExecutionReader(instance)
    written = record_executions(engine, [reader.execution(record) for record in records])
    newest = max((record.update_timestamp for record in records), default=since)
    return written + _mark_vanished(engine, instance), newest


def _mark_vanished(engine: sa.Engine, instance: dg.DagsterInstance) -> int:
    """Runs that were removed before they ended are marked as canceled."""
    from market_assets.store.executions import UNENDED, read_executions, record_executions

    unended = read_executions(engine, statuses=UNENDED)
    if not unended:
        return 0
    filters = dg.RunsFilter(run_ids=[execution.run_id for execution in unended])
    known = {record.dagster_run.run_id for record in instance.get_run_records(filters)}
    vanished = [execution for execution in unended if execution.run_id not in known]
    return record_executions(engine, [replace(one, status="canceled", error=_VANISHED) for one in vanished])
