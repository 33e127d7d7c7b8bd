"""Dagster's own scheduler over the project's schedules, in simulated time."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.events import DagsterEvent, DagsterEventType
from dagster._core.instance_for_test import instance_for_test
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.scheduler.instigation import InstigatorTick, TickStatus
from dagster._core.test_utils import create_test_daemon_workspace_context, freeze_time
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._scheduler.scheduler import launch_scheduled_runs

from market_assets.operations.names import INGESTION, MAKES_UP_TAG, PARTITION_TAG
from market_assets.operations.scheduling import ACTIVE, schedule_states

#: The daemon iterates every minute; all that is due here is due at these hours, at some of them on Sundays only.
DUE_HOURS = [timedelta(hours=hours) for hours in (2, 2.5, 3, 4, 5, 14.5)]
STEP = timedelta(minutes=30)
#: The longest time between two iterations, where nothing is due.
LONGEST_PAUSE = timedelta(hours=4)
#: The file of the code location, in the folder of a simulated daemon.
LOCATION = "location.py"
_LOCATION = """
from market_assets.definitions import build_defs
from market_assets.settings import Settings
from market_assets.sources.sample.source import SampleSource
from market_assets_tests.pipelines import ListedSource

settings = Settings(DATABASE_URL={url!r}, MARKET_ASSETS_DATA_DIR={folder!r}, _env_file=None, **{more!r})
defs = build_defs(settings, [{sources}])
"""


@dataclass(frozen=True)
class Tick:
    """A tick: which job, when it was due, how it ended, why it was skipped, and the runs that it asked for."""

    job: str
    due: datetime
    status: TickStatus
    reason: str | None
    #: The partition of each run, and the due times that it makes up for.
    runs: tuple[tuple[str | None, str | None], ...]


def is_due_between(last: datetime, now: datetime) -> bool:
    """Whether something may have come due since the last iteration."""
    midnights = {time.replace(hour=0, minute=0) for time in (last, now)}
    return any(last < midnight + hours <= now for midnight in midnights for hours in DUE_HOURS)


@dataclass
class SimulatedDaemon:
    """A daemon whose clock is set by hand.

    Runs succeed at once, without being executed, unless `holds` is true for them or `runs` executes them.
    """

    context: WorkspaceProcessContext
    holds: Callable[[dg.DagsterRun, datetime], bool] = lambda _run, _now: False
    runs: Callable[[dg.DagsterRun], None] | None = None
    _iteration_times: dict[str, Any] = field(default_factory=dict)

    @property
    def instance(self) -> dg.DagsterInstance:
        return self.context.instance

    def run(self, start: datetime, end: datetime) -> None:
        """Be up from one time to another; each call is a new process of the daemon."""
        self._iteration_times = {}
        self.iterate(start)
        last = now = start
        while (now := now + STEP) <= end:
            if is_due_between(last, now) or now - last >= LONGEST_PAUSE:
                self.iterate(now)
                last = now

    def iterate(self, now: datetime) -> None:
        """Start what is due, and end what has been started."""
        with freeze_time(now):
            self._start_runs(now)
            self._end_runs(now)

    def ticks(self) -> list[Tick]:
        """Every tick so far, in the order in which they were due."""
        found = []
        for state in schedule_states(self.instance).values():
            for tick in self.instance.get_ticks(state.instigator_origin_id, state.selector_id):
                found.append(self._described(tick))
        return sorted(found, key=lambda tick: (tick.due, tick.job))

    def _start_runs(self, now: datetime) -> None:
        for problem in launch_scheduled_runs(
            self.context,
            logging.getLogger("simulated daemon"),
            end_datetime_utc=now,
            iteration_times=self._iteration_times,
            max_tick_retries=self.instance.scheduler.max_tick_retries,  # type: ignore[union-attr]
        ):
            del problem

    def _end_runs(self, now: datetime) -> None:
        for run in self.instance.get_runs(dg.RunsFilter(statuses=ACTIVE)):
            if self.holds(run, now):
                continue
            if self.runs is not None:
                self.runs(run)
                continue
            if run.job_name == INGESTION:
                partition = run.tags[PARTITION_TAG]
                self.instance.report_runless_asset_event(
                    dg.AssetMaterialization("job_postings", partition=partition)
                )
            event = DagsterEvent(DagsterEventType.RUN_SUCCESS.value, run.job_name)
            self.instance.report_dagster_event(event, run.run_id)

    def _described(self, tick: InstigatorTick) -> Tick:
        runs = [self.instance.get_run_by_id(run_id) for run_id in tick.run_ids]
        return Tick(
            job=tick.instigator_name.removesuffix("_schedule"),
            due=datetime.fromtimestamp(tick.timestamp, UTC),
            status=tick.status,
            reason=tick.skip_reason,
            runs=tuple((run.tags.get(PARTITION_TAG), run.tags.get(MAKES_UP_TAG)) for run in runs if run),
        )


@contextlib.contextmanager
def simulated_daemon(
    folder: Path, url: str, sources: str = "SampleSource()", **more: str
) -> Iterator[SimulatedDaemon]:
    """A daemon over this project's code location, with sources (Python expressions) and more settings."""
    location = folder / LOCATION
    location.write_text(_LOCATION.format(url=url, folder=str(folder), sources=sources, more=more))
    origin = InProcessCodeLocationOrigin(
        LoadableTargetOrigin(executable_path=sys.executable, python_file=str(location)),
        location_name="market_assets",
    )
    launcher = {"module": "dagster._core.test_utils", "class": "MockedRunLauncher"}
    scheduler = {
        "module": "dagster._core.scheduler",
        "class": "DagsterDaemonScheduler",
        "config": {"max_tick_retries": 60},
    }
    coordinator = {"module": "dagster._core.run_coordinator", "class": "DefaultRunCoordinator"}
    # One file for the events of all runs: a file for each takes more time than the ticks.
    events = {
        "module": "dagster._core.storage.event_log",
        "class": "ConsolidatedSqliteEventLogStorage",
        "config": {"base_dir": str(folder / "events")},
    }
    overrides = {
        "run_launcher": launcher,
        "scheduler": scheduler,
        "run_coordinator": coordinator,
        "event_log_storage": events,
    }
    with (
        instance_for_test(overrides, temp_dir=str(folder)) as instance,
        create_test_daemon_workspace_context(InProcessWorkspaceLoadTarget(origin), instance) as context,
    ):
        yield SimulatedDaemon(context)
