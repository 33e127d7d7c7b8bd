"""Looking at Dagster's instance: what happened since the last look, in a handful of small queries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from market_assets.dagster_ext.run_events import AssetCheckExecutionRecordStatus
from market_assets.operations.alerts.detection import judged
from market_assets.operations.alerts.ended_runs import ended_runs
from market_assets.operations.alerts.incidents import Book, Cursor
from market_assets.operations.alerts.monitored import Watched
from market_assets.operations.alerts.observation import Observed, SeenCheck, SeenSchedule, SeenTable
from market_assets.operations.alerts.ticks import newest_finished, newest_ticks, running_states, seen_schedules

#: Looks that are further apart than this: the daemon was down in between.
_GAP = timedelta(minutes=5)


def observe(instance: dg.DagsterInstance, watched: Watched, book: Book, now: datetime) -> tuple[Observed, Cursor]:
    """What is to be seen now, and the cursor to go on from once the book has been saved."""
    cursor = book.cursor
    awake_since = cursor.awake_since
    # The clock may have been set back, too.
    if awake_since is None or cursor.looked_at is None or not timedelta() <= now - cursor.looked_at <= _GAP:
        awake_since = now
    runs, ends, waiting = ended_runs(instance, cursor, now)
    states = running_states(instance, watched)
    ticks = newest_ticks(instance, states, now)
    schedules = tuple(seen_schedules(watched, states, ticks, cursor, now))
    waited_for = {asset for one in book.open for asset in one.assets}
    made = made_at(instance, [*(table.key for table in watched.tables), *map(_key, waited_for)])
    seen = Observed(
        now=now,
        awake_since=awake_since,
        runs=tuple(runs),
        checks=tuple(_checks(instance, watched)),
        ticks=tuple(filter(None, (newest_finished(name, state, ticks) for name, state in states.items()))),
        schedules=schedules,
        tables=tuple(
            SeenTable(name, made.get(name), table.fail_window)
            for table in watched.tables
            for name in (table.key.to_user_string(),)
        ),
        made=made,
    )
    moments = {schedule.name: (schedule.cron, _judged_until(schedule, seen, cursor)) for schedule in schedules}
    return seen, replace(
        cursor, ends=ends, waiting=waiting, moments=moments, looked_at=now, awake_since=awake_since
    )


def _checks(instance: dg.DagsterInstance, watched: Watched) -> Iterator[SeenCheck]:
    newest = instance.event_log_storage.get_latest_asset_check_execution_by_key(watched.checks)
    failed_runs: dict[str, bool] = {}
    for key, record in newest.items():
        evaluation = record.evaluation
        if record.status is AssetCheckExecutionRecordStatus.PLANNED or record.event is None or evaluation is None:
            continue
        failed = not evaluation.passed and evaluation.severity is dg.AssetCheckSeverity.ERROR
        if failed and record.run_id not in failed_runs:
            run = instance.get_run_by_id(record.run_id)
            if run is not None and not run.is_finished:
                # What the run comes to decides whether the check is told of by itself.
                continue
            failed_runs[record.run_id] = run is not None and run.is_failure
        yield SeenCheck(
            asset=key.asset_key.to_user_string(),
            name=key.name,
            passed=not failed,
            at=datetime.fromtimestamp(record.event.timestamp, UTC),
            run_id=record.run_id,
            run_failed=failed and failed_runs[record.run_id],
            reason=_reason(evaluation) if failed else "",
            sources=tuple(_named(evaluation.metadata, "sources_failed")) if failed else (),
        )


def _reason(evaluation: dg.AssetCheckEvaluation) -> str:
    told = [f"{name}: {_plain(value.value)}" for name, value in evaluation.metadata.items()]
    return " ".join("; ".join(filter(None, (evaluation.description, *told))).split())


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_plain(one)}" for name, one in value.items())
    return "; ".join(map(_plain, value)) if isinstance(value, list | tuple) else str(value)


def _named(metadata: Mapping[str, dg.MetadataValue], name: str) -> Iterable[str]:
    value = metadata[name].value if name in metadata else None
    return value.keys() if isinstance(value, Mapping) else ()


def made_at(instance: dg.DagsterInstance, keys: list[dg.AssetKey]) -> dict[str, datetime]:
    """When each asset was made last; without those that never were."""
    made = {}
    for record in instance.get_asset_records(list(dict.fromkeys(keys))) if keys else ():
        event = record.asset_entry.last_materialization
        if event is not None:
            made[record.asset_entry.asset_key.to_user_string()] = datetime.fromtimestamp(event.timestamp, UTC)
    return made


def _key(name: str) -> dg.AssetKey:
    return dg.AssetKey.from_user_string(name)


def _judged_until(schedule: SeenSchedule, seen: Observed, cursor: Cursor) -> datetime:
    if schedule.moments is None:
        return seen.now
    told = judged(schedule, seen)
    return told[-1] if told else cursor.moments[schedule.name][1]
