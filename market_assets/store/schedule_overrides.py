"""What people have changed about the schedule: pauses and deletions of jobs, stops of the whole scheduler.

Whether a schedule runs is stored by Dagster; these tables hold what Dagster has no place for: who changed it, why,
until when, and which jobs are on the schedule again afterwards.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from market_assets.store.database import Database, connected, has_table
from market_assets.store.tables.administration import scheduled_jobs, scheduler_stops

_NO_PAUSE: dict[str, Any] = {"paused_at": None, "paused_by": None, "pause_reason": None, "paused_until": None}


@dataclass(frozen=True)
class Pause:
    """A pause of a job, until a time or, without one, until someone resumes the job."""

    at: datetime
    by: str
    reason: str | None = None
    until: datetime | None = None

    def is_over(self, now: datetime) -> bool:
        return self.until is not None and self.until <= now


@dataclass(frozen=True)
class Change:
    """When something was changed, and by whom."""

    at: datetime
    by: str


@dataclass(frozen=True)
class JobOverrides:
    """A job: when it was first seen, and its deletion and pause, if any.

    While the scheduler is stopped or the job deleted, `resumes` is whether it is on the schedule again afterwards.
    """

    registered_at: datetime
    deletion: Change | None = None
    pause: Pause | None = None
    resumes: bool = False


@dataclass(frozen=True)
class ScheduleOverrides:
    """The overrides by job name, and the stop of the scheduler, None while it is not stopped."""

    jobs: dict[str, JobOverrides] = field(default_factory=dict)
    stop: Change | None = None

    def is_deleted(self, job: str) -> bool:
        return job in self.jobs and self.jobs[job].deletion is not None

    def pause_of(self, job: str) -> Pause | None:
        return self.jobs[job].pause if job in self.jobs else None


def read_overrides(engine: sa.Engine) -> ScheduleOverrides:
    """Read the overrides.

    Raises:
        StoreUnavailableError: the database does not answer.
    """
    with connected(engine) as connection:
        jobs = {row.job: _job_overrides(row) for row in connection.execute(sa.select(scheduled_jobs))}
        stop = connection.execute(sa.select(scheduler_stops)).first()
    return ScheduleOverrides(jobs, Change(stop.stopped_at, stop.stopped_by) if stop else None)


def read_overrides_if_any(database: Database) -> ScheduleOverrides:
    """As `read_overrides`; empty where the database or its tables do not exist yet."""
    return read_overrides(database.engine()) if has_table(database, scheduler_stops.name) else ScheduleOverrides()


def register(engine: sa.Engine, jobs: Iterable[str], now: datetime) -> None:
    """Store when jobs were first seen; known ones are left as they are."""
    with _changing(engine) as connection:
        for job in jobs:
            _register(connection, job, now)


def pause(engine: sa.Engine, job: str, pause: Pause) -> None:
    """Store a pause, replacing an earlier one; the start of a stopped scheduler does not end it."""
    values = {
        "paused_at": pause.at,
        "paused_by": pause.by,
        "pause_reason": pause.reason,
        "paused_until": pause.until,
    }
    with _changing(engine) as connection:
        _register(connection, job, pause.at)
        _update_job(connection, job, **values, resumes=False)


def end_pause(engine: sa.Engine, job: str, begun_at: datetime | None = None) -> bool:
    """Delete a job's pause, with `begun_at` only the one that began then; returns whether there was one."""
    ended = sa.update(scheduled_jobs).where(scheduled_jobs.c.job == job, scheduled_jobs.c.paused_at.is_not(None))
    if begun_at is not None:
        ended = ended.where(scheduled_jobs.c.paused_at == begun_at)
    with _changing(engine) as connection:
        return connection.execute(ended.values(_NO_PAUSE)).rowcount > 0


def delete(engine: sa.Engine, job: str, deletion: Change, *, resumes: bool) -> None:
    """Mark a job as deleted; `resumes`: whether it is on the schedule again when it is restored."""
    with _changing(engine) as connection:
        _register(connection, job, deletion.at)
        _update_job(connection, job, deleted_at=deletion.at, deleted_by=deletion.by, resumes=resumes)


def restore(engine: sa.Engine, job: str) -> None:
    """Remove the mark that a job is deleted."""
    with _changing(engine) as connection:
        _update_job(connection, job, deleted_at=None, deleted_by=None)


def resume_later(engine: sa.Engine, job: str) -> None:
    """Put a job on the schedule again when the scheduler is started, or when the job is restored."""
    with _changing(engine) as connection:
        _update_job(connection, job, resumes=True)


def stop(engine: sa.Engine, stop: Change, resumed: Collection[str]) -> None:
    """Mark the scheduler as stopped; `resumed` are the jobs that are on the schedule again when it is started."""
    table = scheduled_jobs.c
    with _changing(engine) as connection:
        connection.execute(sa.delete(scheduler_stops))
        connection.execute(sa.insert(scheduler_stops).values(id=1, stopped_at=stop.at, stopped_by=stop.by))
        present = sa.update(scheduled_jobs).where(table.deleted_at.is_(None))
        connection.execute(present.values(resumes=table.job.in_(resumed)))


def start(engine: sa.Engine) -> None:
    """Remove the mark that the scheduler is stopped."""
    with _changing(engine) as connection:
        connection.execute(sa.delete(scheduler_stops))


def _job_overrides(row: Any) -> JobOverrides:
    return JobOverrides(
        registered_at=row.registered_at,
        deletion=Change(row.deleted_at, row.deleted_by) if row.deleted_at else None,
        pause=Pause(row.paused_at, row.paused_by, row.pause_reason, row.paused_until) if row.paused_at else None,
        resumes=row.resumes,
    )


def _update_job(connection: sa.Connection, job: str, **values: Any) -> None:
    connection.execute(sa.update(scheduled_jobs).where(scheduled_jobs.c.job == job).values(values))


def _register(connection: sa.Connection, job: str, at: datetime) -> None:
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    connection.execute(insert(scheduled_jobs).values(job=job, registered_at=at).on_conflict_do_nothing())


@contextmanager
def _changing(engine: sa.Engine) -> Iterator[sa.Connection]:
    with connected(engine) as connection, connection.begin():
        yield connection
