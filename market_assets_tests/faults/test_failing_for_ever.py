"""Days on which a source and a task fail every time: everything else goes on, and each is told of once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.execution.api import execute_run
from dagster._core.scheduler.instigation import TickStatus
from dagster._core.test_utils import freeze_time

from market_assets.defs.sensors import alerts_sensor
from market_assets.operations.alerts.incidents import IncidentLog, log_to_json
from market_assets.operations.names import CLEANUP, INGESTION, PRUNE, REBUILD, REFRESH
from market_assets.settings import Settings
from market_assets_tests.faults.clocks import clock_that_says
from market_assets_tests.faults.soundness import assert_sound
from market_assets_tests.operations.alerts.receivers import Receiver, receiver
from market_assets_tests.operations.simulated_days import LOCATION, SimulatedDaemon, simulated_daemon
from market_assets_tests.pipelines import read_rows

#: To Sunday, on which the weekly jobs are due.
DAYS = [datetime(2026, 3, 28, tzinfo=UTC) + timedelta(days=number) for number in range(2)]
DUE = [timedelta(hours=hours) for hours in (2, 2.5, 3, 4, 5, 6, 6.5, 14.5)]
SOURCES = "SampleSource(postings_per_day=10, seed=5), ListedSource('broken', failure='the board is gone')"
TASKS = """
@scheduled_job("hopeless", cron="0 6 * * *")
def hopeless() -> None:
    raise ValueError("there is no such well")

@scheduled_job("busy", cron="30 6 * * *")
def busy() -> str:
    return "done"
"""


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as received:
        yield received


@dataclass
class WorkingDaemon:
    """A daemon that really runs what is due, and tells of what fails, in a time that everything believes."""

    simulated: SimulatedDaemon
    location: ReconstructableRepository
    alerts: dg.SensorDefinition
    now: datetime

    def iterate(self, now: datetime) -> None:
        self.now = now
        self.simulated.runs = self._run
        self.simulated.iterate(now)
        self.now += timedelta(minutes=5)
        with freeze_time(self.now):
            self.alerts(dg.build_sensor_context(self.simulated.instance, repository_def=self._repository))

    def _run(self, run: dg.DagsterRun) -> None:
        execute_run(self.location.get_reconstructable_job(run.job_name), run, self.simulated.instance)

    @property
    def _repository(self) -> dg.RepositoryDefinition:
        return self.location.get_definition()


@contextmanager
def working_daemon(folder: Path, url: str, alerts_to: str) -> Iterator[WorkingDaemon]:
    tasks = folder / "custom"
    tasks.mkdir()
    (tasks / "mine.py").write_text(TASKS)
    # Pydantic takes no other datetime than its own: what it makes of the log is made before the clock is another.
    log_to_json(IncidentLog())
    alerts = alerts_sensor(Settings(MARKET_ASSETS_ALERT_URLS=alerts_to, _env_file=None))
    with simulated_daemon(folder, url, SOURCES, MARKET_ASSETS_CUSTOM_DIR=str(tasks)) as simulated:
        location = ReconstructableRepository.for_file(str(folder / LOCATION), "defs")
        daemon = WorkingDaemon(simulated, location, alerts, DAYS[0])
        with clock_that_says(lambda: daemon.now):
            yield daemon


@pytest.mark.thorough
@pytest.mark.slow
def test_a_source_and_a_task_that_fail_for_ever(empty_database_url: str, tmp_path: Path, server: Receiver) -> None:
    with working_daemon(tmp_path, empty_database_url, server.url) as daemon:
        for day in DAYS:
            for time in DUE:
                daemon.iterate(day + time)
        instance, ticks = daemon.simulated.instance, daemon.simulated.ticks()
        runs = Counter((run.job_name, run.status.value) for run in instance.get_runs())
        materialized = instance.get_materialized_partitions(dg.AssetKey("posting_skills"))
    assert sorted(server.titles) == ["hopeless failed", "the source broken failed"]
    assert {tick.status for tick in ticks} == {TickStatus.SUCCESS}
    assert runs == {
        (INGESTION, "SUCCESS"): len(DAYS),
        (REFRESH, "SUCCESS"): 2 * len(DAYS),
        (CLEANUP, "SUCCESS"): 1,
        (REBUILD, "SUCCESS"): 1,
        (PRUNE, "SUCCESS"): len(DAYS),
        ("busy", "SUCCESS"): len(DAYS),
        ("hopeless", "FAILURE"): len(DAYS),
    }
    assert materialized == {day.date().isoformat() for day in DAYS}
    assert_sound(empty_database_url)
    rows = read_rows(empty_database_url, "job_postings")
    assert {row["partition_date"] for row in rows} == {day.date() for day in DAYS}
