"""Whether a schedule may start its job now, which overrides hold, and which missed starts a tick makes up for.

After an outage Dagster evaluates a schedule once, for the last time that it was due. One refresh is as good as
three, but each day of ingestion counts, so that tick requests runs of the missed days as well.

A pause also stops the job's schedule in Dagster, where the UI shows it. Starting that schedule again, for example
in the UI, ends the pause: a pause, or a stop of the scheduler, holds only until the schedule is started later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import takewhile
from typing import TYPE_CHECKING

import dagster as dg

from market_assets.dagster_ext.records import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
    TickStatus,
    schedule_execution_time_iterator,
)
from market_assets.operations.executions import STATUSES
from market_assets.operations.names import PARTITION_RANGE_END_TAG, PARTITION_RANGE_START_TAG, PARTITION_TAG
from market_assets.tasks import Interval

if TYPE_CHECKING:
    import sqlalchemy as sa

    from market_assets.store.database import Database
    from market_assets.store.schedule_overrides import Pause, ScheduleOverrides

#: Statuses of a run that has not ended; a queued one counts, or a slow night would pile them up.
ACTIVE = [*STATUSES["queued"], *STATUSES["running"]]
#: The days of a longer outage are for a backfill, which a person should decide on.
MOST_DAYS = 31
_POSTINGS = dg.AssetKey("job_postings")
#: A tick that failed has not dealt with its due time.
_DEALT_WITH = [TickStatus.SUCCESS, TickStatus.SKIPPED]
_TIME = "%Y-%m-%d %H:%M"


def active_run(instance: dg.DagsterInstance, job: str, partition: str | None = None) -> dg.DagsterRun | None:
    """A run of a job (on a partition) that has not ended; None where there is none."""
    for record in instance.get_run_records(dg.RunsFilter(job_name=job, statuses=ACTIVE)):
        if partition is None or _is_about(record, partition):
            return record.dagster_run
    return None


def _is_about(record: dg.RunRecord, partition: str) -> bool:
    tags = record.dagster_run.tags
    if PARTITION_TAG in tags:
        return tags[PARTITION_TAG] == partition
    if PARTITION_RANGE_START_TAG in tags and PARTITION_RANGE_END_TAG in tags:
        return tags[PARTITION_RANGE_START_TAG] <= partition <= tags[PARTITION_RANGE_END_TAG]
    # A run without a partition is about the day on which it was created.
    return record.create_timestamp.astimezone(UTC).date().isoformat() == partition


def reason_to_skip(instance: dg.DagsterInstance, job: str, partition: str | None = None) -> str | None:
    """The active run that stops a scheduled start of a job (on a partition); None where there is none."""
    run = active_run(instance, job, partition)
    if run is None:
        return None
    about = f" on {partition}" if partition else ""
    return f"{job}{about} is still active: run {run.run_id} is {run.status.value.lower()}"


def reason_off_schedule(
    instance: dg.DagsterInstance, database: Database, job: str, schedule: str, now: datetime
) -> str | None:
    """The override that stops a scheduled start: a pause, a deletion, a stop of the scheduler; None if none does.

    Dagster does not tick a schedule that is stopped. This is for one that was started all the same: that of a
    deleted job in the UI, or all schedules at once because Dagster's history was removed.
    """
    from market_assets.store.schedule_overrides import read_overrides_if_any

    overrides = read_overrides_if_any(database)
    if not (overrides.jobs or overrides.stop):
        return None
    return reason_to_stay_off(overrides, job, schedule_states(instance).get(schedule), now)


def reason_against_start(instance: dg.DagsterInstance, database: Database, job: str, now: datetime) -> str | None:
    """Why a sensor may not start a job; None where it may.

    A pause, a deletion and a stop hold for sensors too; so does stopping the job's schedule in the UI.
    """
    schedule = f"{job}_schedule"
    if reason := reason_off_schedule(instance, database, job, schedule, now):
        return reason
    state = schedule_states(instance).get(schedule)
    return f"{schedule} is stopped" if state is not None and not state.is_running else None


def due_time(instance: dg.DagsterInstance, schedule: str, interval: Interval, tick: datetime) -> datetime | None:
    """The due time that a tick is for: its own, or one since the tick before; None if there is none.

    Where ticks were missed, Dagster makes up for the last of them alone, which need not be the due one.
    """
    due = interval.latest(tick)
    if due == tick:
        return due
    state = schedule_states(instance).get(schedule)
    is_since = state is not None and due.timestamp() >= _after_last_tick(instance, state, tick)
    return due if is_since else None


def missed_times(instance: dg.DagsterInstance, schedule: str, cron: str, tick: datetime) -> list[datetime]:
    """The due times before a tick that had no tick, or one that failed, oldest first.

    Times before the schedule was started, or during a pause, were not missed.
    """
    state = schedule_states(instance).get(schedule)
    if state is None:
        return []
    since = _after_last_tick(instance, state, tick, _DEALT_WITH)
    due = schedule_execution_time_iterator(since, cron, "UTC")
    return [time.astimezone(UTC) for time in takewhile(lambda time: time < tick, due)]


def _after_last_tick(
    instance: dg.DagsterInstance, state: InstigatorState, tick: datetime, statuses: list[TickStatus] | None = None
) -> float:
    """Just after the tick before another (of some statuses), but not before the schedule was started."""
    earlier = instance.get_ticks(
        state.instigator_origin_id, state.selector_id, before=tick.timestamp(), limit=1, statuses=statuses
    )
    started = schedule_data(state).start_timestamp or tick.timestamp()
    return max(started, *(each.timestamp + 1 for each in earlier), 0.0)


def missed_days(
    instance: dg.DagsterInstance, job: str, missed: Sequence[datetime], today: str
) -> dict[str, datetime]:
    """The daily partitions that were missed, newest first, with when they were due.

    Without days that have been ingested or are being ingested, and those before the last `MOST_DAYS`.
    """
    days = {time.date().isoformat(): time for time in missed[-MOST_DAYS:]}
    days.pop(today, None)
    if not days:
        return {}
    materialized = instance.get_materialized_partitions(_POSTINGS)
    return {
        day: due
        for day, due in sorted(days.items(), reverse=True)
        if day not in materialized and active_run(instance, job, day) is None
    }


def in_words(times: Sequence[datetime]) -> str:
    """The last of some times, and how many more there are, for a tag."""
    more = len(times) - 5
    return f"{', '.join(f'{time:{_TIME}}' for time in times[-5:])} UTC" + (
        f" and {more} before" if more > 0 else ""
    )


def schedule_states(instance: dg.DagsterInstance) -> dict[str, InstigatorState]:
    """What Dagster has stored about each schedule, by name; one that never ran may be missing."""
    stored = instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE)
    return {state.instigator_name: state for state in stored}


def schedule_data(state: InstigatorState) -> ScheduleInstigatorData:
    """When a schedule was started and its cron expression, as Dagster has stored it."""
    data = state.instigator_data
    assert isinstance(data, ScheduleInstigatorData)
    return data


def started_since(state: InstigatorState | None, time: datetime) -> bool:
    """Whether a schedule was started by someone after a time; one that runs by default was started by no one."""
    if state is None or state.status is not InstigatorStatus.RUNNING:
        return False
    started = schedule_data(state).start_timestamp
    return started is not None and started >= time.timestamp()


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
        return f"{job} was deleted by {deletion.by} on {deletion.at:{_TIME}} UTC, until someone restores it"
    if pause := pause_in_force(overrides, job, state, now):
        until = f"until {pause.until:{_TIME}} UTC" if pause.until else "until someone resumes it"
        return f"{job} was paused by {pause.by} {until}" + (f": {pause.reason}" if pause.reason else "")
    if overrides.stop and not started_since(state, overrides.stop.at):
        return f"the scheduler was stopped by {overrides.stop.by} on {overrides.stop.at:{_TIME}} UTC"
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
            done.append(f"{job}: paused until {pause.until:{_TIME}} UTC")
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
