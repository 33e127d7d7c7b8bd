"""What a schedule missed while nothing evaluated it, and what is made up for.

After an outage Dagster evaluates a schedule once, for the last time that it was due, and does not tell the others.
One refresh is as good as three; but each day of ingestion counts, so the tick asks for the missed days as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import takewhile

import dagster as dg

from market_assets.dagster_ext.schedules import (
    ScheduleInstigatorData,
    TickStatus,
    schedule_execution_time_iterator,
)
from market_assets.operations.overlap_guard import active_run
from market_assets.operations.pauses import schedule_states

#: On a run: the due times that it stands for, beside that of its own tick.
MAKES_UP_TAG = "market_assets/makes_up_for"
#: The days of a longer outage are for a backfill, which a person should decide on.
MOST_DAYS = 31
_POSTINGS = dg.AssetKey("job_postings")
#: Such a tick has been dealt with: one that failed has not.
_DEALT_WITH = [TickStatus.SUCCESS, TickStatus.SKIPPED]


def missed_moments(
    instance: dg.DagsterInstance, schedule: str, cron: str | Sequence[str], tick: datetime
) -> list[datetime]:
    """The moments before a tick at which a schedule was due and no tick came, or one that failed; oldest first.

    Moments from before someone started the schedule, or from a pause, are none of them.
    """
    state = schedule_states(instance).get(schedule)
    if state is None:
        return []
    data = state.instigator_data
    assert isinstance(data, ScheduleInstigatorData)
    ticks = instance.get_ticks(
        state.instigator_origin_id, state.selector_id, before=tick.timestamp(), limit=1, statuses=_DEALT_WITH
    )
    since = [data.start_timestamp or tick.timestamp(), *(earlier.timestamp + 1 for earlier in ticks)]
    due = schedule_execution_time_iterator(max(since), cron, "UTC")
    return [moment.astimezone(UTC) for moment in takewhile(lambda moment: moment < tick, due)]


def missed_days(
    instance: dg.DagsterInstance, job: str, missed: Sequence[datetime], today: str
) -> dict[str, datetime]:
    """The daily partitions that were missed and nobody has ingested since, newest first, with when they were due.

    A day that is being ingested, or was by hand, is left out; so are those before the last `MOST_DAYS`.
    """
    days = {moment.date().isoformat(): moment for moment in missed[-MOST_DAYS:]}
    days.pop(today, None)
    if not days:
        return {}
    there = instance.get_materialized_partitions(_POSTINGS)
    return {
        day: due
        for day, due in sorted(days.items(), reverse=True)
        if day not in there and active_run(instance, job, day) is None
    }


def in_words(moments: Sequence[datetime]) -> str:
    """Moments as a tag says them."""
    shown = ", ".join(f"{moment:%Y-%m-%d %H:%M}" for moment in moments[-5:])
    more = len(moments) - 5
    return f"{shown} UTC" + (f" and {more} before" if more > 0 else "")
