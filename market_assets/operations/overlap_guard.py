"""The one guard that a scheduled start passes: did someone take the job off the schedule, is it active already?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from market_assets.defs.partitions import PARTITION_TAG
from market_assets.operations.pauses import reason_to_stay_off, schedule_states

if TYPE_CHECKING:
    from dagster import RunRecord

    from market_assets.store.database import Database

#: Statuses of a run that has not ended; a queued one counts, or a slow night would pile them up.
ACTIVE = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.SUSPENDED,
    dg.DagsterRunStatus.CANCELING,
]
_RANGE_START = "dagster/asset_partition_range_start"
_RANGE_END = "dagster/asset_partition_range_end"


def reason_to_skip(instance: dg.DagsterInstance, job: str, partition: str | None = None) -> str | None:
    """Why a scheduled start of a job (on a partition) should be skipped now; None where it should not."""
    run = active_run(instance, job, partition)
    if run is None:
        return None
    about = f" on {partition}" if partition else ""
    return f"{job}{about} is still active: run {run.run_id} is {run.status.value.lower()}"


def reason_off_schedule(
    instance: dg.DagsterInstance, database: Database, job: str, schedule: str, now: datetime
) -> str | None:
    """Why a scheduled start should be skipped by what people decided: a pause, a deletion, a stop of everything.

    Dagster does not start a schedule that is stopped. This holds where it was started all the same: a deleted
    job's in the UI, or every schedule at once because Dagster's own history was removed.
    """
    from market_assets.store.schedule_overrides import read_overrides_if_any

    overrides = read_overrides_if_any(database)
    if not (overrides.jobs or overrides.stop):
        return None
    return reason_to_stay_off(overrides, job, schedule_states(instance).get(schedule), now)


def reason_against_start(instance: dg.DagsterInstance, database: Database, job: str, now: datetime) -> str | None:
    """Why something else than a schedule should not start a job either; None where it may.

    A pause, a deletion and a stop hold for sensors too; so does stopping the job's schedule in the UI.
    """
    schedule = f"{job}_schedule"
    if reason := reason_off_schedule(instance, database, job, schedule, now):
        return reason
    state = schedule_states(instance).get(schedule)
    return f"{schedule} is stopped" if state is not None and not state.is_running else None


def active_run(instance: dg.DagsterInstance, job: str, partition: str | None = None) -> dg.DagsterRun | None:
    """A run of a job (on a partition) that has not ended; None where there is none."""
    for record in instance.get_run_records(dg.RunsFilter(job_name=job, statuses=ACTIVE)):
        if partition is None or _is_about(record, partition):
            return record.dagster_run
    return None


def _is_about(record: RunRecord, partition: str) -> bool:
    tags = record.dagster_run.tags
    if PARTITION_TAG in tags:
        return tags[PARTITION_TAG] == partition
    if _RANGE_START in tags and _RANGE_END in tags:
        return tags[_RANGE_START] <= partition <= tags[_RANGE_END]
    # A run that names no partition is about the day that it was made on.
    return record.create_timestamp.astimezone(UTC).date().isoformat() == partition
