"""What `dagster.yaml` names: where Dagster keeps its history, how many runs there are at once, and where.

`dagster.yaml` can't choose by itself: it takes single values from the environment, but not the kind of storage,
and a variable that is not set is an error there. A run stays with the launcher that started it, which ends and
checks it: Dagster's run monitoring calls `check_run_worker_health` and marks dead runs as failed.
Dagster has no public base class for launchers; `market_assets_tests/dagster_ext/test_instance.py` and
`test_liveness.py` fail if its interface or the queue's configuration changes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import dagster as dg
from dagster import DagsterInstance, StringSource
from dagster._core.launcher import CheckRunHealthResult, RunLauncher, WorkerStatus
from dagster._core.storage.base_storage import DagsterStorage
from dagster._serdes import ConfigurableClass, ConfigurableClassData
from sqlalchemy.engine import make_url

from market_assets.checked_settings import get_settings
from market_assets.dagster_ext.liveness import why_dead
from market_assets.dagster_ext.records import CELERY_TASK_TAG

if TYPE_CHECKING:
    from collections.abc import Mapping

    from market_assets.dagster_ext.celery_launcher import CeleryLauncher


class InstanceStorage(DagsterStorage, ConfigurableClass):
    """Named in `dagster.yaml`; Dagster gets the storage that `from_config_value` returns."""

    @classmethod
    def config_type(cls) -> Any:
        return {"base_dir": StringSource}

    @classmethod
    def from_config_value(  # type: ignore[override]
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, str]
    ) -> DagsterStorage:
        """The storage that the settings choose.

        Args:
            inst_data: the entry in `dagster.yaml`, by which other processes open the same storage.
            config_value: `base_dir`, the folder of the SQLite files.
        """
        if url := get_settings().dagster_postgres_url:
            from market_assets.dagster_ext.postgresql_storage import PooledPostgresStorage

            return PooledPostgresStorage(psycopg2_url(url), inst_data=inst_data)
        from market_assets.dagster_ext.sqlite_storage import KeptSqliteStorage

        return KeptSqliteStorage.from_local(config_value["base_dir"], inst_data=inst_data)


def psycopg2_url(url: str) -> str:
    """A PostgreSQL URL with the driver that dagster-postgres requires in place of any other."""
    named = make_url(url.replace("postgres://", "postgresql://", 1))
    return named.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)


def sqlite_folder(instance: DagsterInstance) -> Path | None:
    """The folder of Dagster's SQLite files; None where the history is in another database."""
    from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

    storage = instance.event_log_storage
    if not isinstance(storage, SqliteEventLogStorage):
        return None
    # <folder>/history/runs/<run>.db
    return Path(storage.path_for_shard("index")).parents[2]


class RunQueue(dg.QueuedRunCoordinator):
    """Dagster's queue, with MARKET_ASSETS_WORKERS runs at once.

    `dagster.yaml` can take that number from the environment only if the variable is always set.
    """

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Mapping[str, Any]) -> Self:
        limit = get_settings().workers
        return super().from_config_value(inst_data, {**config_value, "max_concurrent_runs": limit})


class LocalLauncher(dg.DefaultRunLauncher):
    """Dagster's launcher of runs beside the code server, with a health check; also for runs of commands here."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        reason = why_dead(self._instance, run)
        return CheckRunHealthResult(WorkerStatus.FAILED if reason else WorkerStatus.RUNNING, reason)


class CeleryOrLocalLauncher(RunLauncher, ConfigurableClass):
    """Sends each run to a Celery worker, or starts it beside the code server where no worker answers."""

    def __init__(self, broker_url: str | None, inst_data: ConfigurableClassData | None = None) -> None:
        self._inst_data = inst_data
        self._broker_url = broker_url
        self._local = LocalLauncher()
        self._celery: CeleryLauncher | None = None
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

    def register_instance(self, instance: dg.DagsterInstance) -> None:
        super().register_instance(instance)
        self._local.register_instance(instance)

    def launch_run(self, context: Any) -> None:
        run = context.dagster_run
        if self._broker_url is not None:
            if self._on_celery().has_worker():
                self._on_celery().launch_run(context)
                return
            self._instance.report_engine_event(
                "No Celery worker listens at MARKET_ASSETS_BROKER_URL: the run starts beside the code server.",
                run,
                cls=type(self),
            )
        if CELERY_TASK_TAG in run.tags:
            # Copied from the run that this one retries.
            self._instance.add_run_tags(run.run_id, {CELERY_TASK_TAG: ""})
        self._local.launch_run(context)

    def terminate(self, run_id: str) -> bool:
        run = self._instance.get_run_by_id(run_id)
        return run is not None and self.launcher_of(run).terminate(run_id)

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        return self.launcher_of(run).check_run_worker_health(run)

    def dispose(self) -> None:
        self._local.dispose()

    def join(self, timeout: int = 30) -> None:
        self._local.join(timeout)  # type: ignore[no-untyped-call]

    def launcher_of(self, run: dg.DagsterRun) -> RunLauncher:
        """The launcher that started a run: runs on Celery have the id of their task in a tag."""
        on_celery = self._broker_url is not None and run.tags.get(CELERY_TASK_TAG)
        return self._on_celery() if on_celery else self._local

    def _on_celery(self) -> CeleryLauncher:
        """Made on first use: most processes start no runs, and Celery takes memory."""
        if self._celery is None:
            from market_assets.dagster_ext.celery_launcher import CeleryLauncher

            assert self._broker_url is not None
            self._celery = CeleryLauncher(self._broker_url)
            self._celery.register_instance(self._instance)
        return self._celery
