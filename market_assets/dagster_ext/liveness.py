"""Whether the process that executes a run is alive, however it was started.

The process keeps a file locked, in a folder of the instance, as long as it lives; a tag of the run names the
file. The kernel releases the lock when the process ends: there are no heartbeats and no time-outs, so that a
long run is not mistaken for a dead one. Every process that shares the folder can check the lock: those of the
same machine, and containers that mount the same volume.

Dagster's default launcher has no health check: without this, a run whose code server dies with it stays
"started" for ever. The check works through Dagster's public `Executor` and `ExecutorDefinition`;
`market_assets_tests/dagster_ext/test_liveness.py` and `market_assets_tests/faults/test_dead_processes.py` fail
if they change.
"""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import dagster as dg

#: The UI shows no tags that begin like this.
PROCESS_TAG = ".dagster/market_assets_process"
#: A run without a lock that has had no event for so long since it started died before its first step.
SILENT_SECONDS = 45.0
_OLD_SECONDS = 14 * 86_400

#: Called with the event of a step that failed.
_OnFailure = Callable[[dg.DagsterInstance, dg.DagsterRun, dg.DagsterEvent], None]

log = logging.getLogger(__name__)
_held: dict[str, IO[str]] = {}


@dataclass(frozen=True)
class _Process:
    """The process that executes a run, and the file that it keeps locked meanwhile."""

    pid: int
    host: str
    file: Path

    @property
    def tag(self) -> str:
        return f"{self.pid} on {self.host}: {self.file}"

    @staticmethod
    def of(run: dg.DagsterRun) -> _Process | None:
        """Parsed from the run's tag; None for a tag that was copied from the run that this one retries."""
        process, _, file = run.tags.get(PROCESS_TAG, "").partition(": ")
        pid, _, host = process.partition(" on ")
        if not pid.isdigit() or Path(file).name != run.run_id:
            return None
        return _Process(int(pid), host, Path(file))


def hold_lock(instance: dg.DagsterInstance, run_id: str) -> dict[str, str]:
    """Keep a run's file locked until this process ends.

    Returns:
        The tags by which other processes find the file; empty where the file can't be written.
    """
    if instance.is_ephemeral:
        return {}
    folder = Path(instance.root_directory).resolve() / "running"
    process = _Process(os.getpid(), socket.gethostname(), folder / run_id)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_finished(instance, folder)
        _held[run_id] = process.file.open("w")
        fcntl.flock(_held[run_id], fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        log.warning("if the process of run %s dies, nothing will notice it: %s", run_id, error)
        return {}
    return {PROCESS_TAG: process.tag}


def why_dead(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str | None:
    """Why a started run can't be going on; None where it is, or where that can't be seen from this process."""
    process = _Process.of(run)
    if process is None:
        return _why_silent(instance, run)
    if _is_locked(process.file) is not False:
        return None
    return f"the process {process.pid} on {process.host} that ran it is gone: killed, or its machine was stopped"


def with_liveness(
    executor: dg.ExecutorDefinition, command_tags: Mapping[str, str], on_command_failure: _OnFailure
) -> dg.ExecutorDefinition:
    """An executor whose process holds the lock of the run that it executes.

    Args:
        executor: how steps are executed.
        command_tags: tags that a run gets when one of Dagster's commands in a terminal started it.
        on_command_failure: called for each step of such a run that fails.
    """
    return dg.ExecutorDefinition(
        name=executor.name,
        config_schema=executor.config_schema,  # type: ignore[arg-type]
        requirements=executor.get_requirements,
        executor_creation_fn=lambda context: _LockingExecutor(
            _create(executor, context), command_tags, on_command_failure
        ),
        description=executor.description,
    )


class _LockingExecutor(dg.Executor):
    def __init__(
        self, executor: dg.Executor, command_tags: Mapping[str, str], on_command_failure: _OnFailure
    ) -> None:
        self._executor = executor
        self._command_tags = command_tags
        self._on_command_failure = on_command_failure

    @property
    def retries(self) -> Any:
        return self._executor.retries

    @property
    def step_dependency_config(self) -> Any:
        return self._executor.step_dependency_config

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[dg.DagsterEvent]:
        instance, run = plan_context.instance, plan_context.dagster_run
        of_command = run.remote_job_origin is None
        tags = {**hold_lock(instance, run.run_id), **(self._command_tags if of_command else {})}
        if tags:
            instance.add_run_tags(run.run_id, tags)
        for event in self._executor.execute(plan_context, execution_plan):
            if of_command and event.is_step_failure:
                self._on_command_failure(instance, run, event)
            yield event


def _create(executor: dg.ExecutorDefinition, context: dg.InitExecutorContext) -> dg.Executor:
    create = executor.executor_creation_fn
    assert create is not None
    return create(context)


def _why_silent(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str | None:
    """For a run without a lock: one that is executed by another executor soon has an event of its first step."""
    record = instance.get_run_record_by_id(run.run_id)
    if record is None or record.start_time is None or time.time() - record.start_time < SILENT_SECONDS:
        return None
    kinds = {dg.DagsterEventType.ENGINE_EVENT, dg.DagsterEventType.STEP_START}
    newest = instance.event_log_storage.get_logs_for_run(run.run_id, of_type=kinds, limit=1, ascending=False)
    if newest and newest[0].timestamp > record.start_time:
        return None
    return f"its process ended before the first step, or logged nothing for {SILENT_SECONDS:.0f} s"


def _is_locked(file: Path) -> bool | None:
    """Whether a process holds the file; None where this process can't open it."""
    try:
        with file.open() as opened:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except OSError:
        return None


def _remove_finished(instance: dg.DagsterInstance, folder: Path) -> None:
    """Remove the files of runs that have ended, and old ones of runs that were deleted."""
    for file in folder.iterdir():
        run = instance.get_run_by_id(file.name)
        if run.is_finished if run else _is_old(file):
            held = _held.pop(file.name, None)
            if held is not None:
                held.close()
            if not _is_locked(file):
                file.unlink(missing_ok=True)


def _is_old(file: Path) -> bool:
    try:
        return time.time() - file.stat().st_mtime > _OLD_SECONDS
    except FileNotFoundError:
        return False
