"""The jobs of the code locations, and control of their schedules: stop and start, pause, deletion and their end.

Dagster keeps whether a schedule runs, so that its UI shows what was done here and the reverse; the store keeps the
overrides that Dagster has no place for. An override is written first when something is taken off the schedule, and
removed last when it is put back: if that is interrupted, the guard holds back the rest, and repeating the call
completes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from market_assets.dagster_ext.records import InstigatorState
from market_assets.dagster_ext.workspace import (
    CodeLocationError,
    RemoteRepository,
    RemoteSchedule,
    WorkspaceProcessContext,
    is_running,
    jobs_of,
    load_failure,
    repositories,
)
from market_assets.operations.monitored import monitored_schedule
from market_assets.operations.names import RUNS_TAG, TASK_PROBLEMS, TASKS_SENSOR
from market_assets.operations.scheduling import (
    end_pauses,
    pause_in_force,
    reason_to_stay_off,
    schedule_states,
    started_since,
)
from market_assets.store import schedule_overrides
from market_assets.store.database import Database
from market_assets.store.lock import mutex
from market_assets.store.schedule_overrides import Change, Pause, ScheduleOverrides
from market_assets.web.admin.models import JobStatus
from market_assets.web.errors import ApiError


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


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Overview:
    """Jobs, their schedules and the overrides of these, at one time."""

    now: datetime
    every_job: Mapping[str, KnownJob]
    overrides: ScheduleOverrides
    states: Mapping[str, InstigatorState]

    @property
    def jobs(self) -> dict[str, KnownJob]:
        """All jobs but the deleted ones."""
        return {name: job for name, job in self.every_job.items() if not self.overrides.is_deleted(name)}

    @property
    def scheduled_jobs(self) -> dict[str, KnownJob]:
        """Those that have a schedule, on or off."""
        return {name: job for name, job in self.jobs.items() if job.schedules}

    @property
    def is_stopped(self) -> bool:
        """Whether the scheduler was stopped, and nobody has started a schedule in the UI since."""
        return self.overrides.stop is not None and not any(map(self.is_scheduled, self.jobs.values()))

    def job(self, job_id: str) -> KnownJob:
        """A job that is not deleted.

        Raises:
            ApiError: 404, there is none.
        """
        if job_id not in self.jobs:
            raise ApiError(404, "Job not found")
        return self.jobs[job_id]

    def is_scheduled(self, job: KnownJob) -> bool:
        """Whether a job is started by a schedule."""
        return any(self._is_on(job, schedule) for schedule in job.schedules)

    def status_of(self, job: KnownJob) -> JobStatus:
        """Whether a job that is not deleted starts by itself."""
        if not job.schedules:
            return "unscheduled"
        return "scheduled" if self.is_scheduled(job) else "paused"

    def resumes(self, job: KnownJob) -> bool:
        """Whether a job is on the schedule, or waits for the start of a stopped scheduler."""
        waits = self.overrides.stop is not None and self.overrides.jobs[job.job_id].resumes
        return waits or self.is_scheduled(job)

    def pause_of(self, job: KnownJob) -> Pause | None:
        """A job's pause that was made through this API and is in force."""
        states = [self.states.get(schedule.name) for schedule in job.schedules]
        pauses = [pause_in_force(self.overrides, job.job_id, state, self.now) for state in states]
        return pauses[0] if pauses and all(pauses) else None

    def _is_on(self, job: KnownJob, schedule: RemoteSchedule) -> bool:
        state = self.states.get(schedule.name)
        return (
            is_running(schedule, self.states)
            and reason_to_stay_off(self.overrides, job.job_id, state, self.now) is None
        )


