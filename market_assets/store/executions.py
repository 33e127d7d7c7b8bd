"""The table `job_executions`: one row a run, which outlives Dagster's own record of the run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from market_assets.store.database import connected
from market_assets.store.tables.administration import job_executions

ExecutionStatus = Literal["queued", "running", "success", "failed", "canceled"]
UNENDED: tuple[ExecutionStatus, ...] = ("queued", "running")
#: Values in one statement that any build of SQLite accepts.
_AT_ONCE = 500


@dataclass(frozen=True)
class Execution:
    """One run of a job: a row of `job_executions`, whose columns are described there."""

    run_id: str
    job_id: str
    func_name: str
    status: ExecutionStatus
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    duration: float | None
    rows: int | None
    error: str | None
    triggered_by: str

    @property
    def position(self) -> tuple[datetime, str]:
        """The key that executions are ordered by: when they were requested, then their id."""
        return self.created_at, self.run_id


_COLUMNS = [field.name for field in fields(Execution)]


def record_executions(engine: sa.Engine, executions: Sequence[Execution]) -> int:
    """Insert or update executions by run; returns how many were new or have changed."""
    with connected(engine) as connection:
        known = {row.run_id: row for row in _of_runs(connection, [one.run_id for one in executions])}
    changed = [one for one in executions if known.get(one.run_id) != one]
    if changed:
        # Only if needed: on SQLite a write waits for all other writers.
        with connected(engine) as connection, connection.begin():
            for start in range(0, len(changed), _AT_ONCE):
                rows = [asdict(one) for one in changed[start : start + _AT_ONCE]]
                connection.execute(_upsert(connection.dialect.name), rows)
    return len(changed)


def read_executions(
    engine: sa.Engine,
    *,
    job: str | None = None,
    statuses: Collection[ExecutionStatus] = (),
    before: tuple[datetime, str] | None = None,
    limit: int | None = None,
) -> list[Execution]:
    """The newest executions, newest first.

    Args:
        engine: of the market database.
        job: only executions of this job.
        statuses: only executions with one of these statuses; any where empty.
        before: only executions older than this `Execution.position`, for the next page.
        limit: the maximum number of executions.
    """
    table = job_executions.c
    query = sa.select(job_executions).order_by(table.created_at.desc(), table.run_id.desc()).limit(limit)
    if job is not None:
        query = query.where(table.job_id == job)
    if statuses:
        query = query.where(table.status.in_(list(statuses)))
    if before is not None:
        created_at, run_id = before
        query = query.where(
            sa.or_(table.created_at < created_at, sa.and_(table.created_at == created_at, table.run_id < run_id))
        )
    with connected(engine) as connection:
        return [_execution(row) for row in connection.execute(query).mappings()]


def executed_jobs(engine: sa.Engine) -> list[str]:
    """The names of all jobs that ever ran, removed ones included."""
    with connected(engine) as connection:
        return list(connection.scalars(sa.select(job_executions.c.job_id).distinct().order_by("job_id")))


@dataclass(frozen=True)
class EndedRuns:
    """The runs of a job that ended in one way: their number, how many had begun, and the seconds of these."""

    job_id: str
    status: ExecutionStatus
    runs: int
    begun: int
    seconds: float


def count_ended(engine: sa.Engine) -> list[EndedRuns]:
    """The ended runs by job and status. None of these numbers ever goes down: runs stay in the table."""
    table, count = job_executions.c, sa.func.count
    query = (
        sa.select(
            table.job_id,
            table.status,
            count(),
            count(table.duration),
            sa.func.coalesce(sa.func.sum(table.duration), 0),
        )
        .where(table.status.not_in(UNENDED))
        .group_by(table.job_id, table.status)
    )
    with connected(engine) as connection:
        return [EndedRuns(*row) for row in connection.execute(query)]


def newest_durations(engine: sa.Engine) -> dict[str, float]:
    """The seconds of each job's run that ended last."""
    table = job_executions.c
    begun = table.duration.is_not(None)
    newest = sa.select(table.job_id, sa.func.max(table.ended_at)).where(begun).group_by(table.job_id)
    ended_last = sa.tuple_(table.job_id, table.ended_at).in_(newest)
    with connected(engine) as connection:
        return {
            row.job_id: row.duration
            for row in connection.execute(sa.select(table.job_id, table.duration).where(begun, ended_last))
        }


def _of_runs(connection: sa.Connection, run_ids: Sequence[str]) -> Iterator[Execution]:
    for start in range(0, len(run_ids), _AT_ONCE):
        wanted = job_executions.c.run_id.in_(run_ids[start : start + _AT_ONCE])
        yield from map(_execution, connection.execute(sa.select(job_executions).where(wanted)).mappings())


def _upsert(dialect: str) -> Any:
    insert = (sqlite.insert if dialect == "sqlite" else postgresql.insert)(job_executions)
    changed = {name: insert.excluded[name] for name in _COLUMNS if name != "run_id"}
    return insert.on_conflict_do_update(index_elements=["run_id"], set_=changed)


def _execution(row: Mapping[Any, Any]) -> Execution:
    return Execution(**{name: row[name] for name in _COLUMNS})
