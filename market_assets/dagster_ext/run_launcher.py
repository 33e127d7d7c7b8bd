"""Where runs are executed: on Celery workers where one listens, else beside the code server.

A run belongs to the worker that it was sent to: ending it and asking after its health go the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from dagster._core.launcher import CheckRunHealthResult, RunLauncher
from dagster._serdes import ConfigurableClass, ConfigurableClassData

from market_assets.checked_settings import get_settings
from market_assets.dagster_ext.local_launcher import WatchfulRunLauncher

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dagster import DagsterInstance, DagsterRun
    from dagster._core.launcher import LaunchRunContext

    from market_assets.dagster_ext.celery_launcher import CeleryRuns

#: dagster-celery's, which need not be installed.
_CELERY_TASK_TAG = "dagster-celery/task_id"


class RunWorkers(RunLauncher, ConfigurableClass):
    """Sends each run to the workers that there are."""

    def __init__(self, broker_url: str | None, inst_data: ConfigurableClassData | None = None) -> None:
        self._inst_data = inst_data
        self._broker_url = broker_url
        self._beside_code_server = WatchfulRunLauncher()
        self._celery_runs: CeleryRuns | None = None
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        return self._inst_data

    @classmethod
    def config_type(cls) -> Any:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        return cls(get_settings().broker_url, inst_data, **config_value)

    def register_instance(self, instance: DagsterInstance) -> None:
        super().register_instance(instance)
        self._beside_code_server.register_instance(instance)

    def launch_run(self, context: LaunchRunContext) -> None:
        if self._broker_url is not None:
            if self._celery().is_anyone_listening():
                self._celery().launch_run(context)
                return
            self._instance.report_engine_event(
                "No Celery worker listens at MARKET_ASSETS_BROKER_URL: the run starts beside the code server.",
                context.dagster_run,
                cls=type(self),
            )
        if _CELERY_TASK_TAG in context.dagster_run.tags:
            # Copied from the run that this one repeats.
            self._instance.add_run_tags(context.dagster_run.run_id, {_CELERY_TASK_TAG: ""})
        self._beside_code_server.launch_run(context)

    def terminate(self, run_id: str) -> bool:
        run = self._instance.get_run_by_id(run_id)
        return run is not None and self._launcher_of(run).terminate(run_id)

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        return self._launcher_of(run).check_run_worker_health(run)

    def dispose(self) -> None:
        self._beside_code_server.dispose()

    def join(self, timeout: int = 30) -> None:
        self._beside_code_server.join(timeout)  # type: ignore[no-untyped-call]

    def _launcher_of(self, run: DagsterRun) -> RunLauncher:
        """The launcher that a run was started by: runs on Celery carry their task's id."""
        on_celery = self._broker_url is not None and run.tags.get(_CELERY_TASK_TAG)
        return self._celery() if on_celery else self._beside_code_server

    def _celery(self) -> CeleryRuns:
        """Made on first use: most processes start no runs, and Celery takes memory."""
        if self._celery_runs is None:
            from market_assets.dagster_ext.celery_launcher import CeleryRuns

            assert self._broker_url is not None
            self._celery_runs = CeleryRuns(self._broker_url)
            self._celery_runs.register_instance(self._instance)
        return self._celery_runs
