"""What is watched: the jobs, schedules, sensors, checks and tables of the code location."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import dagster as dg

from market_assets.dagster_ext.run_events import TimeWindowFreshnessPolicy
from market_assets.defs.schedules import interval_of
from market_assets.tasks import Interval

#: The sensor that tells of failures does not tell of its own: `/health` does.
ALERTS_SENSOR = "alerts"


@dataclass(frozen=True)
class WatchedSchedule:
    name: str
    job: str
    crons: tuple[str, ...]
    timezone: str = "UTC"
    #: Whether it runs unless someone stops it.
    runs_by_default: bool = True
    #: Where not every tick is due to start a run.
    interval: Interval | None = None

    @property
    def cron(self) -> str:
        return ", ".join(self.crons)


@dataclass(frozen=True)
class WatchedTable:
    """An asset that must not grow old."""

    key: dg.AssetKey
    fail_window: timedelta


@dataclass(frozen=True)
class Watched:
    """All that is watched. A job without a schedule is watched for its failures alone."""

    jobs: frozenset[str] = frozenset()
    schedules: tuple[WatchedSchedule, ...] = ()
    sensors: tuple[str, ...] = ()
    checks: tuple[dg.AssetCheckKey, ...] = ()
    tables: tuple[WatchedTable, ...] = ()


def watched_in(repository: dg.RepositoryDefinition) -> Watched:
    """What a code location says of itself, in the process that has its code."""
    return Watched(
        jobs=frozenset(repository.job_names),
        schedules=tuple(watched_schedule(one) for one in repository.schedule_defs),
        sensors=tuple(one.name for one in repository.sensor_defs if one.name != ALERTS_SENSOR),
        checks=tuple(sorted(repository.asset_graph.asset_check_keys)),
        tables=tuple(tables_of(repository.asset_graph)),
    )


def watched_schedule(schedule: Any) -> WatchedSchedule:
    """A schedule as its definition, local or remote, says."""
    cron = schedule.cron_schedule
    return WatchedSchedule(
        schedule.name,
        schedule.job_name,
        (cron,) if isinstance(cron, str) else tuple(cron),
        schedule.execution_timezone or "UTC",
        schedule.default_status is dg.DefaultScheduleStatus.RUNNING,
        interval_of(schedule.tags),
    )


def tables_of(graph: Any) -> Iterable[WatchedTable]:
    """The assets of a graph, local or remote, that have a freshness policy."""
    for key in sorted(graph.materializable_asset_keys):
        policy = graph.get(key).freshness_policy
        if isinstance(policy, TimeWindowFreshnessPolicy):
            yield WatchedTable(key, policy.fail_window.to_timedelta())
