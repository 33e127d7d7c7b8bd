"""Pruning of Dagster's history: old finished runs go with their events, logs and files.

Dagster itself deletes old ticks (`retention` in `dagster.yaml`), but no runs. `DagsterInstance.delete_run`
deletes a run with all its events, after which an asset's page shows the partitions that the run materialized as
missing. So a run stays as long as it holds the latest event of a kind, or the latest check result, of an asset
and partition.

What this builds on beyond Dagster's public API, and `market_assets_tests/dagster_ext/test_history.py` checks on
SQLite and PostgreSQL: the tables `event_logs`, `asset_check_executions`, `run_tags` and their columns; that
`delete_run` leaves rows in the latter two, and on SQLite the file of the run's events; where these files are.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as sa

#: Runs that are written to the table of executions, then deleted, in one go.
BATCH = 100
_FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
#: A run id becomes part of paths that are deleted.
_RUN_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]*")
_BACKFILL_TAG = "dagster/backfill"
_ACTIVE_BACKFILLS = {"REQUESTED", "CANCELING", "FAILING"}
#: The runs with the latest materialization, planned materialization, observation … of each asset and partition.
_LATEST_EVENTS = sa.text(
    "SELECT run_id FROM event_logs WHERE id IN (SELECT max(id) FROM event_logs"
    " WHERE asset_key IS NOT NULL GROUP BY asset_key, partition, dagster_event_type)"
)
#: A check is planned with the asset's partition, its result may be recorded without one: both are the latest.
_LATEST_CHECKS = sa.text(
    "SELECT run_id FROM asset_check_executions WHERE id IN (SELECT max(id) FROM asset_check_executions"
    " GROUP BY asset_key, check_name, partition)"
)


@dataclass
class Pruned:
    """Counts of one pruning.

    Attributes:
        runs: deleted runs.
        kept_runs: runs that are old enough, and stay because their results are the latest.
        bytes: size of the deleted files: logs, outputs, and on SQLite the events.
    """

    runs: int = 0
    kept_runs: int = 0
    bytes: int = 0


def prune_history(
    instance: dg.DagsterInstance,
    before: datetime,
    record: Callable[[Sequence[dg.RunRecord]], None],
    *,
    dry_run: bool = False,
) -> Pruned:
    """Delete finished runs, oldest first, in small transactions: others may read and write meanwhile.

    Args:
        instance: whose history it is, in SQLite or PostgreSQL.
        before: runs that changed last before this time are old.
        record: called with a batch of runs before they are deleted.
        dry_run: count only.
    """
    pruned = Pruned()
    old = list(instance.get_run_ids(dg.RunsFilter(statuses=_FINISHED, updated_before=before)))
    old.reverse()
    needed = _runs_with_latest_results(instance)
    newest_of_jobs: dict[str, set[str]] = {}
    for start in range(0, len(old), BATCH):
        records = instance.get_run_records(dg.RunsFilter(run_ids=old[start : start + BATCH]))
        for run in (found.dagster_run for found in records):
            if run.job_name not in newest_of_jobs:
                newest_of_jobs[run.job_name] = _newest_runs(instance, run.job_name)
            if run.run_id in newest_of_jobs[run.job_name] or _is_in_active_backfill(instance, run):
                needed.add(run.run_id)
        superseded = [found for found in records if found.dagster_run.run_id not in needed]
        pruned.runs += len(superseded)
        pruned.kept_runs += len(records) - len(superseded)
        pruned.bytes += sum(_size(path) for found in superseded for path in _files(instance, found))
        if superseded and not dry_run:
            record(superseded)
            _delete(instance, superseded)
    return pruned


def _runs_with_latest_results(instance: dg.DagsterInstance) -> set[str]:
    events: Any = instance.event_log_storage
    with events.index_connection() as connection:
        return {*connection.scalars(_LATEST_EVENTS), *connection.scalars(_LATEST_CHECKS)}


def _newest_runs(instance: dg.DagsterInstance, job: str) -> set[str]:
    """The last run of a job and its last success, which `/health` and the UI's list of jobs show."""
    succeeded = dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS])
    return {*instance.get_run_ids(dg.RunsFilter(job_name=job), limit=1), *instance.get_run_ids(succeeded, limit=1)}


def _is_in_active_backfill(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether a backfill that goes on counts its progress by this run."""
    backfill = instance.get_backfill(run.tags[_BACKFILL_TAG]) if _BACKFILL_TAG in run.tags else None
    return backfill is not None and backfill.status.value in _ACTIVE_BACKFILLS


def _files(instance: dg.DagsterInstance, record: dg.RunRecord) -> Iterator[Path]:
    """Files and folders of one run: outputs, local logs, and on SQLite its events."""
    run_id = record.dagster_run.run_id
    if not _RUN_ID.fullmatch(run_id):
        return
    outputs = Path(instance.storage_directory()) / run_id
    yield outputs
    logs: Any = instance.compute_log_manager
    if hasattr(logs, "get_captured_local_path"):
        printed = Path(logs.get_captured_local_path([run_id], "out")).with_name(run_id)
        if printed != outputs:
            yield printed
    events: Any = instance.event_log_storage
    if hasattr(events, "path_for_shard"):
        path = Path(events.path_for_shard(run_id))
        yield from (path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm"))


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size if path.exists() else 0


def _delete(instance: dg.DagsterInstance, records: Sequence[dg.RunRecord]) -> None:
    """Delete runs. If this is interrupted, those that are left are found and deleted by the next pruning."""
    run_ids = [record.dagster_run.run_id for record in records]
    events: Any = instance.event_log_storage
    runs: Any = instance.run_storage
    for connect, table in ((events.index_connection, "asset_check_executions"), (runs.connect, "run_tags")):
        rows = sa.table(table, sa.column("run_id"))
        with connect() as connection:
            connection.execute(sa.delete(rows).where(rows.c.run_id.in_(run_ids)))
    for record in records:
        # Deletes the logs wherever the instance keeps them.
        instance.compute_log_manager.delete_logs(prefix=[record.dagster_run.run_id])
        instance.delete_run(record.dagster_run.run_id)
        for path in _files(instance, record):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
