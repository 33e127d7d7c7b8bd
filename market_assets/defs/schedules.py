"""When the jobs run: by the settings, in UTC, running unless someone stops them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import dagster as dg

from market_assets.dagster_ext.schedules import ScheduleInstigatorData
from market_assets.defs import jobs
from market_assets.operations.missed_starts import MAKES_UP_TAG, in_words, missed_days, missed_moments
from market_assets.operations.overlap_guard import reason_off_schedule, reason_to_skip
from market_assets.operations.pauses import schedule_states
from market_assets.settings import Settings
from market_assets.tasks import Interval

_INTERVAL_TAG = "market_assets/every_minutes"


def default_schedules(settings: Settings, *, fills_past: bool = True) -> list[dg.ScheduleDefinition]:
    """A schedule for each job, called by the job's name with `_schedule`.

    Args:
        settings: when the jobs run.
        fills_past: whether a source can give a day that is over, so that a day that was missed can be made up for.
    """
    return [
        guarded_schedule(
            settings, jobs.INGESTION, settings.ingestion_cron, partitioned=True, fills_past=fills_past
        ),
        guarded_schedule(settings, jobs.REFRESH, settings.refresh_cron),
        guarded_schedule(settings, jobs.CLEANUP, settings.cleanup_cron),
        guarded_schedule(settings, jobs.REBUILD, settings.rebuild_cron),
        guarded_schedule(settings, jobs.PRUNE, settings.history_cron),
    ]


def guarded_schedule(
    settings: Settings, job: str, when: Interval | str, *, partitioned: bool = False, fills_past: bool = False
) -> dg.ScheduleDefinition:
    """A schedule that passes the guard.

    Args:
        settings: where the market database is, which knows of pauses and deletions.
        job: the job that it starts; it is called by the job's name with `_schedule`.
        when: a cron expression or an interval, in UTC.
        partitioned: whether a run is about the day of its tick.
        fills_past: whether days that were missed are to be made up for.
    """
    name = f"{job}_schedule"

    def evaluate(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        from market_assets.store.database import Database

        due: datetime | None = context.scheduled_execution_time.astimezone(UTC)
        assert due is not None
        if isinstance(when, Interval) and not when.is_exact:
            tick = due
            if (due := due_moment(context.instance, name, when, tick)) is None:
                yield dg.SkipReason(f"{job} runs {when.in_words}: the next time is {_worded(when.next(tick))}")
                return
        partition = due.date().isoformat() if partitioned else None
        database = Database(settings.market_url)
        if reason := reason_off_schedule(context.instance, database, job, name, datetime.now(UTC)):
            yield dg.SkipReason(reason)
            return
        missed = missed_moments(context.instance, name, when, due) if isinstance(when, str) else []
        # Another refresh is as good as those that were missed; another day is not, as long as it can be had.
        by_days = partition is not None and fills_past
        days = missed_days(context.instance, job, missed, partition) if partition and by_days else {}
        if not (reason := reason_to_skip(context.instance, job, partition)):
            yield _request(job, due, partition, [] if by_days else missed)
        elif not days:
            yield dg.SkipReason(reason)
        for day, moment in days.items():
            yield _request(job, moment, day, [moment])

    return dg.ScheduleDefinition(
        name=name,
        job_name=job,
        cron_schedule=when.crons if isinstance(when, Interval) else when,
        execution_timezone="UTC",
        execution_fn=evaluate,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Starts {job}, unless it is paused or still running." + _about_interval(when),
        tags={_INTERVAL_TAG: str(when.minutes)} if isinstance(when, Interval) else None,
    )


def _request(job: str, due: datetime, partition: str | None, makes_up_for: list[datetime]) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{job}:{due.isoformat()}",
        partition_key=partition,
        tags={MAKES_UP_TAG: in_words(makes_up_for)} if makes_up_for else {},
    )


def interval_of(tags: Mapping[str, str]) -> Interval | None:
    """The interval of a schedule with these tags; None where it is due at every moment of its cron expression."""
    minutes = tags.get(_INTERVAL_TAG)
    return Interval(int(minutes)) if minutes else None


def due_moment(instance: dg.DagsterInstance, schedule: str, interval: Interval, tick: datetime) -> datetime | None:
    """The due moment that a tick stands for: its own, or one since the tick before; None where there is none.

    Where ticks were missed, Dagster makes up for the last of them alone, which need not be the due one.
    """
    due = interval.latest(tick)
    if due == tick:
        return due
    state = schedule_states(instance).get(schedule)
    if state is None:
        return None
    data = state.instigator_data
    assert isinstance(data, ScheduleInstigatorData)
    earlier = instance.get_ticks(state.instigator_origin_id, state.selector_id, before=tick.timestamp(), limit=1)
    since = [data.start_timestamp or tick.timestamp(), *(each.timestamp + 1 for each in earlier)]
    return due if due.timestamp() >= max(since) else None


def _about_interval(when: Interval | str) -> str:
    if not isinstance(when, Interval):
        return ""
    counted = f" It is due {when.in_words}, counted from 1970-01-01 00:00 UTC."
    if when.is_exact:
        return counted
    return f"{counted} Cron can't say that: ticks between the due times are skipped, and say when it is due."


def _worded(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
