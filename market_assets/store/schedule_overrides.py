"""What is remembered about jobs and schedules: who paused, deleted or stopped what, and what ran before.

Whether a schedule runs is Dagster's to say; here is only what Dagster has no place for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from market_assets.store.database import Database, StoreUnavailableError
from market_assets.store.tables.schedule_overrides import held_schedules, scheduled_jobs, scheduler_stops

#: What took a schedule out of service, and gives it back when it ends.
HeldBy = Literal["stop", "deletion"]
_NO_PAUSE: dict[str, Any] = {"paused_at": None, "paused_by": None, "pause_reason": None, "paused_until": None}
_STOP = {"id": 1}


@dataclass(frozen=True)
class Pause:
    """A job that someone took off the schedule: until a moment, or until someone resumes it."""

    at: datetime
    by: str
    reason: str | None = None
    until: datetime | None = None

    def is_over(self, now: datetime) -> bool:
        return self.until is not None and self.until <= now


@dataclass(frozen=True)
class Change:
    """Who did it, and when."""

    at: datetime
    by: str


@dataclass(frozen=True)
class RememberedJob:
    """A job since it was first seen."""

    registered_at: datetime
    deletion: Change | None = None
    pause: Pause | None = None


@dataclass(frozen=True)
class SchedulerMemory:
    """All that is remembered, as of one read."""

    jobs: dict[str, RememberedJob] = field(default_factory=dict)
    stop: Change | None = None
    held: dict[HeldBy, frozenset[str]] = field(default_factory=dict)

    def is_deleted(self, job: str) -> bool:
        return job in self.jobs and self.jobs[job].deletion is not None

    def pause_of(self, job: str) -> Pause | None:
        return self.jobs[job].pause if job in self.jobs else None


def recall(engine: sa.Engine) -> SchedulerMemory:
    """Read all that is remembered."""
    with _connected(engine) as connection:
        jobs = {row.job: _remembered_job(row) for row in connection.execute(sa.select(scheduled_jobs))}
        stop = connection.execute(sa.select(scheduler_stops)).first()
        held: dict[HeldBy, set[str]] = {"stop": set(), "deletion": set()}
        for row in connection.execute(sa.select(held_schedules)):
            held[row.held_by].add(row.schedule)
    return SchedulerMemory(
        jobs=jobs,
        stop=Change(stop.stopped_at, stop.stopped_by) if stop else None,
        held={cause: frozenset(schedules) for cause, schedules in held.items()},
    )


def recall_if_there(database: Database) -> SchedulerMemory:
    """As `recall`; nothing where the database or its tables have not been made yet."""
    if database.is_sqlite and not database.path.exists():
        return SchedulerMemory()
    engine = database.engine()
    with _connected(engine) as connection:
        if not sa.inspect(connection).has_table(scheduler_stops.name):
            return SchedulerMemory()
    return recall(engine)


def register(engine: sa.Engine, jobs: Iterable[str], now: datetime) -> None:
    """Remember when jobs were first seen; those that are known stay as they are."""
    with _changing(engine) as connection:
        for job in jobs:
            _insert_if_absent(connection, scheduled_jobs, job=job, registered_at=now)


def pause(engine: sa.Engine, job: str, pause: Pause) -> None:
    """Note a pause, in place of one there may be."""
    noted = {
        "paused_at": pause.at,
        "paused_by": pause.by,
        "pause_reason": pause.reason,
        "paused_until": pause.until,
    }
    with _changing(engine) as connection:
        _insert_if_absent(connection, scheduled_jobs, job=job, registered_at=pause.at)
        connection.execute(sa.update(scheduled_jobs).where(scheduled_jobs.c.job == job).values(noted))


def end_pause(engine: sa.Engine, job: str, begun_at: datetime | None = None) -> bool:
    """Forget a job's pause, with `begun_at` only the one that began then; returns whether there was one."""
    ended = sa.update(scheduled_jobs).where(scheduled_jobs.c.job == job, scheduled_jobs.c.paused_at.is_not(None))
    if begun_at is not None:
        ended = ended.where(scheduled_jobs.c.paused_at == begun_at)
    with _changing(engine) as connection:
        return connection.execute(ended.values(_NO_PAUSE)).rowcount > 0


def delete(engine: sa.Engine, job: str, deletion: Change, schedules: Iterable[str]) -> None:
    """Note that a job is off the list, and which of its schedules run again when it is restored."""
    noted = {"deleted_at": deletion.at, "deleted_by": deletion.by}
    with _changing(engine) as connection:
        _insert_if_absent(connection, scheduled_jobs, job=job, registered_at=deletion.at)
        connection.execute(sa.update(scheduled_jobs).where(scheduled_jobs.c.job == job).values(noted))
        _hold(connection, schedules, "deletion")


def restore(engine: sa.Engine, job: str) -> None:
    """Forget that a job was deleted."""
    noted = {"deleted_at": None, "deleted_by": None}
    with _changing(engine) as connection:
        connection.execute(sa.update(scheduled_jobs).where(scheduled_jobs.c.job == job).values(noted))


def stop(engine: sa.Engine, stop: Change, schedules: Iterable[str]) -> None:
    """Note that the scheduler is stopped, and which schedules run again when it is started."""
    with _changing(engine) as connection:
        _insert_if_absent(connection, scheduler_stops, **_STOP, stopped_at=stop.at, stopped_by=stop.by)
        connection.execute(sa.update(scheduler_stops).values(stopped_at=stop.at, stopped_by=stop.by))
        _hold(connection, schedules, "stop")


def start(engine: sa.Engine) -> None:
    """Forget that the scheduler is stopped."""
    with _changing(engine) as connection:
        connection.execute(sa.delete(scheduler_stops))
        connection.execute(sa.delete(held_schedules).where(held_schedules.c.held_by == "stop"))


def hold(engine: sa.Engine, schedules: Iterable[str], held_by: HeldBy) -> None:
    """Remember schedules that run again when what holds them ends."""
    with _changing(engine) as connection:
        _hold(connection, schedules, held_by)


def let_go(engine: sa.Engine, schedules: Iterable[str], held_by: HeldBy) -> None:
    """Forget schedules that were held."""
    with _changing(engine) as connection:
        connection.execute(
            sa.delete(held_schedules).where(
                held_schedules.c.schedule.in_(list(schedules)), held_schedules.c.held_by == held_by
            )
        )


def _remembered_job(row: Any) -> RememberedJob:
    return RememberedJob(
        registered_at=row.registered_at,
        deletion=Change(row.deleted_at, row.deleted_by) if row.deleted_at else None,
        pause=Pause(row.paused_at, row.paused_by, row.pause_reason, row.paused_until) if row.paused_at else None,
    )


def _hold(connection: sa.Connection, schedules: Iterable[str], held_by: HeldBy) -> None:
    for schedule in schedules:
        _insert_if_absent(connection, held_schedules, schedule=schedule, held_by=held_by)


def _insert_if_absent(connection: sa.Connection, table: sa.Table, **values: Any) -> None:
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    connection.execute(insert(table).values(values).on_conflict_do_nothing())


@contextmanager
def _connected(engine: sa.Engine) -> Iterator[sa.Connection]:
    try:
        with engine.connect() as connection:
            yield connection
    except sa.exc.DatabaseError as error:
        raise StoreUnavailableError(f"the market database failed: {' '.join(str(error.orig).split())}") from error


@contextmanager
def _changing(engine: sa.Engine) -> Iterator[sa.Connection]:
    with _connected(engine) as connection, connection.begin():
        yield connection
