"""Repeats the failure event of runs that Dagster should have retried and did not, and queues runs that it forgot.

Dagster's daemon reads each failure event once. If it reads between the event and the run's change of status, or
if the code server is away, the retry never comes (`should_retry` and `retry_run` in its
auto_run_reexecution.py, 1.13.27). Repeating the event is harmless: the daemon retries no run twice.

Dagster makes a run, then queues it. If the process that does so dies in between, nobody queues the run: it is
neither active nor ended for ever. Queueing it is harmless, too: who comes back to it leaves alone what is queued.
`market_assets_tests/defs/test_lost_retries.py` runs that daemon.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import dagster as dg

from market_assets.defs.retries import MAX_RUN_RETRIES_TAG, RETRY_FAILED_STEPS_TAG

#: After that the next scheduled run comes sooner than it would help.
_OLDEST = timedelta(hours=1)
_MOST_REPEATED = 3
#: Between the two, other processes take less than a second.
_FORGOTTEN_AFTER = timedelta(minutes=2)
#: On a failed run: how often its failure was reported again.
FAILURE_REPEATED_TAG = ".dagster/market_assets_failure_repeated"
_RETRIED_BY_TAG = "dagster/auto_retry_run_id"
_ROOT_RUN_TAG = "dagster/root_run_id"


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
    if not allowed or _RETRIED_BY_TAG in run.tags or run.tags.get(RETRY_FAILED_STEPS_TAG) == "false":
        return False
    root = run.tags.get(_ROOT_RUN_TAG, run.run_id)
    retries = instance.get_runs_count(dg.RunsFilter(tags={_ROOT_RUN_TAG: root}))
    return retries < allowed and _repeated(run) < _MOST_REPEATED


def _repeated(run: dg.DagsterRun) -> int:
    return int(run.tags.get(FAILURE_REPEATED_TAG, "0"))
