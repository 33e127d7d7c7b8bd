"""Detects runs that failed for good: a run that is retried is no incident before its last attempt."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import dagster as dg

from market_assets.dagster_ext.run_events import ROOT_RUN_ID_TAG, WILL_RETRY_TAG
from market_assets.operations.alerts.incidents import Finding, Incident, IncidentLog, Resolution, incident, listed
from market_assets.operations.executions import ended_at, recorded_failure
from market_assets.operations.monitored import materialized_at
from market_assets.operations.names import ASSET_JOB, PARTITION_TAG

#: Dagster decides shortly after a failure whether it retries the run, and launches the retry soon.
_RETRY_PATIENCE = timedelta(minutes=15)
#: How far each evaluation goes back before the last one: clocks and commits are not in order, retries take time.
_OVERLAP = _RETRY_PATIENCE + timedelta(minutes=5)
#: The first evaluation reports what failed shortly before it, not all of the history.
_FIRST_WINDOW = timedelta(days=1)
_LISTED = 10
_TIME = "%Y-%m-%d %H:%M"


def run_findings(instance: dg.DagsterInstance, log: IncidentLog, now: datetime) -> Iterator[Finding]:
    """Runs that failed and are not retried, and what ends their incidents.

    Args:
        instance: whose runs they are.
        log: the incidents so far, and up to when runs have been evaluated.
        now: the time of the evaluation.
    """
    yield from _ended_runs(instance, log, now)
    yield from _rematerialized(instance, log)


def _ended_runs(instance: dg.DagsterInstance, log: IncidentLog, now: datetime) -> Iterator[Finding]:
    since = min(log.evaluated_at, now) - _OVERLAP if log.evaluated_at else now - _FIRST_WINDOW
    statuses = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    changed = instance.get_run_records(dg.RunsFilter(statuses=statuses, updated_after=since))
    # A change of its tags is a change of a run, too.
    records = sorted((record for record in changed if ended_at(record) >= since), key=ended_at)
    succeeded = {
        record.dagster_run.job_name: ended_at(record) for record in records if record.dagster_run.is_success
    }
    for record in records:
        run, ended = record.dagster_run, ended_at(record)
        if run.is_success:
            if run.job_name != ASSET_JOB:
                yield Resolution(f"run:{run.job_name}", ended, _success(run, ended, log))
        elif not log.is_new(_run_key(run), ended) or _was_retried(run):
            continue
        elif _awaits_retry(instance, run):
            overdue = now - ended >= _RETRY_PATIENCE
            if overdue and succeeded.get(run.job_name, ended) <= ended:
                yield _failure(instance, run, ended)
        else:
            yield _failure(instance, run, ended)


def _awaits_retry(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether Dagster has yet to launch the retry of a failed run, or to decide whether there is one."""
    undecided = instance.run_retries_enabled and WILL_RETRY_TAG not in run.tags
    return undecided or _will_retry(run)


def _was_retried(run: dg.DagsterRun) -> bool:
    return _will_retry(run) and not run.is_complete_and_waiting_to_retry


def _will_retry(run: dg.DagsterRun) -> bool:
    return run.tags.get(WILL_RETRY_TAG, "").lower() == "true"


def _failure(instance: dg.DagsterInstance, run: dg.DagsterRun, ended: datetime) -> Incident:
    attempts = 1
    if run.root_run_id:
        attempts += len(instance.get_run_ids(dg.RunsFilter(tags={ROOT_RUN_ID_TAG: run.root_run_id})))
    partition = run.tags.get(PARTITION_TAG)
    assets = _selected_assets(run)
    name = f"the run of {listed(assets, _LISTED) or 'assets'}" if run.job_name == ASSET_JOB else run.job_name
    tried = f" {attempts} times" if attempts > 1 else ""
    about = f" on {partition}" if partition else ""
    return incident(
        _run_key(run),
        "run",
        f"{name} failed{tried}{about}",
        f"{recorded_failure(instance, run.run_id)}\nRun {run.run_id} ended at {ended:{_TIME}} UTC.",
        ended,
        assets=assets,
        partition=partition,
    )


def _run_key(run: dg.DagsterRun) -> str:
    """Of Dagster's job for single assets, each selection of assets is a job by itself."""
    return f"run:{run.job_name}" + (f":{','.join(_selected_assets(run))}" if run.job_name == ASSET_JOB else "")


def _selected_assets(run: dg.DagsterRun) -> tuple[str, ...]:
    selected = run.asset_selection if run.job_name == ASSET_JOB else None
    return tuple(sorted(key.to_user_string() for key in selected or ()))


def _success(run: dg.DagsterRun, ended: datetime, log: IncidentLog) -> str:
    failed, partition = log.newest(f"run:{run.job_name}"), run.tags.get(PARTITION_TAG)
    ending = f"{run.job_name} succeeded at {ended:{_TIME}} UTC, run {run.run_id}"
    if failed and failed.partition and partition and failed.partition != partition:
        ending += (
            f". That was about {partition}: {failed.partition}, which failed, may still be missing. "
            "Materialize it in the UI"
        )
    return ending


def _rematerialized(instance: dg.DagsterInstance, log: IncidentLog) -> Iterator[Resolution]:
    """Ends the incidents of runs of single assets, when the assets have been materialized by any run since."""
    waiting = [one for one in log.open if one.assets]
    keys = (dg.AssetKey.from_user_string(asset) for one in waiting for asset in one.assets)
    made = materialized_at(instance, keys)
    for one in waiting:
        if all(asset in made and made[asset] > one.begun_at for asset in one.assets):
            at = max(made[asset] for asset in one.assets)
            yield Resolution(one.key, at, f"{listed(one.assets, _LISTED)} materialized again at {at:{_TIME}} UTC")
