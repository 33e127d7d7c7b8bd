"""Pruning, step by step: in small batches, so that others write meanwhile, and any of them may be the last.

A run's record goes last of all that is about it. So a pruning that is killed leaves old runs with less to show,
and the next one finds them again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, AssetEventTagsTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.runs.schema import RunsTable, RunTagsTable
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage
from dagster._core.storage.schedules.schema import JobTickTable
from dagster._core.storage.schedules.sql_schedule_storage import SqlScheduleStorage

from market_assets.dagster_ext.history import files, latest_events
from market_assets.dagster_ext.history.latest_events import EVENTS
from market_assets.dagster_ext.history.pruned import Pruned
from market_assets.dagster_ext.history.run_choice import batched, gone, needed_runs, old_runs, shown_failures
from market_assets.operations.executions import ExecutionReader
from market_assets.store.executions import record_executions, unrecorded

RUNS_AT_ONCE = 100
_ROWS_AT_ONCE = 500
_LOOKED_AT_ONCE = 20_000


class UnknownStorageError(Exception):
    """The instance keeps its history where this program does not know how to prune it."""


class Pruning:
    """One pruning of one instance."""

    def __init__(
        self, instance: dg.DagsterInstance, engine: sa.Engine, what_it_runs: Callable[[str], str], before: datetime
    ) -> None:
        """Prepare it.

        Args:
            instance: whose history it is.
            engine: of the market database, where every run is written down before it goes.
            what_it_runs: the assets or functions of a job, by its name.
            before: what changed last before this moment is old.

        Raises:
            UnknownStorageError: it is kept neither in SQLite nor in PostgreSQL.
        """
        runs, events, ticks = instance.run_storage, instance.event_log_storage, instance.schedule_storage
        if not (
            isinstance(runs, SqlRunStorage)
            and isinstance(events, SqlEventLogStorage)
            and isinstance(ticks, SqlScheduleStorage)
        ):
            kinds = ", ".join(type(storage).__name__ for storage in (runs, events, ticks))
            raise UnknownStorageError(f"history in {kinds} can't be pruned: only in SQLite and PostgreSQL")
        self._instance, self._engine = instance, engine
        self._runs, self._events, self._ticks = runs, events, ticks
        self._reader = ExecutionReader(instance, what_it_runs)
        self._before = before.astimezone(UTC).replace(tzinfo=None)
        self._pruned = Pruned()
        self._going: set[str] = set()

    def run(self, *, dry: bool = False) -> Pruned:
        """Prune; with `dry` only count what would go."""
        needed = needed_runs(self._runs, self._events)
        newest_event = self._newest_event()
        for batch in old_runs(self._runs, self._before, RUNS_AT_ONCE):
            kept = needed.intersection(batch) | shown_failures(self._events, batch)
            self._prune_runs([run_id for run_id in batch if run_id not in kept], newest_event, dry=dry)
            self._pruned.kept_runs += len(kept)
        self._prune_superseded_events(newest_event, dry=dry)
        self._prune_check_results(dry=dry)
        self._prune_ticks(dry=dry)
        if not dry:
            for _path, saved in files.vacuum(self._runs, self._events):
                self._pruned.vacuumed += saved
        return self._pruned

    def _newest_event(self) -> int:
        with self._events.index_connection() as connection:
            return connection.scalar(sa.select(sa.func.max(EVENTS.c.id))) or 0

    def _prune_runs(self, run_ids: Sequence[str], newest_event: int, *, dry: bool) -> None:
        if not run_ids:
            return
        if not dry:
            self._write_down(run_ids)
        for run_id in run_ids:
            for path in files.files_of_run(self._instance, self._events, run_id):
                self._pruned.bytes += files.size_of(path)
                if not dry:
                    files.remove(path)
            if not dry:
                files.remove_printed(self._instance, run_id)
        self._prune_events(run_ids, newest_event, dry=dry)
        if not dry:
            with self._runs.connect() as connection:
                # PostgreSQL would do so by itself, SQLite not.
                connection.execute(sa.delete(RunTagsTable).where(RunTagsTable.c.run_id.in_(run_ids)))
                connection.execute(sa.delete(RunsTable).where(RunsTable.c.run_id.in_(run_ids)))
        self._going.update(run_ids)
        self._pruned.runs += len(run_ids)

    def _write_down(self, run_ids: Sequence[str]) -> None:
        """What the table of executions lacks of runs, which after this nobody could find out any more."""
        lacking = unrecorded(self._engine, run_ids)
        if lacking:
            records = self._instance.get_run_records(dg.RunsFilter(run_ids=lacking))
            record_executions(self._engine, [self._reader.execution(record) for record in records])

    def _prune_events(self, run_ids: Sequence[str], newest_event: int, *, dry: bool) -> None:
        going = latest_events.can_go(run_ids, newest_event)
        with self._events.index_transaction() as connection:
            size = sa.func.pg_column_size if connection.dialect.name == "postgresql" else sa.func.length
            count, taken = connection.execute(
                sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(size(EVENTS.c.event)), 0)).where(going)
            ).one()
            everything = connection.scalar(
                sa.select(sa.func.count()).select_from(EVENTS).where(EVENTS.c.run_id.in_(run_ids))
            )
            if not dry:
                connection.execute(sa.delete(AssetEventTagsTable).where(latest_events.tags_of(going)))
                connection.execute(sa.delete(EVENTS).where(going))
        self._pruned.events += count
        self._pruned.kept_events += everything - count
        self._pruned.bytes += taken

    def _prune_superseded_events(self, newest_event: int, *, dry: bool) -> None:
        """What an earlier pruning kept as the latest of its kind, and is that no more."""
        last = 0
        while True:
            with self._events.index_connection() as connection:
                rows = connection.execute(latest_events.superseded(self._before, last, _LOOKED_AT_ONCE)).all()
            if not rows:
                return
            without_run = gone(self._runs, [row.run_id or "" for row in rows])
            ids = [row.id for row in rows if (row.run_id or "") in without_run and row.id < newest_event]
            self._pruned.events += len(ids)
            if not dry:
                for some in batched(ids, _ROWS_AT_ONCE):
                    with self._events.index_transaction() as connection:
                        tags = AssetEventTagsTable.c.event_id.in_(some)
                        connection.execute(sa.delete(AssetEventTagsTable).where(tags))
                        connection.execute(sa.delete(EVENTS).where(EVENTS.c.id.in_(some)))
            last = rows[-1].id

    def _prune_check_results(self, *, dry: bool) -> None:
        last = 0
        while True:
            with self._events.index_connection() as connection:
                rows = connection.execute(
                    latest_events.superseded_results(self._before, last, _LOOKED_AT_ONCE)
                ).all()
            if not rows:
                return
            # In a dry run the runs that would go are there still.
            without_run = gone(self._runs, [row.run_id or "" for row in rows]) | self._going
            ids = [row.id for row in rows if (row.run_id or "") in without_run]
            self._pruned.check_results += len(ids)
            if not dry:
                self._delete(self._events.index_transaction, AssetCheckExecutionsTable, ids)
            last = rows[-1].id

    def _prune_ticks(self, *, dry: bool) -> None:
        """All but each schedule's and sensor's last, from which Dagster knows what it has done."""
        ticks = JobTickTable.c
        newest = sa.select(sa.func.max(ticks.id)).group_by(ticks.job_origin_id, ticks.selector_id)
        query = sa.select(ticks.id).where(ticks.timestamp < self._before, ticks.id.not_in(newest))
        with self._ticks.connect() as connection:
            ids = list(connection.scalars(query))
        self._pruned.ticks += len(ids)
        if not dry:
            self._delete(self._ticks.connect, JobTickTable, ids)

    def _delete(self, connect: Callable[[], Any], table: sa.Table, ids: Sequence[int]) -> None:
        for some in batched(ids, _ROWS_AT_ONCE):
            with connect() as connection:
                connection.execute(sa.delete(table).where(table.c.id.in_(some)))
