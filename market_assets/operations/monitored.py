"""The definitions of a code location that are monitored: jobs, schedules, sensors, checks and tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import dagster as dg

from market_assets.dagster_ext.records import TimeWindowFreshnessPolicy, schedule_execution_time_iterator
from market_assets.operations.names import ALERTS_SENSOR, FETCHED_CHECK, INTERVAL_TAG
from market_assets.tasks import Interval


@dataclass(frozen=True)
class MonitoredSchedule:
    """A schedule, and when it ticks and is due."""

    name: str
    job: str
    crons: tuple[str, ...]
    timezone: str = "UTC"
    #: Whether it runs unless someone stops it.
    runs_by_default: bool = True
    #: Set where not every tick is due to start a run.
    interval: Interval | None = None

    @property
    def cron(self) -> str:
        """Its cron expressions; its interval in words where no single expression is exactly that."""
        if self.interval is not None and (len(self.crons) > 1 or not self.interval.is_exact):
            return self.interval.in_words
        return ", ".join(self.crons)

    def due_until(self, time: datetime) -> Iterator[datetime]:
        """When a run was due, up to and including a time, the newest first."""
        if self.interval is None:
            return self._ticks(time, ascending=False)
        latest, step = self.interval.latest(time), timedelta(minutes=self.interval.minutes)
        return (latest - number * step for number in count())

    def next_due(self, time: datetime) -> datetime:
        """When a run is due next after a time."""
        if self.interval is None:
            return next(tick for tick in self._ticks(time, ascending=True) if tick > time)
        return self.interval.next(time)

    def _ticks(self, time: datetime, *, ascending: bool) -> Iterator[datetime]:
        crons = self.crons[0] if len(self.crons) == 1 else list(self.crons)
        ticks = schedule_execution_time_iterator(time.timestamp(), crons, self.timezone, ascending=ascending)
        return (tick.astimezone(UTC) for tick in ticks)


@dataclass(frozen=True)
class MonitoredTable:
    """An asset with a freshness policy: how old it may be."""

    key: dg.AssetKey
    fail_window: timedelta


@dataclass(frozen=True)
class Monitored:
    """All that is monitored. Of a job without a schedule only failures are."""

    jobs: frozenset[str] = frozenset()
    schedules: tuple[MonitoredSchedule, ...] = ()
    sensors: tuple[str, ...] = ()
    checks: tuple[dg.AssetCheckKey, ...] = ()
    tables: tuple[MonitoredTable, ...] = ()


def monitored_in(repository: dg.RepositoryDefinition) -> Monitored:
    """The monitored definitions of a code location that is loaded in this process.

    The sensor that sends alerts can't report its own failure; `/health` does.
    """
    return Monitored(
        jobs=frozenset(repository.job_names),
        schedules=tuple(monitored_schedule(one) for one in repository.schedule_defs),
        sensors=tuple(one.name for one in repository.sensor_defs if one.name != ALERTS_SENSOR),
        checks=tuple(sorted(repository.asset_graph.asset_check_keys)),
        tables=tuple(monitored_tables(repository.asset_graph)),
    )


def monitored_schedule(schedule: Any) -> MonitoredSchedule:
    """A schedule, from its definition here or in another process (`RemoteSchedule`)."""
    cron, minutes = schedule.cron_schedule, schedule.tags.get(INTERVAL_TAG)
    return MonitoredSchedule(
        schedule.name,
        schedule.job_name,
        (cron,) if isinstance(cron, str) else tuple(cron),
        schedule.execution_timezone or "UTC",
        schedule.default_status is dg.DefaultScheduleStatus.RUNNING,
        Interval(int(minutes)) if minutes else None,
    )


def monitored_tables(graph: Any) -> Iterator[MonitoredTable]:
    """The assets with a freshness policy in an asset graph of this or of another process.

    Without those of sources, which are not materialized while the source fails: their check says so at once.
    """
    for key in sorted(graph.materializable_asset_keys):
        policy = graph.get(key).freshness_policy
        of_source = dg.AssetCheckKey(key, FETCHED_CHECK) in graph.asset_check_keys
        if not of_source and isinstance(policy, TimeWindowFreshnessPolicy):
            yield MonitoredTable(key, policy.fail_window.to_timedelta())


def materialized_at(instance: dg.DagsterInstance, keys: Iterable[dg.AssetKey]) -> dict[str, datetime]:
    """When each asset was materialized last; without those that never were."""
    found: dict[str, datetime] = {}
    wanted = list(dict.fromkeys(keys))
    for record in instance.get_asset_records(wanted) if wanted else ():
        event = record.asset_entry.last_materialization
        if event is not None:
            found[record.asset_entry.asset_key.to_user_string()] = datetime.fromtimestamp(event.timestamp, UTC)
    return found
