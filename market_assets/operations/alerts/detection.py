"""Detects incidents and their ends from what Dagster has stored.

Detection keeps no record of what it has read: it reads the recent history each time, and `IncidentLog.updated`
ignores what is known already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

import dagster as dg

from market_assets.dagster_ext.run_events import AssetCheckExecutionRecordStatus
from market_assets.dagster_ext.schedules import InstigatorState, InstigatorTick, ScheduleInstigatorData, TickStatus
from market_assets.operations.alerts.failed_runs import run_findings
from market_assets.operations.alerts.incidents import Finding, IncidentLog, Resolution, incident
from market_assets.operations.monitored import Monitored, MonitoredSchedule, materialized_at
from market_assets.operations.names import FETCHED_CHECK

#: A schedule may be so late before a start counts as missed.
PATIENCE = timedelta(minutes=10)
#: Evaluations that are further apart than this: the daemon was down in between.
_GAP = timedelta(minutes=5)
#: Sensors tick by the minute; without a bound, their ticks of all days would be sorted to find the newest.
_TICK_WINDOW = {"schedule": timedelta(days=8), "sensor": timedelta(hours=1)}
_TICKS = {"schedule": 20, "sensor": 2}
_MISSED_WINDOW = timedelta(days=7)
_TIME = "%Y-%m-%d %H:%M"


def detect(
    instance: dg.DagsterInstance, monitored: Monitored, log: IncidentLog, now: datetime
) -> tuple[list[Finding], IncidentLog]:
    """What began and what ended, and the log to update with it, which has been evaluated up to now."""
    awake_since = log.awake_since
    # The clock may have been set back, too.
    if awake_since is None or log.evaluated_at is None or not timedelta() <= now - log.evaluated_at <= _GAP:
        awake_since = now
    states = _running_states(instance, monitored)
    counted_since = _counted_since(monitored, states, log, now)
    seen = replace(log, evaluated_at=now, awake_since=awake_since, schedules=counted_since)
    findings = [
        *run_findings(instance, log, now),
        *_checks(instance, monitored, log),
        *_ticks(instance, monitored, states, seen),
        *_stale(instance, monitored, now),
        *_removed(monitored, log, now),
    ]
    return findings, seen


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
            detail = f"{_reason(evaluation)}\nEvaluated at {at:{_TIME}} UTC in run {run_id}."
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


def _reason(evaluation: dg.AssetCheckEvaluation) -> str:
    metadata = [f"{name}: {_plain(value.value)}" for name, value in evaluation.metadata.items()]
    return " ".join("; ".join(filter(None, (evaluation.description, *metadata))).split())


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_plain(one)}" for name, one in value.items())
    return "; ".join(map(_plain, value)) if isinstance(value, list | tuple) else str(value)


def _running_states(instance: dg.DagsterInstance, monitored: Monitored) -> dict[tuple[str, str], InstigatorState]:
    """What Dagster has stored of the schedules and sensors that run, by "schedule" or "sensor" and name."""
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


def _ticks(
    instance: dg.DagsterInstance,
    monitored: Monitored,
    states: Mapping[tuple[str, str], InstigatorState],
    log: IncidentLog,
) -> Iterator[Finding]:
    """By the newest ticks of each schedule and sensor; `log` is that of this evaluation."""
    assert log.evaluated_at is not None
    schedules = {schedule.name: schedule for schedule in monitored.schedules}
    for (kind, name), state in states.items():
        # One by one: the query for many at once sorts every tick that there ever was.
        after = (log.evaluated_at - _TICK_WINDOW[kind]).timestamp()
        origin, selector = state.instigator_origin_id, state.selector_id
        ticks = instance.get_ticks(origin, selector, after=after, limit=_TICKS[kind])
        finished = next((tick for tick in ticks if tick.status is not TickStatus.STARTED), None)
        if finished is not None:
            yield _tick(kind, name, finished)
        if kind == "schedule":
            yield from _missed(schedules[name], state, ticks, log)


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
    monitored: Monitored, states: Mapping[tuple[str, str], InstigatorState], log: IncidentLog, now: datetime
) -> dict[str, tuple[str, datetime]]:
    """Schedule → its cron expression, and since when it has run by that: starts before that were not missed."""
    counted = {}
    for schedule in monitored.schedules:
        cron, since = log.schedules.get(schedule.name, ("", now))
        if ("schedule", schedule.name) in states:
            counted[schedule.name] = (schedule.cron, min(since, now) if cron == schedule.cron else now)
    return counted


def _missed(
    schedule: MonitoredSchedule, state: InstigatorState, ticks: Sequence[InstigatorTick], log: IncidentLog
) -> Iterator[Finding]:
    """By the times at which a schedule should have ticked since its last incident.

    It missed one without a tick if it has ticked for a later one, or if nothing has come for `PATIENCE`.
    """
    assert log.evaluated_at is not None
    assert log.awake_since is not None
    key, now = f"missed:{schedule.name}", log.evaluated_at
    ticked = {datetime.fromtimestamp(tick.timestamp, UTC) for tick in ticks}
    last_tick, newest = max(ticked, default=None), log.newest(key)
    if newest is not None and newest.over_at is None:
        if last_tick is not None and last_tick > newest.begun_at:
            yield Resolution(key, last_tick, f"{schedule.name} ticked again for {last_tick:{_TIME}} UTC")
        return
    data = state.instigator_data
    started = data.start_timestamp if isinstance(data, ScheduleInstigatorData) and data.start_timestamp else 0.0
    since = [log.schedules[schedule.name][1], datetime.fromtimestamp(started, UTC), now - _MISSED_WINDOW]
    if newest is not None and newest.over_at is not None:
        since.append(newest.over_at)
    if len(ticks) >= _TICKS["schedule"]:
        since.append(min(ticked))
    # While the daemon was down nothing could tick; once it is back it takes a while to catch up.
    until = now - PATIENCE if now - log.awake_since >= PATIENCE else datetime.fromtimestamp(0, UTC)
    until = max(until, last_tick or until)
    due = takewhile(lambda time: time <= until, schedule.ticks_after(max(since)))
    missed = [time for time in due if time not in ticked]
    if missed:
        count = f"{len(missed)} starts" if len(missed) > 1 else "a start"
        last = f" to {missed[-1]:{_TIME}}" if len(missed) > 1 else ""
        detail = f"Due at {missed[0]:{_TIME}}{last} UTC, and neither started nor skipped: was the daemon down?"
        yield incident(key, "missed", f"{schedule.name} missed {count}", detail, missed[-1])
        if last_tick is not None and last_tick > missed[-1]:
            yield Resolution(key, last_tick, f"{schedule.name} ticked again for {last_tick:{_TIME}} UTC")


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
    schedules = [schedule.name for schedule in monitored.schedules]
    present = {
        *(f"run:{job}" for job in monitored.jobs),
        *map(_check_key, monitored.checks),
        *(f"{prefix}:{name}" for prefix in ("schedule", "missed") for name in schedules),
        *(f"sensor:{name}" for name in monitored.sensors),
        *(f"stale:{_name(table.key)}" for table in monitored.tables),
    }
    for one in log.open:
        if not one.assets and one.key not in present:
            yield Resolution(one.key, now, "")


def _in_words(window: timedelta) -> str:
    hours = window.total_seconds() / 3600
    return f"{hours / 24:g} days" if hours >= 72 else f"{hours:g} hours"


def _name(key: dg.AssetKey) -> str:
    return key.to_user_string()
