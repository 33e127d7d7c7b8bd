"""The sensor that does what nobody wants to know of: four small duties, none of which waits for another.

It keeps the table of executions up to date with Dagster's run history, and ends pauses that are over. And:

Dagster's daemon reads each failure event once. If it reads between the event and the run's change of status, or
if the code server is away, the retry never comes (`should_retry` and `retry_run` in its
auto_run_reexecution.py, 1.13.27). Repeating the event is harmless: the daemon retries no run twice.

Dagster makes a run, then queues it. If the process that does so dies in between, nobody queues the run: it is
neither active nor ended for ever. Queueing it is harmless, too: who comes back to it leaves alone what is queued.
`market_assets_tests/defs/test_lost_retries.py` runs that daemon.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from market_assets.dagster_ext.records import RETRIED_BY_TAG, ROOT_RUN_ID_TAG
from market_assets.defs.retries import MAX_RUN_RETRIES_TAG, RETRY_FAILED_STEPS_TAG
from market_assets.operations.executions import ExecutionReader
from market_assets.operations.scheduling import end_pauses
from market_assets.settings import Settings

if TYPE_CHECKING:
    import sqlalchemy as sa

    from market_assets.store.database import Database

#: Runs that changed so shortly before the newest change are read again: clocks and commits are not in order.
_OVERLAP = timedelta(minutes=5)
#: Failures are repeated up to so often and so long: after that the next scheduled run comes sooner than it helps.
_MOST_REPEATED, _OLDEST = 3, timedelta(hours=1)
#: Between making a run and queueing it, other processes take less than a second.
_FORGOTTEN_AFTER = timedelta(minutes=2)
#: On a failed run: how often its failure was reported again.
FAILURE_REPEATED_TAG = ".dagster/market_assets_failure_repeated"


def housekeeping_sensor(settings: Settings) -> dg.SensorDefinition:
    """Writes executions, ends pauses, repeats failures whose retry was lost, queues runs that were forgotten."""

    @dg.sensor(
        name="housekeeping",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Writes runs that changed into the table job_executions, puts jobs whose pause is over back "
        "on the schedule, reports a failure again whose retry Dagster's daemon has missed, and queues a run whose "
        "maker died before it was queued.",
    )
    def housekeeping(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        from market_assets.store.database import Database

        database, now = Database(settings.market_url), datetime.now(UTC)
        duties: tuple[tuple[str, Callable[[], list[str]]], ...] = (
            ("", lambda: _record_executions(context, database)),
            ("ended ", lambda: _end_pauses(context, database, now)),
            ("reported again, since their retry is missing: ", lambda: repeat_failures(context.instance, now)),
            ("queued, since nobody else did: ", lambda: queue_forgotten(context.instance, now)),
        )
        done, failed = [], []
        for label, duty in duties:
            try:
                if results := duty():
                    done.append(label + ", ".join(results))
            except Exception as error:
                failed.append(error)
        if failed:
            raise failed[0]
        return dg.SkipReason("; ".join(done) or "nothing was to be done")

    return housekeeping


def _record_executions(context: dg.SensorEvaluationContext, database: Database) -> list[str]:
    from market_assets.store.database import StoreUnavailableError, has_table

    since = datetime.fromisoformat(context.cursor) if context.cursor else None
    try:
        if not has_table(database, "job_executions"):
            return ["there is no table job_executions yet: market-assets db upgrade makes it"]
        written, since = mirror_executions(database.engine(), context.instance, since)
    except StoreUnavailableError as error:
        return [f"{error}; what changed is written at the next tick"]
    if since:
        context.update_cursor(since.isoformat())
    return [f"wrote {written} executions"] if written else []


def mirror_executions(
    engine: sa.Engine, instance: dg.DagsterInstance, since: datetime | None
) -> tuple[int, datetime | None]:
    """Write the runs that changed into the table, however they were started.

    Args:
        engine: of the market database.
        instance: whose runs they are.
        since: the change up to which everything has been written; None to begin with the first run.

    Returns:
        How many executions were new or different, and the new `since`.
    """
    from market_assets.store.executions import UNENDED, read_executions, record_executions

    records = instance.get_run_records(dg.RunsFilter(updated_after=since - _OVERLAP if since else None))
    reader = ExecutionReader(instance)
    written = record_executions(engine, [reader.execution(record) for record in records])
    newest = max((record.update_timestamp for record in records), default=since)
    if unended := read_executions(engine, statuses=UNENDED):
        known = set(instance.get_run_ids(dg.RunsFilter(run_ids=[execution.run_id for execution in unended])))
        removed = "the run was removed from Dagster's history before it ended"
        canceled = [replace(one, status="canceled", error=removed) for one in unended if one.run_id not in known]
        written += record_executions(engine, canceled)
    return written, newest


def _end_pauses(context: dg.SensorEvaluationContext, database: Database, now: datetime) -> list[str]:
    from market_assets.store.schedule_overrides import read_overrides_if_any

    if not any(job.pause for job in read_overrides_if_any(database).jobs.values()):
        return []
    schedules: dict[str, list[str]] = {}
    assert context.repository_def is not None
    for schedule in context.repository_def.schedule_defs:
        schedules.setdefault(schedule.job_name, []).append(schedule.name)
    return end_pauses(database.engine(), context.instance, schedules, now)


def repeat_failures(instance: dg.DagsterInstance, now: datetime) -> list[str]:
    """Repeat the failure events of runs whose retry never came; returns the ids of those runs."""
    filters = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=now - _OLDEST)
    lost = [run for run in instance.get_runs(filters) if _lacks_retry(instance, run)]
    for run in lost:
        instance.add_run_tags(run.run_id, {FAILURE_REPEATED_TAG: str(_repeated(run) + 1)})
        instance.report_run_failed(run, "The run failed; its retry is missing: reported again.")
    return [run.run_id for run in lost]


def queue_forgotten(instance: dg.DagsterInstance, now: datetime) -> list[str]:
    """Queue runs that were made and never queued; returns their ids. Those of commands are left alone."""
    filters = dg.RunsFilter(statuses=[dg.DagsterRunStatus.NOT_STARTED], created_before=now - _FORGOTTEN_AFTER)
    forgotten = [run for run in instance.get_runs(filters) if run.remote_job_origin is not None]
    for run in forgotten:
        instance.report_dagster_event(dg.DagsterEvent.job_enqueue(run), run.run_id)
    return [run.run_id for run in forgotten]


def _lacks_retry(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    allowed = int(run.tags.get(MAX_RUN_RETRIES_TAG, "0"))
    if not allowed or RETRIED_BY_TAG in run.tags or run.tags.get(RETRY_FAILED_STEPS_TAG) == "false":
        return False
    root = run.tags.get(ROOT_RUN_ID_TAG, run.run_id)
    retries = instance.get_runs_count(dg.RunsFilter(tags={ROOT_RUN_ID_TAG: root}))
    return retries < allowed and _repeated(run) < _MOST_REPEATED


def _repeated(run: dg.DagsterRun) -> int:
    return int(run.tags.get(FAILURE_REPEATED_TAG, "0"))
