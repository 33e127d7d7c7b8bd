"""Detects incidents and their ends from what Dagster has stored.

Detection keeps no record of what it has read: it reads the recent history each time, and `IncidentLog.updated`
ignores what is known already. A run that is retried is no incident before its last attempt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from market_assets.dagster_ext.records import (
    ROOT_RUN_ID_TAG,
    WILL_RETRY_TAG,
    AssetCheckExecutionRecordStatus,
    InstigatorState,
    InstigatorTick,
    ScheduleInstigatorData,
    TickStatus,
)
from market_assets.operations.alerts.incidents import Finding, Incident, IncidentLog, Resolution, incident, listed
from market_assets.operations.executions import ended_at, recorded_failure
from market_assets.operations.monitored import Monitored, materialized_at
from market_assets.operations.names import ASSET_JOB, FETCHED_CHECK, PARTITION_TAG

#: A schedule may be so late before a start counts as missed.
PATIENCE = timedelta(minutes=10)
#: What runs, by "schedule" or "sensor" and its name, as Dagster has stored it.
States = Mapping[tuple[str, str], InstigatorState]
#: Evaluations that are further apart than this: the daemon was down in between.
_GAP = timedelta(minutes=5)
#: Sensors tick by the minute; without a bound, their ticks of all days would be sorted to find the newest.
_TICK_WINDOW = {"schedule": timedelta(days=8), "sensor": timedelta(hours=1)}
_MISSED_WINDOW = timedelta(days=7)
#: Dagster decides shortly after a failure whether it retries the run, and launches the retry soon.
_RETRY_PATIENCE = timedelta(minutes=15)
#: How far each evaluation goes back before the last one: clocks and commits are not in order, retries take time.
_OVERLAP = _RETRY_PATIENCE + timedelta(minutes=5)
#: The first evaluation reports what failed shortly before it, not all of the history.
_FIRST_WINDOW = timedelta(days=1)
_LISTED = 10
_TIME = "%Y-%m-%d %H:%M"


def detect(
    instance: dg.DagsterInstance, monitored: Monitored, log: IncidentLog, now: datetime
) -> tuple[list[Finding], IncidentLog]:
    """What began and what ended, and the log to update with it, which has been evaluated up to now."""
    states = _running_states(instance, monitored)
    seen = replace(log, evaluated_at=now, schedules=_counted_since(monitored, states, log, now))
    findings = [
        *_ended_runs(instance, log, now),
        *_rematerialized(instance, log),
        *_checks(instance, monitored, log),
        *_ticks(instance, states, now),
        *_missed(instance, monitored, states, log, seen.schedules, now),
        *_stale(instance, monitored, now),
        *_removed(monitored, log, now),
    ]
    return findings, seen


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
        elif log.is_new(_run_key(run), ended):
            patient = now - ended < _RETRY_PATIENCE or succeeded.get(run.job_name, ended) > ended
            if not _is_retried(instance, run, patient=patient):
                yield _failure(instance, run, ended)


def _is_retried(instance: dg.DagsterInstance, run: dg.DagsterRun, *, patient: bool) -> bool:
    """Whether Dagster has retried a failed run, or, as far as one is patient, may still do so."""
    will_retry = run.tags.get(WILL_RETRY_TAG, "").lower() == "true"
    if will_retry and not run.is_complete_and_waiting_to_retry:
        return True
    undecided = instance.run_retries_enabled and WILL_RETRY_TAG not in run.tags
    return patient and (will_retry or undecided)


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


def _checks(instance: dg.DagsterInstance, monitored: Monitored, log: IncidentLog) -> Iterator[Finding]:
    """By the newest evaluation of each asset check."""
    newest = instance.event_log_storage.get_latest_asset_check_execution_by_key(monitored.checks)
    evaluated = {
        key: (record.run_id, record.event.timestamp, record.evaluation)
        for key, record in newest.items()
        if record.status is not AssetCheckExecutionRecordStatus.PLANNED and record.event and record.evaluation
    }
    failed_sources = {
        key.asset_key.path[-1]
        for key, (_run_id, _timestamp, evaluation) in evaluated.items()
        if key.name == FETCHED_CHECK and _is_error(evaluation)
    }
    for check, (run_id, timestamp, evaluation) in evaluated.items():
        source = check.asset_key.path[-1] if check.name == FETCHED_CHECK else None
        name = f"the source {source}" if source else f"the check {check.name} of {_name(check.asset_key)}"
        key, at = _check_key(check), datetime.fromtimestamp(timestamp, UTC)
        if not _is_error(evaluation):
            passed = "answered" if source else "passed"
            yield Resolution(key, at, f"{name} {passed} at {at:{_TIME}} UTC")
        elif (
            log.is_new(key, at) and not _repeats(evaluation, failed_sources) and not _run_failed(instance, run_id)
        ):
            metadata = [f"{label}: {_plain(value.value)}" for label, value in evaluation.metadata.items()]
            reason = " ".join("; ".join(filter(None, [evaluation.description, *metadata])).split())
            detail = f"{reason}\nEvaluated at {at:{_TIME}} UTC in run {run_id}."
            yield incident(key, "check", f"{name} failed", detail.strip(), at)


def _check_key(check: dg.AssetCheckKey) -> str:
    return f"check:{_name(check.asset_key)}:{check.name}"


def _is_error(evaluation: dg.AssetCheckEvaluation) -> bool:
    return not evaluation.passed and evaluation.severity is dg.AssetCheckSeverity.ERROR


def _repeats(evaluation: dg.AssetCheckEvaluation, failed_sources: set[str]) -> bool:
    """Whether a check failed only because sources did, whose own checks are incidents already."""
    named = evaluation.metadata.get("sources_failed")
    sources = set(named.value) if named is not None and isinstance(named.value, Mapping) else set()
    return bool(sources) and sources <= failed_sources


def _run_failed(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether the run failed, so that its own incident names the cause, or may still do so."""
    run = instance.get_run_by_id(run_id)
    return run is not None and (run.is_failure or not run.is_finished)


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_plain(one)}" for name, one in value.items())
    return "; ".join(map(_plain, value)) if isinstance(value, list | tuple) else str(value)


