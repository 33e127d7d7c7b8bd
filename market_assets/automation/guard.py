"""The one guard that a scheduled start passes: is the job active already?"""

from __future__ import annotations

import dagster as dg

from market_assets.assets.moments import PARTITION_TAG

#: Statuses of a run that has not ended; a queued one counts, or a slow night would pile them up.
ACTIVE = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def reason_to_skip(instance: dg.DagsterInstance, job: str, partition: str | None = None) -> str | None:
    """Why a scheduled start of a job (on a partition) should be skipped now; None where it should not."""
    tags = {PARTITION_TAG: partition} if partition else {}
    active = instance.get_runs(dg.RunsFilter(job_name=job, statuses=ACTIVE, tags=tags), limit=1)
    if not active:
        return None
    about = f" on {partition}" if partition else ""
    run = active[0]
    return f"{job}{about} is still active: run {run.run_id} is {run.status.value.lower()}"
