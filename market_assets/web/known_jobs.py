"""The jobs of the code locations: when they are due, what they run, and problems of the user's own tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import dagster as dg

from market_assets.dagster_ext.workspace import (
    CodeLocationError,
    RemoteRepository,
    RemoteSchedule,
    WorkspaceProcessContext,
    jobs_of,
    load_failure,
    repositories,
)
from market_assets.operations.monitored import monitored_schedule
from market_assets.operations.names import RUNS_TAG, TASK_PROBLEMS, TASKS_SENSOR


@dataclass(frozen=True)
class KnownJob:
    """A job, and the schedules that start it, if there are any."""

    job_id: str
    repository: RemoteRepository
    schedules: tuple[RemoteSchedule, ...]

    @property
    def cron(self) -> str:
        """When the job is due, see `MonitoredSchedule.cron`; empty where no schedule starts it."""
        return ", ".join(monitored_schedule(schedule).cron for schedule in self.schedules)

    @property
    def schedule_names(self) -> list[str]:
        return [schedule.name for schedule in self.schedules]

    @property
    def description(self) -> str | None:
        description: str | None = self.repository.get_full_job(self.job_id).description
        return description

    @property
    def func_name(self) -> str:
        """The assets that it makes, as Dagster's asset selection, or the function that it calls."""
        tags: Mapping[str, str] = self.repository.get_full_job(self.job_id).tags
        return tags.get(RUNS_TAG, self.job_id)

    @property
    def partitions(self) -> dg.PartitionsDefinition | None:
        """How the job's assets are partitioned; None where they are not."""
        for snap in self.repository.get_asset_node_snaps(self.job_id):
            if snap.partitions is not None:
                return snap.partitions.get_partitions_definition()
        return None

    def next_run(self, now: datetime) -> datetime:
        """When a schedule of the job is due next, whether or not it is running."""
        return min(monitored_schedule(schedule).next_due(now) for schedule in self.schedules)


def known_jobs(context: WorkspaceProcessContext) -> dict[str, KnownJob]:
    """Every job, without Dagster's own for assets that are materialized by hand, by its name.

    Raises:
        CodeLocationError: there is none, because the code does not load.
    """
    found: dict[str, KnownJob] = {}
    for _location, repository in repositories(context):
        for job_id in jobs_of(repository):
            schedules = repository.schedules_by_job_name.get(job_id, ())
            ordered = tuple(sorted(schedules, key=lambda schedule: schedule.name))
            found[job_id] = KnownJob(job_id, repository, ordered)
    if not found and (failure := load_failure(context)):
        raise CodeLocationError(failure)
    return dict(sorted(found.items()))


def task_problems(context: WorkspaceProcessContext) -> list[str]:
    """Problems of the files of the user's own tasks, as the code location found them."""
    found: list[str] = []
    for _location, repository in repositories(context):
        if repository.has_sensor(TASKS_SENSOR) and (metadata := repository.get_sensor(TASKS_SENSOR).metadata):
            listed = (metadata.standard_metadata or {}).get(TASK_PROBLEMS)
            found += map(str, listed.value or []) if isinstance(listed, dg.JsonMetadataValue) else []
    return found