def _running_states(instance: dg.DagsterInstance, monitored: Monitored) -> States:
    wanted = {
        *(("schedule", schedule.name) for schedule in monitored.schedules),
        *(("sensor", sensor) for sensor in monitored.sensors),
    }
    states = {
        (state.instigator_type.value.lower(), state.instigator_name): state
        for state in instance.all_instigator_state()
        if state.is_running
    }
    return {name: states[name] for name in sorted(wanted & states.keys())}


def _ticks(instance: dg.DagsterInstance, states: States, now: datetime) -> Iterator[Finding]:
    """By the newest finished tick of each schedule and sensor."""
    for (kind, name), state in states.items():
        finished = [tick for tick in _newest_ticks(instance, state, now) if tick.status is not TickStatus.STARTED]
        if finished:
            yield _tick(kind, name, finished[0])


def _newest_ticks(instance: dg.DagsterInstance, state: InstigatorState, now: datetime) -> Sequence[InstigatorTick]:
    # One by one: the query for many at once sorts every tick that there ever was.
    after = now - _TICK_WINDOW[state.instigator_type.value.lower()]
    return instance.get_ticks(state.instigator_origin_id, state.selector_id, after=after.timestamp(), limit=2)


def _tick(kind: str, name: str, tick: InstigatorTick) -> Finding:
    key, at = f"{kind}:{name}", datetime.fromtimestamp(tick.timestamp, UTC)
    if tick.status is not TickStatus.FAILURE:
        return Resolution(key, at, f"the {kind} {name} ticked again at {at:{_TIME}} UTC")
    error = tick.error
    while error is not None and error.cause is not None:
        error = error.cause
    cause = " ".join(error.message.split()) if error else "unknown cause"
    detail = f"Its tick of {at:{_TIME}} UTC failed: {cause}"
    return incident(key, "schedule" if kind == "schedule" else "sensor", f"the {kind} {name} fails", detail, at)


