"""Schedules and sensors: how they ticked last, and at which moments a schedule was due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING

import dagster as dg

from market_assets.dagster_ext.schedules import (
    InstigatorState,
    ScheduleInstigatorData,
    TickStatus,
    schedule_execution_time_iterator,
)
from market_assets.operations.alerts.incidents import Cursor
from market_assets.operations.alerts.monitored import Watched, WatchedSchedule
from market_assets.operations.alerts.observation import SeenSchedule, SeenTick

if TYPE_CHECKING:
    from market_assets.dagster_ext.schedules import InstigatorTick

#: Kind and name.
Name = tuple[str, str]
#: Sensors tick by the minute; without a bound, their ticks of all days would be sorted to find the newest.
_TICKS_BACK = {"schedule": timedelta(days=8), "sensor": timedelta(hours=1)}
_MOMENTS_BACK, _MOST_MOMENTS, _TICKS = timedelta(days=7), 1_000, 20


def running_states(instance: dg.DagsterInstance, watched: Watched) -> dict[Name, InstigatorState]:
    """What Dagster has stored of the schedules and sensors that run, by kind and name."""
    wanted = {
        *(("schedule", one.name) for one in watched.schedules),
        *(("sensor", name) for name in watched.sensors),
    }
    states = {}
    for state in instance.all_instigator_state():
        name = (state.instigator_type.value.lower(), state.instigator_name)
        if name in wanted and state.is_running:
            states[name] = state
    return states


def newest_ticks(
    instance: dg.DagsterInstance, states: Mapping[Name, InstigatorState], now: datetime
) -> Mapping[str, list[InstigatorTick]]:
    """The newest ticks of each, newest first, by selector."""
    # One by one: the query for many at once sorts every tick that there ever was.
    return {
        state.selector_id: list(
            instance.get_ticks(
                state.instigator_origin_id,
                state.selector_id,
                after=(now - _TICKS_BACK[kind]).timestamp(),
                limit=_TICKS if kind == "schedule" else 2,
            )
        )
        for (kind, _name), state in states.items()
    }


def newest_finished(
    name: Name, state: InstigatorState, ticks: Mapping[str, list[InstigatorTick]]
) -> SeenTick | None:
    for tick in ticks.get(state.selector_id, ()):
        if tick.status is not TickStatus.STARTED:
            error = tick.error
            while error is not None and error.cause is not None:
                error = error.cause
            told = " ".join(error.message.split()) if error else "unknown cause"
            at = datetime.fromtimestamp(tick.timestamp, UTC)
            return SeenTick(*name, failed=tick.status is TickStatus.FAILURE, at=at, error=told)
    return None


def seen_schedules(
    watched: Watched,
    states: Mapping[Name, InstigatorState],
    ticks: Mapping[str, list[InstigatorTick]],
    cursor: Cursor,
    now: datetime,
) -> Iterator[SeenSchedule]:
    for schedule in watched.schedules:
        state = states.get(("schedule", schedule.name))
        if state is None:
            continue
        seen = frozenset(datetime.fromtimestamp(tick.timestamp, UTC) for tick in ticks.get(state.selector_id, ()))
        yield SeenSchedule(schedule.name, schedule.cron, _moments(schedule, state, seen, cursor, now), seen)


def _moments(
    schedule: WatchedSchedule,
    state: InstigatorState,
    ticks: frozenset[datetime],
    cursor: Cursor,
    now: datetime,
) -> tuple[datetime, ...] | None:
    """When the schedule was due since it was last judged, as far back as its ticks are known."""
    cron, judged_until = cursor.moments.get(schedule.name, ("", now))
    if cron != schedule.cron:
        return None
    data = state.instigator_data
    started = data.start_timestamp if isinstance(data, ScheduleInstigatorData) and data.start_timestamp else 0.0
    since = max(judged_until, datetime.fromtimestamp(started, UTC), now - _MOMENTS_BACK)
    if len(ticks) >= _TICKS:
        since = max(since, min(ticks))
    # The iterator gives the moment itself too.
    due = (moment for moment in moments_from(schedule, since) if moment > since)
    return tuple(takewhile(lambda moment: moment <= now, due))[:_MOST_MOMENTS]


def moments_from(schedule: WatchedSchedule, since: datetime) -> Iterator[datetime]:
    """When a schedule is due from a moment on, that moment included."""
    crons = schedule.crons[0] if len(schedule.crons) == 1 else list(schedule.crons)
    for moment in schedule_execution_time_iterator(since.timestamp(), crons, schedule.timezone):
        yield moment.astimezone(UTC)
