"""Whether the process that executes a run still lives, however it was started.

The process keeps a file locked, in a folder of Dagster's own, for as long as it lives; a tag of the run names it.
The kernel lets go of the lock when the process is gone: nothing has to beat, no time-out decides, and a long run
is not mistaken for a dead one. Whoever shares the folder can look: the other processes of the machine, and
containers that mount the same volume, whatever they are called after a restart.
"""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import dagster as dg
from dagster._core.executor.base import Executor

from market_assets.defs.retries import NO_RUN_RETRY_TAGS

if TYPE_CHECKING:
    from dagster._core.execution.context.system import PlanOrchestrationContext
    from dagster._core.execution.plan.plan import ExecutionPlan
    from dagster._core.execution.retries import RetryMode
    from dagster._core.execution.step_dependency_config import StepDependencyConfig

PROCESS_TAG = "market_assets/process"
#: A run that has begun and said nothing for so long died between its start and its first step.
SILENT_SECONDS = 45.0
_OLD_SECONDS = 14 * 86_400

log = logging.getLogger(__name__)
_held: dict[str, IO[str]] = {}


@dataclass(frozen=True)
class _Process:
    """Who executes a run, and the file that it keeps locked meanwhile."""

    pid: int
    host: str
    file: Path

    @property
    def tag(self) -> str:
        return f"{self.pid} on {self.host}: {self.file}"

    @staticmethod
    def of(run: dg.DagsterRun) -> _Process | None:
        """As the run's tag says; None for a tag that was copied from the run that this one repeats."""
        who, _, file = run.tags.get(PROCESS_TAG, "").partition(": ")
        pid, _, host = who.partition(" on ")
        if not pid.isdigit() or Path(file).name != run.run_id:
            return None
        return _Process(int(pid), host, Path(file))


def show_life(instance: dg.DagsterInstance, run_id: str) -> dict[str, str]:
    """Show from now on, until this process ends, that it executes a run.

    Returns:
        The tags that the run needs for others to see it; none where there is no place to show it.
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
        log.warning("nobody will see it if the process of run %s dies: %s", run_id, error)
        return {}
    return {PROCESS_TAG: process.tag}


def why_gone(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str | None:
    """Why a run that has begun can't be going on; None where it is, or where that can't be seen from here."""
    process = _Process.of(run)
    if process is None:
        return _why_silent(instance, run)
    if _is_locked(process.file) is not False:
        return None
    return f"the process {process.pid} on {process.host} that ran it is gone: killed, or its machine was stopped"


def watched(executor: dg.ExecutorDefinition) -> dg.ExecutorDefinition:
    """An executor whose process shows, while it executes a run, that it lives."""
    return dg.ExecutorDefinition(
        name=executor.name,
        config_schema=executor.config_schema,  # type: ignore[arg-type]
        requirements=executor.get_requirements,
        executor_creation_fn=lambda context: _WatchedExecutor(_create(executor, context)),
        description=executor.description,
    )


class _WatchedExecutor(Executor):
    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    @property
    def retries(self) -> RetryMode:
        return self._executor.retries

    @property
    def step_dependency_config(self) -> StepDependencyConfig:
        return self._executor.step_dependency_config

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        run = plan_context.dagster_run
        tags = show_life(plan_context.instance, run.run_id)
        if run.remote_job_origin is None:
            # Whoever started it from a terminal sees its end there: nothing begins again behind their back.
            tags = {**tags, **NO_RUN_RETRY_TAGS}
        if tags:
            plan_context.instance.add_run_tags(run.run_id, tags)
        return self._executor.execute(plan_context, execution_plan)


def _create(executor: dg.ExecutorDefinition, context: dg.InitExecutorContext) -> Executor:
    create = executor.executor_creation_fn
    assert create is not None
    return create(context)


def _why_silent(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str | None:
    """For a run that does not say who executes it; one that is executed without `watched` goes on to a step."""
    record = instance.get_run_record_by_id(run.run_id)
    if record is None or record.start_time is None or time.time() - record.start_time < SILENT_SECONDS:
        return None
    signs = {dg.DagsterEventType.ENGINE_EVENT, dg.DagsterEventType.STEP_START}
    newest = instance.event_log_storage.get_logs_for_run(run.run_id, of_type=signs, limit=1, ascending=False)
    if newest and newest[0].timestamp > record.start_time:
        return None
    return f"its process ended before the first step, or has said nothing for {SILENT_SECONDS:.0f} s"


def _is_locked(file: Path) -> bool | None:
    """Whether a process holds the file; None where there is no such file, or none that this process can see."""
    try:
        with file.open() as opened:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except OSError:
        return None


def _remove_finished(instance: dg.DagsterInstance, folder: Path) -> None:
    """Remove the files of runs that have ended, and of those that Dagster has long forgotten."""
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