def _counted_since(
    monitored: Monitored, states: States, log: IncidentLog, now: datetime
) -> dict[str, tuple[str, datetime]]:
    """Schedule → its cron expression, and since when it has run by that: starts before that were not missed."""
    counted = {}
    for schedule in monitored.schedules:
        cron, since = log.schedules.get(schedule.name, ("", now))
        if ("schedule", schedule.name) in states:
            counted[schedule.name] = (schedule.cron, min(since, now) if cron == schedule.cron else now)
    return counted


def _missed(
    instance: dg.DagsterInstance,
    monitored: Monitored,
    states: States,
    log: IncidentLog,
    counted_since: Mapping[str, tuple[str, datetime]],
    now: datetime,
) -> Iterator[Finding]:
    """By the last time, at least `PATIENCE` ago, at which each schedule should have ticked."""
    if log.evaluated_at is None or not timedelta() <= now - log.evaluated_at <= _GAP:
        # The daemon was down: it catches up first.
        return
    for schedule in monitored.schedules:
        state = states.get(("schedule", schedule.name))
        if state is None:
            continue
        key, name = f"missed:{schedule.name}", schedule.name
        ticks = _newest_ticks(instance, state, now)
        last_tick = datetime.fromtimestamp(ticks[0].timestamp, UTC) if ticks else None
        data = state.instigator_data
        started = (
            data.start_timestamp if isinstance(data, ScheduleInstigatorData) and data.start_timestamp else 0.0
        )
        since = max(counted_since[name][1], datetime.fromtimestamp(started, UTC), now - _MISSED_WINDOW)
        due = next(schedule.due_until(now - PATIENCE))
        if due > since and (last_tick is None or last_tick < due):
            detail = f"Due at {due:{_TIME}} UTC, and neither started nor skipped: does the daemon run?"
            yield incident(key, "missed", f"{name} missed a start", detail, due)
        elif last_tick is not None:
            yield Resolution(key, last_tick, f"{name} ticked again for {last_tick:{_TIME}} UTC")


def _stale(instance: dg.DagsterInstance, monitored: Monitored, now: datetime) -> Iterator[Finding]:
    """By the freshness policies; a table that was never materialized is not stale."""
    made_at = materialized_at(instance, (table.key for table in monitored.tables))
    for table in monitored.tables:
        name, window = _name(table.key), table.fail_window
        if name not in made_at:
            continue
        key, made = f"stale:{name}", made_at[name]
        if made + window < now:
            detail = f"Last materialized at {made:{_TIME}} UTC; it may be {_in_words(window)} old."
            yield incident(key, "stale", f"{name} is stale", detail, made + window)
        else:
            yield Resolution(key, made, f"{name} was materialized again at {made:{_TIME}} UTC")


def _removed(monitored: Monitored, log: IncidentLog, now: datetime) -> Iterator[Resolution]:
    """Ends incidents of what is no longer in the code; the end is not announced."""
    schedules = {schedule.name for schedule in monitored.schedules}
    present: dict[str, set[str]] = {
        "run": set(monitored.jobs),
        "check": {_check_key(check).removeprefix("check:") for check in monitored.checks},
        "schedule": schedules,
        "missed": schedules,
        "sensor": set(monitored.sensors),
        "stale": {_name(table.key) for table in monitored.tables},
    }
    for one in log.open:
        kind, name = one.key.split(":", 1)
        if not one.assets and kind in present and name not in present[kind]:
            yield Resolution(one.key, now, "")


def _in_words(window: timedelta) -> str:
    hours = window.total_seconds() / 3600
    return f"{hours / 24:g} days" if hours >= 72 else f"{hours:g} hours"


def _name(key: dg.AssetKey) -> str:
    return key.to_user_string()
