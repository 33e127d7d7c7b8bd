"""What a schedule's tick does: whether it may start its job now, and which missed starts it makes up for.

After an outage Dagster evaluates a schedule once, for the last time that it was due. One refresh is as good as
three, but each day of ingestion counts, so that tick requests runs of the missed days as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import takewhile
from typing import TYPE_CHECKING

import dagster as dg

from market_assets.dagster_ext.schedules import (
    InstigatorState,
    TickStatus,
    schedule_execution_time_iterator,
)
from market_assets.operations.executions import STATUSES
from market_assets.operations.names import (
    PARTITION_RANGE_END_TAG,
    PARTITION_RANGE_START_TAG,
    PARTITION_TAG,
)
from market_assets.operations.schedule_overrides import reason_to_stay_off, schedule_data, schedule_states
from market_assets.tasks import Interval

if TYPE_CHECKING:
    from dagster import RunRecord

    from market_assets.store.database import Database

#: Statuses of a run that has not ended; a queued one counts, or a slow night would pile them up.
ACTIVE = [*STATUSES["queued"], *STATUSES["running"]]
#: The days of a longer outage are for a backfill, which a person should decide on.
MOST_DAYS = 31
_POSTINGS = dg.AssetKey("job_postings")
#: A tick that failed has not dealt with its due time.
_DEALT_WITH = [TickStatus.SUCCESS, TickStatus.SKIPPED]


def active_run(instance: dg.DagsterInstance, job: str, partition: str | None = None) -> dg.DagsterRun | None:
    """A run of a job (on a partition) that has not ended; None where there is none."""
    for record in instance.get_run_records(dg.RunsFilter(job_name=job, statuses=ACTIVE)):
        if partition is None or _is_about(record, partition):
            return record.dagster_run
    return None


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
    state = schedule_states(instance).get(schedule)
    if due == tick or state is None:
        return due if due == tick else None
    return due if due.timestamp() >= _after_last_tick(instance, state, tick) else None


def missed_times(
    instance: dg.DagsterInstance, schedule: str, cron: str | Sequence[str], tick: datetime
) -> list[datetime]:
    """The due times before a tick that had no tick, or one that failed, oldest first.

    Times before the schedule was started, or during a pause, were not missed.
    """
    state = schedule_states(instance).get(schedule)
    if state is None:
        return []
    since = _after_last_tick(instance, state, tick, _DEALT_WITH)
    due = schedule_execution_time_iterator(since, cron, "UTC")
    return [time.astimezone(UTC) for time in takewhile(lambda time: time < tick, due)]


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
    shown = ", ".join(f"{time:%Y-%m-%d %H:%M}" for time in times[-5:])
    more = len(times) - 5
    return f"{shown} UTC" + (f" and {more} before" if more > 0 else "")


def _after_last_tick(
    instance: dg.DagsterInstance, state: InstigatorState, tick: datetime, statuses: list[TickStatus] | None = None
) -> float:
    """Just after the tick before another (of some statuses), but not before the schedule was started."""
    earlier = instance.get_ticks(
        state.instigator_origin_id, state.selector_id, before=tick.timestamp(), limit=1, statuses=statuses
    )
    return max(
        schedule_data(state).start_timestamp or tick.timestamp(), *(each.timestamp + 1 for each in earlier), 0.0
    )


def _is_about(record: RunRecord, partition: str) -> bool:
    tags = record.dagster_run.tags
    if PARTITION_TAG in tags:
        return tags[PARTITION_TAG] == partition
    if PARTITION_RANGE_START_TAG in tags and PARTITION_RANGE_END_TAG in tags:
        return tags[PARTITION_RANGE_START_TAG] <= partition <= tags[PARTITION_RANGE_END_TAG]
    # A run without a partition is about the day on which it was created.
    return record.create_timestamp.astimezone(UTC).date().isoformat() == partition
