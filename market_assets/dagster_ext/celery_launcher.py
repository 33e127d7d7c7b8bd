"""Runs on Celery workers: dagster-celery's launcher, which here also notices workers that are gone.

Left to itself it believes what Redis remembers, and a worker that was killed is remembered as running for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster_celery.defaults import task_default_queue
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG
from kombu.exceptions import OperationalError

if TYPE_CHECKING:
    from dagster import DagsterRun

#: What the workers and whoever sends them runs agree on, beside dagster-celery's own defaults.
CONFIGURATION = {
    # A worker takes a run only when it can start it: beside a long one, a second would wait while others are idle.
    "worker_disable_prefetch": True,
    # What steps print is captured by Dagster, and told by it.
    "worker_redirect_stdouts": False,
    # What a run leaves in memory goes with the process.
    "worker_max_tasks_per_child": 50,
    # How a run's worker ended is remembered for longer than any run takes; in seconds.
    "result_expires": 7 * 86_400,
    # A worker that is started before Redis waits for it.
    "broker_connection_retry_on_startup": True,
}
#: How long a living worker may take to answer; it does so beside the run that it executes.
_ANSWER_SECONDS = 5.0
_ATTEMPTS = 3


class CeleryRuns(CeleryRunLauncher):
    """Executes each run as a task of the workers that listen on a Redis server."""

    def __init__(self, broker_url: str) -> None:
        super().__init__(
            task_default_queue, broker=broker_url, backend=broker_url, config_source=dict(CONFIGURATION)
        )

    def is_anyone_listening(self) -> bool:
        """Whether a worker answers; without Redis none does."""
        with self._fresh_connection() as connection:
            try:
                asked = self.celery.control.inspect(limit=1, timeout=_ANSWER_SECONDS, connection=connection)
                return bool(asked.ping())
            except (OperationalError, *connection.connection_errors, *connection.channel_errors):
                return False

    def terminate(self, run_id: str) -> bool:
        """Ask the worker to interrupt a run, as Dagster itself interrupts one: it ends as canceled."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        task_id = run.tags[DAGSTER_CELERY_TASK_ID_TAG]
        with self._fresh_connection() as connection:
            self.celery.control.revoke(task_id, terminate=True, signal="SIGINT", connection=connection)
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether a worker has the run: what Redis remembers of it, and what the worker says that has it."""
        task_id = run.tags[DAGSTER_CELERY_TASK_ID_TAG]
        for _attempt in range(_ATTEMPTS):
            result = self.celery.AsyncResult(task_id)
            if result.state == "SUCCESS":
                return CheckRunHealthResult(WorkerStatus.SUCCESS)
            if result.state in ("FAILURE", "REVOKED"):
                return CheckRunHealthResult(WorkerStatus.FAILED, f"the worker's process ended: {result.result}")
            if self._is_held(task_id, result):
                return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, "no Celery worker has this run any more")

    def _is_held(self, task_id: str, result: Any) -> bool:
        """Whether the worker that started a task, or any where that is not known, still has it."""
        worker = result.info.get("hostname") if isinstance(result.info, dict) else None
        with self._fresh_connection() as connection:
            asked = self.celery.control.inspect(
                destination=[worker] if worker else None, timeout=_ANSWER_SECONDS, connection=connection
            )
            answers = asked.query_task(task_id) or {}
        return any(task_id in tasks for tasks in answers.values())

    def _fresh_connection(self) -> Any:
        """One of its own: those that Celery keeps are of no use when Redis was restarted meanwhile."""
        return self.celery.connection_for_write()
