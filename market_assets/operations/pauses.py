"""Pauses, deletions and stops of the schedule: which of them are in force, and the sensor that ends pauses.

A pause stops the job's schedule in Dagster, so that everyone sees it. Whoever starts that schedule again later,
in the UI say, has ended the pause: so a pause, or a stop of the whole scheduler, counts only while nobody did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
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

    from market_assets.settings import Settings
    from market_assets.store.schedule_overrides import Pause, ScheduleOverrides

#: A schedule catches up with what it missed since `until`, so the sensor need not be prompt.
SENSOR_SECONDS = 60


def schedule_states(instance: dg.DagsterInstance) -> dict[str, InstigatorState]:
    """What Dagster has stored about each schedule, by its name; nothing for one that nobody touched."""
    stored = instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE)
    return {state.instigator_name: state for state in stored}


def started_since(state: InstigatorState | None, moment: datetime) -> bool:
    """Whether someone started a schedule after a moment.

    One that runs because the code declares it so was started by nobody.
    """
    if state is None or state.status is not InstigatorStatus.RUNNING:
        return False
    data = state.instigator_data
    assert isinstance(data, ScheduleInstigatorData)
    return data.start_timestamp is not None and data.start_timestamp >= moment.timestamp()


def pause_in_force(
    overrides: ScheduleOverrides, job: str, state: InstigatorState | None, now: datetime
) -> Pause | None:
    """A job's pause, unless it is over or someone has started the job's schedule since."""
    pause = overrides.pause_of(job)
    if pause is None or pause.is_over(now) or started_since(state, pause.at):
        return None
    return pause


def reason_to_stay_off(
    overrides: ScheduleOverrides, job: str, state: InstigatorState | None, now: datetime
) -> str | None:
    """Why a scheduled start of a job should be skipped by what people decided; None where it should not."""
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


def settle_pauses(
    engine: sa.Engine, instance: dg.DagsterInstance, schedules: Mapping[str, Sequence[str]], now: datetime
) -> list[str]:
    """End the pauses that are over, forget those that someone overruled, finish those that were interrupted.

    Args:
        engine: an engine on the market database.
        instance: where schedules are started and stopped.
        schedules: the schedules of each job.
        now: the moment to judge by.

    Returns:
        What was done, in words.
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
            if overrides.is_deleted(job):
                schedule_overrides.hold(engine, names, "deletion")
            elif overrides.stop:
                schedule_overrides.hold(engine, names, "stop")
            else:
                _start(instance, stored, pause.until)
            done.append(f"{job}: paused until {pause.until:%Y-%m-%d %H:%M} UTC")
        else:
            _stop(instance, stored)
            continue
        # A pause that was made meanwhile is another one, and stays.
        schedule_overrides.end_pause(engine, job, begun_at=pause.at)
    return done


def _start(instance: dg.DagsterInstance, states: Sequence[InstigatorState], since: datetime) -> None:
    """Start schedules as though someone had started them at a moment: what was due since then is made up for."""
    for state in states:
        if not state.is_running:
            data = ScheduleInstigatorData(_cron(state), since.timestamp())
            instance.update_instigator_state(state.with_status(InstigatorStatus.RUNNING).with_data(data))


def _stop(instance: dg.DagsterInstance, states: Sequence[InstigatorState]) -> None:
    for state in states:
        if state.is_running:
            data = ScheduleInstigatorData(_cron(state))
            instance.update_instigator_state(state.with_status(InstigatorStatus.STOPPED).with_data(data))


def _cron(state: InstigatorState) -> str | Sequence[str]:
    data = state.instigator_data
    assert isinstance(data, ScheduleInstigatorData)
    return data.cron_schedule


def pause_ends_sensor(settings: Settings) -> dg.SensorDefinition:
    """Ends pauses at the moment that was named when they were made."""

    @dg.sensor(
        name="pause_ends",
        minimum_interval_seconds=SENSOR_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Puts paused jobs back on the schedule when their pause is over.",
    )
    def pause_ends(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        from market_assets.store.database import Database
        from market_assets.store.schedule_overrides import read_overrides_if_any

        database = Database(settings.market_url)
        overrides = read_overrides_if_any(database)
        if not any(job.pause for job in overrides.jobs.values()):
            return dg.SkipReason("nothing is paused")
        schedules: dict[str, list[str]] = {}
        assert context.repository_def is not None
        for schedule in context.repository_def.schedule_defs:
            schedules.setdefault(schedule.job_name, []).append(schedule.name)
        done = settle_pauses(database.engine(), context.instance, schedules, datetime.now(UTC))
        return dg.SkipReason("; ".join(f"ended {pause}" for pause in done) or "no pause is over yet")

    return pause_ends