class Scheduler:
    """The schedules of one Dagster instance, with their overrides in the store.

    A change returns what was done, in words. It raises ApiError where it can't be made: 400, the scheduler is in
    that state already; 404, there is no such job; 422, the job has no schedule, or its pause would be over.
    """

    def __init__(self, context: WorkspaceProcessContext, database: Database) -> None:
        self.context = context
        self.engine = database.pooled_engine()
        # Other web processes of the same store may change the schedules at the same time.
        self._database = database

    def overview(self) -> Overview:
        """The present state; jobs that are new are registered now."""
        now = utc_now()
        jobs = known_jobs(self.context)
        overrides = schedule_overrides.read_overrides(self.engine)
        if not jobs.keys() <= overrides.jobs.keys():
            schedule_overrides.register(self.engine, jobs, now)
            overrides = schedule_overrides.read_overrides(self.engine)
        return Overview(now, jobs, overrides, schedule_states(self.context.instance))

    def start(self) -> str:
        """Resume exactly the schedules that ran when the scheduler was stopped."""
        with mutex(self._database):
            overview = self._settled()
            if overview.overrides.stop is None:
                raise _not_done("Scheduler is already running")
            for name, job in overview.jobs.items():
                if overview.overrides.jobs[name].resumes and overview.pause_of(job) is None:
                    self._start(job)
            schedule_overrides.start(self.engine)
        return "Scheduler started"

    def stop(self, by: str) -> str:
        """Pause every schedule, and store which ran."""
        with mutex(self._database):
            overview = self._settled()
            if overview.is_stopped:
                raise _not_done("Scheduler is not running")
            resumed = [name for name, job in overview.jobs.items() if overview.resumes(job)]
            schedule_overrides.stop(self.engine, Change(overview.now, by), resumed)
            for job in overview.every_job.values():
                self._stop(job, overview)
        return "Scheduler stopped"

    def pause(self, job_id: str, pause: Pause) -> str:
        """Take a job off the schedule until the pause ends."""
        with mutex(self._database):
            overview = self._settled()
            job = _with_schedule(overview.job(job_id))
            if pause.is_over(overview.now):
                raise ApiError(422, "until: is not in the future")
            schedule_overrides.pause(self.engine, job_id, pause)
            self._stop(job, overview)
        until = f" until {pause.until.isoformat()}" if pause.until else ""
        return f"Job {job_id} paused{until}"

    def resume(self, job_id: str) -> str:
        """Put a paused job back on the schedule; while the scheduler is stopped, for when it is started."""
        with mutex(self._database):
            overview = self._settled()
            job = _with_schedule(overview.job(job_id))
            waits = self._put_back(job, overview)
            schedule_overrides.end_pause(self.engine, job_id)
        return f"Job {job_id} resumed" + _waiting(waits)

    def delete(self, job_id: str, by: str) -> str:
        """Take a job off the schedule and off the list until it is restored."""
        with mutex(self._database):
            overview = self._settled()
            job = overview.job(job_id)
            change = Change(overview.now, by)
            schedule_overrides.delete(self.engine, job_id, change, resumes=overview.resumes(job))
            self._stop(job, overview)
        return f"Job {job_id} deleted"

    def restore(self, job_id: str) -> str:
        """Put a deleted job back on the list, and on the schedule if it was on it."""
        with mutex(self._database):
            overview = self._settled()
            if job_id not in overview.every_job:
                raise ApiError(404, "Job not found")
            if not overview.overrides.is_deleted(job_id):
                return f"Job {job_id} is not deleted"
            job = overview.every_job[job_id]
            waits = overview.overrides.jobs[job_id].resumes and self._put_back(job, overview)
            schedule_overrides.restore(self.engine, job_id)
        return f"Job {job_id} restored" + _waiting(waits)

    def _settled(self) -> Overview:
        """The present state, once the pauses that are over have been ended."""
        overview = self.overview()
        if not any(job.pause for job in overview.overrides.jobs.values()):
            return overview
        schedules = {name: job.schedule_names for name, job in overview.every_job.items()}
        end_pauses(self.engine, self.context.instance, schedules, overview.now)
        return self.overview()

    def _put_back(self, job: KnownJob, overview: Overview) -> bool:
        """Put a job on the schedule, while the scheduler is stopped at its start; returns whether it waits."""
        stop = overview.overrides.stop
        if stop is None:
            self._start(job)
            return False
        states = (overview.states.get(schedule.name) for schedule in job.schedules)
        waits = not all(started_since(state, stop.at) for state in states)
        if waits:
            schedule_overrides.resume_later(self.engine, job.job_id)
        return waits

    def _start(self, job: KnownJob) -> None:
        for schedule in job.schedules:
            self.context.instance.start_schedule(schedule)

    def _stop(self, job: KnownJob, overview: Overview) -> None:
        for schedule in job.schedules:
            if is_running(schedule, overview.states):
                origin_id = schedule.get_remote_origin_id()
                self.context.instance.stop_schedule(origin_id, schedule.selector_id, schedule)


def _with_schedule(job: KnownJob) -> KnownJob:
    if not job.schedules:
        raise ApiError(422, f"Job {job.job_id} has no schedule: it runs when it is triggered")
    return job


def _waiting(waits: bool) -> str:
    return ", and waits for the scheduler to be started" if waits else ""


def _not_done(message: str) -> ApiError:
    return ApiError(400, message, {"success": False, "message": message})
