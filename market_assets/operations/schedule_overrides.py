"""Schedule overrides in force: which pauses, deletions and stops hold now, and how pauses end.

A pause also stops the job's schedule in Dagster, where the UI shows it. Starting that schedule again, for example
in the UI, ends the pause: a pause, or a stop of the scheduler, holds only until the schedule is started later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import dagster as dg

from market_assets.dagster_ext.schedules import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
)

if TYPE_CHECKING:
    import sqlalchemy as sa

    from market_assets.store.schedule_overrides import Pause, ScheduleOverrides


def schedule_states(instance: dg.DagsterInstance) -> dict[str, InstigatorState]:
    """What Dagster has stored about each schedule, by name; one that never ran may be missing."""
    stored = instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE)
    return {state.instigator_name: state for state in stored}


def started_since(state: InstigatorState | None, time: datetime) -> bool:
    """Whether a schedule was started by someone after a time.

    One that runs by its default status was not started by anyone.
    """
    if state is None or state.status is not InstigatorStatus.RUNNING:
        return False
    started = schedule_data(state).start_timestamp
    return started is not None and started >= time.timestamp()


def schedule_data(state: InstigatorState) -> ScheduleInstigatorData:
    """When a schedule was started and its cron expression, as Dagster has stored it."""
    data = state.instigator_data
    assert isinstance(data, ScheduleInstigatorData)
    return data


def pause_in_force(
    overrides: ScheduleOverrides, job: str, state: InstigatorState | None, now: datetime
) -> Pause | None:
    """A job's pause; None where it has none, it is over, or the job's schedule was started since."""
    pause = overrides.pause_of(job)
    if pause is None or pause.is_over(now) or started_since(state, pause.at):
        return None
    return pause


def reason_to_stay_off(
    overrides: ScheduleOverrides, job: str, state: InstigatorState | None, now: datetime
) -> str | None:
    """The override that stops scheduled starts of a job, in words; None where none does."""
    if overrides.is_deleted(job):
        deletion = overrides.jobs[job].deletion
        assert deletion is not None
        return f"{job} was deleted by {deletion.by} on {deletion.at:%Y-%m-%d %H:%M} UTC, until someone restores it"
    if pause := pause_in_force(overrides, job, state, now):
        until = f"until {pause.until:%Y-%m-%d %H:%M} UTC" if pause.until else "until someone resumes it"
        return f"{job} was paused by {pause.by} {until}" + (f": {pause.reason}" if pause.reason else "")
    if overrides.stop and not started_since(state, overrides.stop.at):
        return f"the scheduler was stopped by {overrides.stop.by} on {overrides.stop.at:%Y-%m-%d %H:%M} UTC"
    return None


def end_pauses(
    engine: sa.Engine, instance: dg.DagsterInstance, schedules: Mapping[str, Sequence[str]], now: datetime
) -> list[str]:
    """End the pauses that are over or overruled, and stop the schedules of those that hold.

    Args:
        engine: an engine on the market database.
        instance: where schedules are started and stopped.
        schedules: the schedules of each job.
        now: the current time.

    Returns:
        A line for each pause that was ended.
    """
    from market_assets.store import schedule_overrides

    overrides = schedule_overrides.read_overrides(engine)
    states = schedule_states(instance)
    done = []
    for job, names in schedules.items():
        pause = overrides.pause_of(job)
        if pause is None:
            continue
        stored = [states[name] for name in names if name in states]
        if any(started_since(state, pause.at) for state in stored):
            done.append(f"{job}: its schedule was started again")
        elif pause.is_over(now):
            assert pause.until is not None
            if overrides.is_deleted(job) or overrides.stop:
                schedule_overrides.resume_later(engine, job)
            else:
                _switch(instance, stored, since=pause.until)
            done.append(f"{job}: paused until {pause.until:%Y-%m-%d %H:%M} UTC")
        else:
            _switch(instance, stored, since=None)
            continue
        # A pause that was made meanwhile is another one, and holds.
        schedule_overrides.end_pause(engine, job, begun_at=pause.at)
    return done


def _switch(instance: dg.DagsterInstance, states: Sequence[InstigatorState], since: datetime | None) -> None:
    """Stop schedules, or start them as of a time in the past, so that what was due since then is made up for."""
    status = InstigatorStatus.STOPPED if since is None else InstigatorStatus.RUNNING
    for state in states:
        if state.is_running != (since is not None):
            cron = schedule_data(state).cron_schedule
            data = ScheduleInstigatorData(cron, since.timestamp() if since else None)
            instance.update_instigator_state(state.with_status(status).with_data(data))
