"""A small code location that is monitored: jobs that fail on demand, a schedule, a sensor, checked tables."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._utils.error import SerializableErrorInfo

from market_assets.defs.sensors import alerts_sensor
from market_assets.operations.alerts.delivery import Delivery, announce
from market_assets.operations.alerts.detection import detect
from market_assets.operations.alerts.incidents import DAEMON_LOG, IncidentLog, load_log, save_log
from market_assets.operations.monitored import Monitored, monitored_in
from market_assets.settings import Settings

REPOSITORY = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("market_assets"), "__repository__")
#: What the jobs and tables of `definitions` do: job or table → the error that it raises.
FAULTS: dict[str, str] = {}
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAILY = dg.DailyPartitionsDefinition("2026-01-01")


def definitions() -> dg.Definitions:
    """Jobs `hourly` and `nightly`, tables `stock` and `prices`, of which `stock` may grow old."""
    fresh = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=26))

    def job(name: str) -> dg.JobDefinition:
        @dg.op(name=f"{name}_task")
        def task() -> None:
            if name in FAULTS:
                raise ValueError(FAULTS[name])

        @dg.job(name=name)
        def made() -> None:
            task()

        return made

    @dg.asset(
        freshness_policy=fresh,
        check_specs=[dg.AssetCheckSpec("complete", asset="stock"), dg.AssetCheckSpec("neat", asset="stock")],
    )
    def stock() -> dg.MaterializeResult:
        if "stock" in FAULTS:
            raise ValueError(FAULTS["stock"])
        complete, neat = "complete" not in FAULTS, "neat" not in FAULTS
        return dg.MaterializeResult(
            check_results=[
                dg.AssetCheckResult(check_name="complete", passed=complete, metadata={"missing": 7}),
                dg.AssetCheckResult(check_name="neat", passed=neat, severity=dg.AssetCheckSeverity.WARN),
            ]
        )

    @dg.asset(deps=[stock], partitions_def=DAILY)
    def prices() -> None:
        if "prices" in FAULTS:
            raise ValueError(FAULTS["prices"])

    @dg.sensor(job_name="hourly")
    def inbox() -> dg.SkipReason:
        return dg.SkipReason("nothing")

    shop = dg.define_asset_job("shop", selection=["stock", "prices"], partitions_def=DAILY)
    jobs = [job("hourly"), job("nightly"), shop]
    schedules = [
        dg.ScheduleDefinition(
            name=f"{name}_schedule",
            job_name=name,
            cron_schedule=cron,
            default_status=dg.DefaultScheduleStatus.RUNNING,
        )
        for name, cron in (("hourly", "0 * * * *"), ("nightly", "0 2 * * *"))
    ]
    return dg.Definitions(
        assets=[stock, prices], jobs=jobs, schedules=schedules, sensors=[inbox], executor=dg.in_process_executor
    )


@dataclass
class MonitoredLocation:
    """An instance with the code location, whose incidents are evaluated on demand."""

    instance: dg.DagsterInstance
    repository: dg.RepositoryDefinition
    urls: tuple[str, ...] = ()
    #: How much later than now evaluations take place.
    later: timedelta = field(default_factory=timedelta)

    @property
    def monitored(self) -> Monitored:
        return monitored_in(self.repository)

    @property
    def now(self) -> datetime:
        return datetime.now(UTC) + self.later

    @property
    def log(self) -> IncidentLog:
        return load_log(self.instance, DAEMON_LOG)

    @property
    def open(self) -> list[str]:
        return [one.title for one in self.log.open]

    def evaluate(self, now: datetime | None = None) -> Delivery:
        """Detect and announce as the sensor does, at a time of the test's choice."""
        now = now or self.now
        findings, log = detect(self.instance, self.monitored, self.log, now)
        return announce(log, findings, self.urls, now, lambda log: save_log(self.instance, DAEMON_LOG, log))

    def tick(self, settings: Settings | None = None) -> str:
        """The reason of a tick of the sensor itself."""
        settings = settings or Settings(_env_file=None, MARKET_ASSETS_ALERT_URLS=" ".join(self.urls))
        context = dg.build_sensor_context(self.instance, repository_def=self.repository)
        reason = alerts_sensor(settings)(context)
        assert isinstance(reason, dg.SkipReason) and reason.skip_message
        return reason.skip_message

    def run(self, job: str, **more: Any) -> dg.ExecuteInProcessResult:
        return self.repository.get_job(job).execute_in_process(
            instance=self.instance, raise_on_error=False, **more
        )

    def set_schedule(self, name: str, started: datetime, status: str = "RUNNING") -> None:
        cron = next(one.cron_schedule for one in self.repository.schedule_defs if one.name == name)
        data = ScheduleInstigatorData(cron, started.timestamp())
        self._set(InstigatorState(_origin(name), InstigatorType.SCHEDULE, InstigatorStatus[status], data))

    def set_sensor(self, name: str) -> None:
        data = SensorInstigatorData(min_interval=30)
        self._set(InstigatorState(_origin(name), InstigatorType.SENSOR, InstigatorStatus.RUNNING, data))

    def _set(self, state: InstigatorState) -> None:
        known = self.instance.get_instigator_state(state.instigator_origin_id, state.selector_id)
        (self.instance.update_instigator_state if known else self.instance.add_instigator_state)(state)

    def add_tick(self, name: str, at: datetime, status: str = "SUCCESS", error: str | None = None) -> None:
        state = next(one for one in self.instance.all_instigator_state() if one.instigator_name == name)
        cause = SerializableErrorInfo(f"ValueError: {error}\n", [], "ValueError", None) if error else None
        self.instance.create_tick(
            TickData(
                state.instigator_origin_id,
                name,
                state.instigator_type,
                TickStatus[status],
                at.timestamp(),
                run_ids=[],
                selector_id=state.selector_id,
                error=SerializableErrorInfo("DagsterError: around it\n", [], "DagsterError", cause)
                if error
                else None,
            )
        )

    def add_run(self, job: str, status: str, tags: dict[str, str] | None = None, **more: Any) -> dg.DagsterRun:
        """A run as the daemon would have made it, that ends now."""
        run = dg.DagsterRun(
            job_name=job,
            status=dg.DagsterRunStatus.STARTED,
            tags=tags or {},
            remote_job_origin=RemoteJobOrigin(REPOSITORY, job),
            **more,
        )
        self.instance.add_run(run)
        if status == "FAILURE":
            self.instance.report_run_failed(run, message="the process was killed")
        elif status == "SUCCESS":
            from dagster._core.events import DagsterEvent, DagsterEventType

            event = DagsterEvent(DagsterEventType.RUN_SUCCESS.value, job)
            self.instance.report_dagster_event(event, run.run_id)
        return run


@cache
def _empty_history() -> Path:
    """The files of an instance in which nothing has happened: copying them is quicker than making them."""
    folder = Path(tempfile.mkdtemp(prefix="market_assets_history_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with dg.DagsterInstance.local_temp(str(folder)) as instance:
        instance.all_instigator_state()
    return folder


def _origin(name: str) -> RemoteInstigatorOrigin:
    return RemoteInstigatorOrigin(REPOSITORY, name)


@contextmanager
def monitored_location(folder: Path, **overrides: Any) -> Iterator[MonitoredLocation]:
    """The code location, in which nothing fails, with a new instance on disk."""
    FAULTS.clear()
    shutil.copytree(_empty_history(), folder)
    with dg.DagsterInstance.local_temp(str(folder), overrides=overrides or None) as instance:
        yield MonitoredLocation(instance, definitions().get_repository_def())
    FAULTS.clear()
