"""Counters of runs and postings, which never go down, however much of the history is removed.

They are kept among Dagster's cursors, with the place up to which the history has been counted, so that each run is
counted once. Only one process may update them: the web process does, for each scrape of its metrics.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import dagster as dg
from dagster import DagsterEventType

from market_assets.operations.names import FAILURE_REPEATED_TAG

_KEY = "market_assets/counters"
_End = Literal[DagsterEventType.RUN_SUCCESS, DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_CANCELED]
_STATUSES: dict[_End, str] = {
    DagsterEventType.RUN_SUCCESS: "success",
    DagsterEventType.RUN_FAILURE: "failed",
    DagsterEventType.RUN_CANCELED: "canceled",
}
#: More that is new is counted in several updates.
_AT_ONCE = 5_000
_POSTINGS = dg.AssetKey("job_postings")
_COUNTED = ("postings_in", "rejected", "duplicates")


@dataclass
class Counters:
    """What has been counted since the first update."""

    #: job → status → runs.
    runs: dict[str, dict[str, int]] = field(default_factory=dict)
    #: job → number of runs that had begun, and their total seconds.
    durations: dict[str, list[float]] = field(default_factory=dict)
    #: job → when its newest run ended (Unix time), and its seconds.
    newest: dict[str, list[float]] = field(default_factory=dict)
    #: postings_in, rejected and duplicates → postings.
    postings: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTED, 0))
    #: source → ingestion runs in which it failed, entirely or in part.
    source_failures: dict[str, int] = field(default_factory=dict)
    #: Kind of event or asset → the id in the event log up to which everything has been counted.
    counted: dict[str, int] = field(default_factory=dict)
    #: asset → the last run that was counted: a run of many days reports the same figures for each of them.
    last_run: dict[str, str] = field(default_factory=dict)


def update_counters(instance: dg.DagsterInstance, sources: Sequence[dg.AssetKey]) -> Counters:
    """Count what is new in the history; returns the counters and saves them where they changed.

    Args:
        instance: whose history is counted.
        sources: the assets of the sources, `raw_postings/<source>`.
    """
    counters = _load(instance)
    before = asdict(counters)
    for kind, status in _STATUSES.items():
        _count_ends(instance, counters, kind, status)
    for metadata in _new_materializations(instance, counters, _POSTINGS):
        for name in _COUNTED:
            counters.postings[name] += _number(metadata, name)
    for key in sources:
        source = key.path[-1]
        counters.source_failures.setdefault(source, 0)
        for metadata in _new_materializations(instance, counters, key):
            counters.source_failures[source] += "status" in metadata and metadata["status"].value == "failed"
    if asdict(counters) != before:
        instance.daemon_cursor_storage.set_cursor_values({_KEY: json.dumps(asdict(counters))})
    return counters


def _load(instance: dg.DagsterInstance) -> Counters:
    stored = instance.daemon_cursor_storage.get_cursor_values({_KEY}).get(_KEY)
    return Counters(**json.loads(stored)) if stored else Counters()


def _count_ends(instance: dg.DagsterInstance, counters: Counters, kind: _End, status: str) -> None:
    """Count the runs whose end of this kind has not been counted, oldest first."""
    newest = instance.fetch_run_status_changes(kind, limit=1).records
    after = _counted(counters, kind.value, newest[0].storage_id if newest else 0)
    unread = dg.RunStatusChangeRecordsFilter(kind, after_storage_id=after)
    records = instance.fetch_run_status_changes(unread, limit=_AT_ONCE, ascending=True).records
    runs = instance.get_run_records(dg.RunsFilter(run_ids=[one.run_id for one in records])) if records else []
    by_id = {run.dagster_run.run_id: run for run in runs}
    for record in records:
        run = by_id.get(record.run_id)
        if run is not None and not run.dagster_run.is_finished:
            # The event has been stored, and the status of the run is about to be.
            break
        if run is not None and not _is_repeated(instance, run.dagster_run, record):
            _count_run(counters, run, status)
        after = record.storage_id
    counters.counted[kind.value] = after


def _is_repeated(instance: dg.DagsterInstance, run: dg.DagsterRun, record: dg.EventLogRecord) -> bool:
    """Whether a failure was reported before; the sensor `lost_retries` reports some again."""
    if FAILURE_REPEATED_TAG not in run.tags:
        return False
    first = next(iter(instance.all_logs(run.run_id, of_type=DagsterEventType.RUN_FAILURE)))
    return record.timestamp > first.timestamp


def _counted(counters: Counters, name: str, newest_id: int) -> int:
    """The id up to which was counted; 0 where the history was removed and its ids begin again."""
    counted = counters.counted.get(name, 0)
    return counted if counted <= newest_id else 0


def _count_run(counters: Counters, record: dg.RunRecord, status: str) -> None:
    job = record.dagster_run.job_name
    of_job = counters.runs.setdefault(job, {})
    of_job[status] = of_job.get(status, 0) + 1
    if record.start_time is not None and record.end_time is not None:
        seconds = max(0.0, record.end_time - record.start_time)
        count, total = counters.durations.get(job, (0, 0.0))
        counters.durations[job] = [count + 1, total + seconds]
        if job not in counters.newest or record.end_time >= counters.newest[job][0]:
            counters.newest[job] = [record.end_time, seconds]


def _new_materializations(instance: dg.DagsterInstance, counters: Counters, key: dg.AssetKey) -> Iterator[Any]:
    """The metadata of an asset's materializations that have not been counted, one a run, oldest first."""
    name = key.to_user_string()
    newest = instance.fetch_materializations(key, limit=1).records
    after = _counted(counters, name, newest[0].storage_id if newest else 0)
    unread = dg.AssetRecordsFilter(asset_key=key, after_storage_id=after)
    for record in instance.fetch_materializations(unread, limit=_AT_ONCE, ascending=True).records:
        if record.asset_materialization and record.run_id != counters.last_run.get(name):
            counters.last_run[name] = record.run_id
            yield record.asset_materialization.metadata
        after = record.storage_id
    counters.counted[name] = after


def _number(metadata: Any, name: str) -> int:
    value = metadata[name].value if name in metadata else 0
    return int(value) if isinstance(value, int | float) else 0
