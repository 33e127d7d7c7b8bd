"""Counters of what runs did, that only ever go up, however much of the history has been removed since.

They are kept among Dagster's cursors with how far the history has been counted; each run is counted once. Whoever
advances them must be the only one: it is the web process, when it is asked for metrics.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import dagster as dg
from dagster import DagsterEventType

_KEY = "market_assets/tally"
_End = Literal[DagsterEventType.RUN_SUCCESS, DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_CANCELED]
_STATUSES: dict[_End, str] = {
    DagsterEventType.RUN_SUCCESS: "success",
    DagsterEventType.RUN_FAILURE: "failed",
    DagsterEventType.RUN_CANCELED: "canceled",
}
_AT_ONCE = 500
#: Of a long history the rest is counted at the next times.
_MOST_BATCHES = 10
_POSTINGS = dg.AssetKey("job_postings")
_COUNTED = ("postings_in", "rejected", "duplicates")


@dataclass
class Tally:
    """What has been counted since the first time."""

    #: job → status → runs.
    runs: dict[str, dict[str, int]] = field(default_factory=dict)
    #: job → runs that had begun, and their seconds.
    durations: dict[str, list[float]] = field(default_factory=dict)
    #: job → when its newest run ended, and that one's seconds.
    newest: dict[str, list[float]] = field(default_factory=dict)
    #: postings_in, rejected and duplicates → postings.
    postings: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTED, 0))
    #: source → days that were ingested without it, or with a part of it.
    source_failures: dict[str, int] = field(default_factory=dict)
    #: Up to which of the event log's ids everything has been counted, by kind of event or asset.
    counted: dict[str, int] = field(default_factory=dict)
    #: asset → the last run that was counted: one of many days reports each day with the same figures.
    last_run: dict[str, str] = field(default_factory=dict)


def advance(instance: dg.DagsterInstance, sources: Sequence[dg.AssetKey]) -> Tally:
    """The tally up to now; it is saved where anything was counted.

    Args:
        instance: whose history is counted.
        sources: the assets of the sources, `raw_postings/<source>`.
    """
    tally = _load(instance)
    before = asdict(tally)
    for kind, status in _STATUSES.items():
        _count_ends(instance, tally, kind, status)
    for metadata in _new_materializations(instance, tally, _POSTINGS):
        for name in _COUNTED:
            tally.postings[name] += _number(metadata, name)
    for key in sources:
        source = key.path[-1]
        tally.source_failures.setdefault(source, 0)
        for metadata in _new_materializations(instance, tally, key):
            tally.source_failures[source] += "status" in metadata and metadata["status"].value == "failed"
    if asdict(tally) != before:
        instance.daemon_cursor_storage.set_cursor_values({_KEY: json.dumps(asdict(tally))})
    return tally


def _load(instance: dg.DagsterInstance) -> Tally:
    stored = instance.daemon_cursor_storage.get_cursor_values({_KEY}).get(_KEY)
    return Tally(**json.loads(stored)) if stored else Tally()


def _count_ends(instance: dg.DagsterInstance, tally: Tally, kind: _End, status: str) -> None:
    """Count the runs whose end of this kind has not been counted, oldest first."""
    newest = instance.fetch_run_status_changes(kind, limit=1).records
    newest_id = newest[0].storage_id if newest else 0
    after = _counted(tally, kind.value, newest_id)
    for _ in range(_MOST_BATCHES):
        if after >= newest_id:
            break
        unread = dg.RunStatusChangeRecordsFilter(kind, after_storage_id=after)
        records = instance.fetch_run_status_changes(unread, limit=_AT_ONCE, ascending=True).records
        runs = instance.get_run_records(dg.RunsFilter(run_ids=[record.run_id for record in records]))
        by_id = {run.dagster_run.run_id: run for run in runs}
        for record in records:
            run = by_id.get(record.run_id)
            if run is not None and not run.dagster_run.is_finished:
                # Its end has been written down, and what it came to has not, which takes a moment.
                tally.counted[kind.value] = after
                return
            if run is not None:
                _count_run(tally, run, status)
            after = record.storage_id
        if not records:
            break
    tally.counted[kind.value] = after


def _counted(tally: Tally, name: str, newest_id: int) -> int:
    """Up to where has been counted; from the start where the history was removed and numbered anew."""
    counted = tally.counted.get(name, 0)
    return counted if counted <= newest_id else 0


def _count_run(tally: Tally, record: dg.RunRecord, status: str) -> None:
    job = record.dagster_run.job_name
    of_job = tally.runs.setdefault(job, {})
    of_job[status] = of_job.get(status, 0) + 1
    if record.start_time is not None and record.end_time is not None:
        seconds = max(0.0, record.end_time - record.start_time)
        count, total = tally.durations.get(job, (0, 0.0))
        tally.durations[job] = [count + 1, total + seconds]
        if job not in tally.newest or record.end_time >= tally.newest[job][0]:
            tally.newest[job] = [record.end_time, seconds]


def _new_materializations(instance: dg.DagsterInstance, tally: Tally, key: dg.AssetKey) -> Iterator[Any]:
    """The metadata of an asset's materializations that have not been counted, one a run, oldest first."""
    name = key.to_user_string()
    newest = instance.fetch_materializations(key, limit=1).records
    newest_id = newest[0].storage_id if newest else 0
    after = _counted(tally, name, newest_id)
    for _ in range(_MOST_BATCHES):
        if after >= newest_id:
            break
        unread = dg.AssetRecordsFilter(asset_key=key, after_storage_id=after)
        records = instance.fetch_materializations(unread, limit=_AT_ONCE, ascending=True).records
        if not records:
            break
        for record in records:
            if record.asset_materialization and record.run_id != tally.last_run.get(name):
                tally.last_run[name] = record.run_id
                yield record.asset_materialization.metadata
        after = records[-1].storage_id
    tally.counted[name] = after


def _number(metadata: Any, name: str) -> int:
    value = metadata[name].value if name in metadata else 0
    return int(value) if isinstance(value, int | float) else 0
