"""What is wrong, by the state of the system. `/health`, `market-assets status` and alerts share this judgement."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from market_assets.operations.system_state import DatabaseState, DiskState, HistoryState, JobState, SystemState

#: Bytes: less free space than the first is a warning, less than the second stops the pipeline.
_LITTLE_SPACE, _NO_SPACE = 2 << 30, 256 << 20
#: Without an evaluation by the sensor `alerts` for this long incidents go unnoticed.
_LONGEST_GAP = timedelta(minutes=10)
_TIME = "%Y-%m-%d %H:%M"
_NOT_READ = {
    "code": "the code location does not load",
    "history": "Dagster's storage does not answer",
    "database": "the market database does not answer",
    "disk": "the data folder can't be read",
}


@dataclass(frozen=True)
class Problem:
    """Something that is wrong: a short name, and one line that explains it."""

    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"


@dataclass(frozen=True)
class Health:
    """What stops the pipeline or hides that it stopped (`reasons`), and what else is wrong (`warnings`)."""

    reasons: tuple[Problem, ...]
    warnings: tuple[Problem, ...]

    @property
    def is_ok(self) -> bool:
        return not self.reasons


def judge(state: SystemState) -> Health:
    """What is wrong; a pure function of the state."""
    reasons = tuple(_reasons(state))
    # The web process logs an incident for the same cause.
    listed = {f"system:{reason.name}" for reason in reasons}
    return Health(reasons, tuple(_warnings(state, listed)))


def _reasons(state: SystemState) -> Iterator[Problem]:
    for part, error in state.errors.items():
        yield Problem(part, f"{_NOT_READ[part]}: {error}")
    if state.history is not None:
        yield from _dead_daemons(state.history)
        for job in state.history.jobs:
            if job.is_late:
                yield Problem("job", _late(job))
        for recipient in state.history.recipients:
            if recipient.error is not None:
                yield Problem("alerts", f"{recipient.host} can't be reached: {recipient.error}")
        yield from _not_evaluated(state.history, state.now)
    if state.database is not None and state.database.version != state.database.needed:
        yield Problem("database", _wrong_version(state.database))
    if state.disk is not None and state.disk.free < _NO_SPACE:
        yield Problem("disk", _space(state.disk))


def _warnings(state: SystemState, listed: Set[str]) -> Iterator[Problem]:
    if state.history is not None:
        incidents = {one.key for one in state.history.incidents}
        for one in state.history.incidents:
            if one.key not in listed:
                cause = f": {one.detail.splitlines()[0]}" if one.detail else ""
                yield Problem(one.kind, f"{one.title}, since {one.begun_at:{_TIME}} UTC{cause}")
        for table in state.history.tables:
            if table.is_stale(state.now) and f"stale:{table.table}" not in incidents:
                last = f"{table.materialized_at:{_TIME}} UTC"
                yield Problem("stale", f"{table.table} is stale: last materialized at {last}")
    if state.disk is not None and _NO_SPACE <= state.disk.free < _LITTLE_SPACE:
        yield Problem("disk", _space(state.disk))


def _dead_daemons(history: HistoryState) -> Iterator[Problem]:
    dead = [daemon for daemon in history.daemons if not daemon.is_alive]
    if not dead:
        return
    last = max((one.last_heartbeat for one in dead if one.last_heartbeat), default=None)
    since = f"since {last:{_TIME}} UTC" if last else "yet"
    if len(dead) == len(history.daemons):
        text = f"the daemon has sent no heartbeat {since}, so that no schedule starts anything: is it running?"
    else:
        text = f"no heartbeat {since}: {', '.join(one.name for one in dead)}"
    yield Problem("daemon", text)


def _not_evaluated(history: HistoryState, now: datetime) -> Iterator[Problem]:
    alive = all(daemon.is_alive for daemon in history.daemons)
    if alive and history.evaluated_at is not None and now - history.evaluated_at > _LONGEST_GAP:
        since = f"{history.evaluated_at:{_TIME}} UTC"
        yield Problem(
            "alerts", f"incidents have not been looked for since {since}: is the sensor `alerts` stopped?"
        )


def _late(job: JobState) -> str:
    assert job.due is not None
    since = f"since {job.last_success:{_TIME}} UTC" if job.last_success else "yet"
    last = f"; its last run is {job.last_status}" if job.last_status not in (None, "success") else ""
    return f"{job.job} was due at {job.due:{_TIME}} UTC and has not succeeded {since}{last}"


def _wrong_version(database: DatabaseState) -> str:
    if database.version is None:
        return f"{database.name} has no tables yet: run `market-assets db upgrade`"
    if database.version > database.needed:
        return f"{database.name} is newer ({database.version}) than this program ({database.needed}): update it"
    return (
        f"{database.name} is at version {database.version}, the code needs {database.needed}: "
        "run `market-assets db upgrade`"
    )


def _space(disk: DiskState) -> str:
    return f"{disk.free / 2**30:.2f} GiB of {disk.total / 2**30:.0f} GiB are free under {disk.folder}"


def health_report(state: SystemState, health: Health) -> dict[str, Any]:
    """The state and what is wrong, ready for JSON; a part that could not be read is null or missing."""
    history, database, disk = state.history, state.database, state.disk
    return {
        "status": "ok" if health.is_ok else "failing",
        "reasons": [str(reason) for reason in health.reasons],
        "warnings": [str(warning) for warning in health.warnings],
        "timestamp": state.now.isoformat(),
        **(_history_report(history, state.now) if history else {}),
        "database": {"name": database.name, "version": database.version, "needed": database.needed}
        if database
        else None,
        "disk": {"folder": disk.folder, "free_bytes": disk.free, "total_bytes": disk.total} if disk else None,
    }


def _history_report(history: HistoryState, now: datetime) -> dict[str, Any]:
    return {
        "daemons": [
            {"name": one.name, "alive": one.is_alive, "last_heartbeat": _iso(one.last_heartbeat)}
            for one in history.daemons
        ],
        "jobs": [
            {
                "id": job.job,
                "schedule": job.cron,
                "status": "scheduled" if job.is_on else "paused",
                "paused_because": job.off_because,
                "last_status": job.last_status,
                "last_run": _iso(job.last_run),
                "last_success": _iso(job.last_success),
                "next_run": _iso(job.next_run),
                "late": job.is_late,
            }
            for job in history.jobs
        ],
        "tables": [
            {
                "table": table.table,
                "materialized_at": _iso(made := table.materialized_at),
                "age_seconds": round((now - made).total_seconds()) if made else None,
                "stale": table.is_stale(now),
            }
            for table in history.tables
        ],
        "runs": {"queued": history.queued, "running": history.running},
        "incidents": [
            {"kind": one.kind, "title": one.title, "detail": one.detail, "begun_at": _iso(one.begun_at)}
            for one in history.incidents
        ],
        "alerts": [
            {"host": one.host, "error": one.error, "error_at": _iso(one.error_at)} for one in history.recipients
        ],
    }


def _iso(time: datetime | None) -> str | None:
    return time.isoformat() if time else None
