"""Less work for Dagster in the tests' own process.

Its SQLite storages make an engine for each statement, which then opens the file and compiles the statement anew,
and read all of Dagster's migrations whenever an instance is opened. Here engines and connections are kept as the
product keeps them, and migrations are read once. The tables for a run's events, in a file of the run's own, are
copied from a file that was made as ever. Its storages in memory open a connection for each statement and set it up
anew; here connections are set up once and kept. Nor do they keep what no test reads of a run: how its steps began
and ended, apart from failures, and what checks found, which are in its result.

Each step lists the partitions of what it depends on, thousands of days, to find that there are many; here they are
listed once a day. A step that is retried after a pause is retried at once. Runs that are forgotten with their
instance are kept without the snapshots of their job and plan, which take longer than a small step, and without the
versions of what each step read. The assets of the result tables, which depend on no setting, are made once.

What steps print goes to the same files as ever, but not to the terminal too, for which each run starts four
programs.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.definitions.partitions.definition.time_window import TimeWindowPartitionsDefinition
from dagster._core.events import DagsterEventType
from dagster._core.events.log import EventLogEntry
from dagster._core.execution import compute_logs
from dagster._core.execution.context.data_version_cache import DataVersionCache
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.instance.methods.event_methods import EventMethods
from dagster._core.instance.runs.run_domain import RunDomain
from dagster._core.storage.event_log import in_memory as events_in_memory
from dagster._core.storage.event_log.sqlite import consolidated_sqlite_event_log, sqlite_event_log
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.runs import in_memory as runs_in_memory
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage

from market_assets.dagster_ext.sqlite_storage import KeptEventLogStorage, _engines

_STORAGES = (sqlite_run_storage, sqlite_event_log, consolidated_sqlite_event_log, sqlite_schedule_storage)

#: Events that an instance in memory does not keep.
_UNREAD = {
    DagsterEventType.STEP_START,
    DagsterEventType.STEP_INPUT,
    DagsterEventType.STEP_OUTPUT,
    DagsterEventType.STEP_SUCCESS,
    DagsterEventType.LOADED_INPUT,
    DagsterEventType.HANDLED_OUTPUT,
    DagsterEventType.RESOURCE_INIT_STARTED,
    DagsterEventType.RESOURCE_INIT_SUCCESS,
    DagsterEventType.LOGS_CAPTURED,
    DagsterEventType.ASSET_CHECK_EVALUATION,
}


def _kept_engine(url: str, **_options: Any) -> sa.Engine:
    return _engines.of(url)


def _engine_in_memory(url: str, poolclass: type[sa.Pool]) -> sa.Engine:  # noqa: ARG001
    engine = sa.create_engine(url, poolclass=sa.QueuePool, connect_args={"check_same_thread": False})
    sa.event.listen(engine, "connect", _set_up)
    return engine


def _set_up(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON")


@contextmanager
def _events_connection(storage: events_in_memory.InMemoryEventLogStorage) -> Iterator[sa.Connection]:
    with storage._db_lock, storage._engine.begin() as connection:
        yield connection


@contextmanager
def _runs_connection(storage: runs_in_memory.InMemoryRunStorage) -> Iterator[sa.Connection]:
    with storage._engine.begin() as connection:
        yield connection


@contextmanager
def dagster_shortcuts() -> Iterator[None]:
    """Save this work until the end of the block."""
    # Imported, it reads the settings, which are to be the tests' own by then.
    from market_assets import definitions

    read_migrations = ScriptDirectory.from_config
    known: dict[str | None, ScriptDirectory] = {}

    def migrations(config: Config) -> ScriptDirectory:
        folder = config.get_main_option("script_location")
        if folder not in known:
            known[folder] = read_migrations(config)
        return known[folder]

    list_partitions = TimeWindowPartitionsDefinition.get_partition_keys
    listed: dict[tuple[TimeWindowPartitionsDefinition, dg.TimeWindow | None], Sequence[str]] = {}

    def partitions(
        definition: TimeWindowPartitionsDefinition,
        current_time: datetime | None = None,
        dynamic_partitions_store: Any = None,
    ) -> Sequence[str]:
        with partition_loading_context(current_time, dynamic_partitions_store):
            key = definition, definition.get_last_partition_window()
            if key not in listed:
                listed[key] = list_partitions(definition)
            return list(listed[key])

    sleep = ActiveExecution.sleep_til_ready

    def retry_at_once(execution: ActiveExecution) -> None:
        if execution._waiting_to_retry:
            execution._waiting_to_retry = dict.fromkeys(execution._waiting_to_retry, 0.0)
        else:
            sleep(execution)

    create_run_for_job = RunDomain.create_run_for_job

    def run_without_snapshots(
        domain: RunDomain,
        job_def: dg.JobDefinition,
        execution_plan: ExecutionPlan | None = None,
        run_id: str | None = None,
        run_config: Mapping[str, object] | None = None,
        tags: Mapping[str, str] | None = None,
        asset_selection: Set[dg.AssetKey] | None = None,
        **more: Any,
    ) -> dg.DagsterRun:
        if execution_plan is None or any(more.values()) or not domain._instance.is_ephemeral:
            given = {"run_config": run_config, "tags": tags, "asset_selection": asset_selection, **more}
            return create_run_for_job(domain, job_def, execution_plan, run_id, **given)
        return domain.create_run(
            job_name=job_def.name,
            run_id=run_id,
            run_config=run_config,
            status=None,
            tags=tags,
            root_run_id=None,
            parent_run_id=None,
            step_keys_to_execute=execution_plan.step_keys_to_execute,
            execution_plan_snapshot=None,
            job_snapshot=None,
            parent_job_snapshot=None,
            asset_selection=asset_selection,
            asset_check_selection=None,
            resolved_op_selection=None,
            op_selection=None,
            remote_job_origin=None,
            job_code_origin=None,
            asset_graph=job_def.asset_layer.asset_graph,
        )

    fetch_versions = DataVersionCache._fetch_input_asset_version_info

    def versions(cache: DataVersionCache, keys: Sequence[dg.AssetKey]) -> None:
        if cache._context.instance.is_ephemeral:
            cache.input_asset_version_info.update(dict.fromkeys(keys))
        else:
            fetch_versions(cache, keys)

    def without_terminal(_path: str, _stream: Any) -> nullcontext[tuple[None, None]]:
        return nullcontext((None, None))

    should_store = EventMethods.should_store_event

    def is_read(instance: EventMethods, event: EventLogEntry) -> bool:
        unread = instance._instance.is_ephemeral and event.dagster_event_type in _UNREAD
        return not unread and should_store(instance, event)

    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        make_tables, empty = SqliteEventLogStorage._initdb, Path(folder) / "empty.db"

        one_at_a_time = Lock()

        def copy_tables(storage: SqliteEventLogStorage, engine: sa.Engine, for_index_shard: bool = False) -> None:
            path = Path(str(engine.url.database))
            if for_index_shard or path.exists():
                make_tables(storage, engine, for_index_shard)
                return
            copied = path.with_name(f"{path.name}.{uuid4().hex}")
            with one_at_a_time:
                if not empty.exists():
                    make_tables(storage, sa.create_engine(f"sqlite:///{empty}", poolclass=sa.NullPool))
                shutil.copy(empty, copied)
            # Another process may have made the file meanwhile.
            with suppress(FileExistsError):
                os.link(copied, path)
            copied.unlink()

        patch.setattr(SqliteEventLogStorage, "_initdb", copy_tables)
        for storage in _STORAGES:
            patch.setattr(storage, "create_engine", _kept_engine)
        patch.setattr(SqliteEventLogStorage, "_connect", KeptEventLogStorage._connect)
        for in_memory in (events_in_memory, runs_in_memory):
            patch.setattr(in_memory, "create_engine", _engine_in_memory)
        patch.setattr(events_in_memory.InMemoryEventLogStorage, "_connect", _events_connection)
        patch.setattr(runs_in_memory.InMemoryRunStorage, "connect", _runs_connection)
        patch.setattr(EventMethods, "should_store_event", is_read)
        patch.setattr(ScriptDirectory, "from_config", migrations)
        patch.setattr(TimeWindowPartitionsDefinition, "get_partition_keys", partitions)
        patch.setattr(ActiveExecution, "sleep_til_ready", retry_at_once)
        patch.setattr(compute_logs, "tail_to_stream", without_terminal)
        patch.setattr(RunDomain, "create_run_for_job", run_without_snapshots)
        patch.setattr(DataVersionCache, "_fetch_input_asset_version_info", versions)
        patch.setattr(definitions, "result_assets", lru_cache(definitions.result_assets))
        yield
