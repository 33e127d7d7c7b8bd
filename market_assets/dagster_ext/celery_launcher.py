"""Runs as tasks of Celery workers, with a health check that notices when a worker is gone.

dagster-celery's own launcher only reads the state that Redis has stored, where a run whose worker was killed is
"started" for ever. `market_assets_tests/deployment/test_backfills.py` kills workers, and fails if a new version of
dagster-celery names tasks, queues or tags in another way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster_celery.defaults import task_default_queue
from dagster_celery.launcher import CeleryRunLauncher
from kombu.exceptions import OperationalError

from market_assets.dagster_ext.records import CELERY_TASK_TAG

if TYPE_CHECKING:
    from dagster import DagsterRun

#: Settings that workers and the processes that send them runs must share, beside dagster-celery's defaults.
CONFIGURATION = {
    # A worker takes a run only when it can start it: otherwise one may wait behind a long one while others are
    # idle.
    "worker_disable_prefetch": True,
    # Dagster captures what steps print.
    "worker_redirect_stdouts": False,
    # Memory that a run leaks is freed with the process.
    "worker_max_tasks_per_child": 50,
    # Seconds for which a task's end is stored: longer than any run takes.
    "result_expires": 7 * 86_400,
    # A worker that is started before Redis waits for it.
    "broker_connection_retry_on_startup": True,
}
#: Seconds in which a live worker answers, also while it executes a run.
_ANSWER_SECONDS = 5.0
_ATTEMPTS = 3


class CeleryLauncher(CeleryRunLauncher):
    """Executes each run as a task of the workers that listen on a Redis server."""

    def __init__(self, broker_url: str) -> None:
        super().__init__(
            task_default_queue, broker=broker_url, backend=broker_url, config_source=dict(CONFIGURATION)
        )

    def has_worker(self) -> bool:
        """Whether a worker answers; False without Redis."""
        with self._new_connection() as connection:
            try:
                inspection = self.celery.control.inspect(limit=1, timeout=_ANSWER_SECONDS, connection=connection)
                return bool(inspection.ping())
            except (OperationalError, *connection.connection_errors, *connection.channel_errors):
                return False

    def terminate(self, run_id: str) -> bool:
        """Have the worker interrupt a run, as Dagster interrupts its own: it ends as canceled."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        task_id = run.tags[CELERY_TASK_TAG]
        with self._new_connection() as connection:
            self.celery.control.revoke(task_id, terminate=True, signal="SIGINT", connection=connection)
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether a worker has the run, by the state stored in Redis and by the worker's own answer."""
        task_id = run.tags[CELERY_TASK_TAG]
        for _attempt in range(_ATTEMPTS):
            result = self.celery.AsyncResult(task_id)
            if result.state == "SUCCESS":
                return CheckRunHealthResult(WorkerStatus.SUCCESS)
            if result.state in ("FAILURE", "REVOKED"):
                return CheckRunHealthResult(WorkerStatus.FAILED, f"the worker's process ended: {result.result}")
            if self._has_task(task_id, result):
                return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, "no Celery worker has this run any more")

    def _has_task(self, task_id: str, result: Any) -> bool:
        """Whether the worker that started a task has it; any worker, where that one is not known."""
        worker = result.info.get("hostname") if isinstance(result.info, dict) else None
        with self._new_connection() as connection:
            inspection = self.celery.control.inspect(
                destination=[worker] if worker else None, timeout=_ANSWER_SECONDS, connection=connection
            )
            answers = inspection.query_task(task_id) or {}
        return any(task_id in tasks for tasks in answers.values())

    def _new_connection(self) -> Any:
        """A new connection: pooled ones are broken when Redis was restarted meanwhile."""
        return self.celery.connection_for_write()
