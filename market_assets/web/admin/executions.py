"""Runs for the API and the page `/executions`: those of the table `job_executions`, and Dagster's newest.

`/api/admin/scheduler/events`: a WebSocket with a message for each change of a run or a schedule. Each listener has
a detector, so that one that reads slowly delays no other.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast, get_args
from urllib.parse import urlencode

import dagster as dg
import sqlalchemy as sa
from dagster import RunRecord
from fastapi import WebSocket
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.websockets import WebSocketDisconnect

from market_assets.dagster_ext.workspace import WorkspaceProcessContext, job_names
from market_assets.operations.executions import ExecutionReader, duration_of, status_of
from market_assets.store.executions import Execution, ExecutionStatus, executed_jobs, read_executions
from market_assets.web.admin.models import ExecutionEntry, JobPause
from market_assets.web.admin.scheduler import Scheduler
from market_assets.web.auth.credentials import identity_of
from market_assets.web.pages import render, static_route

#: A place in the list: when the run was created, and its id.
Position = tuple[datetime, str]
#: More runs never change between two ticks of the sensor that writes the table.
_NOT_WRITTEN_YET = 200
PATH = "/executions"
#: Runs on one page.
PAGE_SIZE = 50
_STATUSES = get_args(ExecutionStatus)
POLL_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0
#: More runs never change between two polls.
_NEWEST = 500
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ListedRun:
    """A run in the list.

    Attributes:
        entry: the run as the API shows it.
        position: its place in the list, after which a further page begins.
        is_in_dagster: whether Dagster can show it, with its log.
    """

    entry: ExecutionEntry
    position: Position
    is_in_dagster: bool


class RunReader:
    """Reads runs: the table holds all but what has just changed, pruned ones included."""

    def __init__(self, context: WorkspaceProcessContext, engine: sa.Engine) -> None:
        self.context = context
        self.engine = engine
        self._reader = ExecutionReader(context.instance)

    def page(
        self,
        job_id: str | None = None,
        status: ExecutionStatus | None = None,
        limit: int = 50,
        before: Position | None = None,
    ) -> list[ListedRun]:
        """Runs of one job or of all, newest first."""
        records = self.context.instance.get_run_records(limit=_NOT_WRITTEN_YET, order_by="update_timestamp")
        changed = {record.dagster_run.run_id for record in records}
        stored = read_executions(
            self.engine, job=job_id, statuses=[status] if status else [], before=before, limit=limit + len(changed)
        )
        present = [
            record
            for record in records
            if job_id in (None, record.dagster_run.job_name)
            and status in (None, status_of(record.dagster_run))
            and (before is None or _position(record) < before)
        ]
        both: list[RunRecord | Execution] = [*present, *(one for one in stored if one.run_id not in changed)]
        listed = sorted(both, key=_position, reverse=True)[:limit]
        known = self._known([_position(found)[1] for found in listed])
        return [ListedRun(self.entry(found), _position(found), _position(found)[1] in known) for found in listed]

    def entry(self, found: RunRecord | Execution) -> ExecutionEntry:
        """A run as the API shows it."""
        run = self._reader.execution(found) if isinstance(found, RunRecord) else found
        entry = ExecutionEntry.model_validate(run, from_attributes=True)
        if isinstance(found, RunRecord):
            # Up to now, where the run has not ended.
            entry.duration = duration_of(found)
        return entry

    def _known(self, run_ids: list[str]) -> set[str]:
        if not run_ids:
            return set()
        records = self.context.instance.get_run_records(dg.RunsFilter(run_ids=run_ids))
        return {record.dagster_run.run_id for record in records}


def _position(found: RunRecord | Execution) -> Position:
    if isinstance(found, RunRecord):
        return found.create_timestamp.astimezone(UTC), found.dagster_run.run_id
    return found.position


def executions_routes(runs: RunReader) -> list[BaseRoute]:
    """The routes of the page and its files."""

    async def page(request: Request) -> Response:
        return await run_in_threadpool(_page, request, runs)

    files = [static_route(f"{PATH}/page.{kind}", f"executions.{kind}") for kind in ("js", "css")]
    return [Route(PATH, page, methods=["GET"]), *files]


def _page(request: Request, runs: RunReader) -> Response:
    query = request.query_params
    job, status = query.get("job") or None, query.get("status") or None
    before = parse_position(query.get("before"))
    if status not in (None, *_STATUSES) or (query.get("before") and before is None):
        return HTMLResponse("<!doctype html><title>Executions</title><p>There is no such list of executions.", 400)
    found = runs.page(job, cast(ExecutionStatus | None, status), PAGE_SIZE + 1, before)
    identity = identity_of(request)
    jobs = _jobs(runs)
    return render(
        "executions.html",
        headers={"Cache-Control": "no-store"},
        rows=[_row(run) for run in found[:PAGE_SIZE]],
        older=_older(job, status, found[PAGE_SIZE - 1].position) if len(found) > PAGE_SIZE else None,
        newest=None if before is None else _path(job=job, status=status),
        job=job,
        status=status,
        jobs=jobs if job is None or job in jobs else [job, *jobs],
        statuses=_STATUSES,
        user=identity.name if identity else "",
        is_admin=identity is not None and identity.is_admin,
    )


def _jobs(runs: RunReader) -> list[str]:
    """The jobs to choose from: those that ever ran, and those that never did yet."""
    return sorted(job_names(runs.context).union(executed_jobs(runs.engine)))


def parse_position(text: str | None) -> Position | None:
    """A place in the list as `_older` wrote it; None for any other text."""
    time, _, run_id = (text or "").partition("~")
    try:
        parsed = datetime.fromisoformat(time)
    except ValueError:
        return None
    # In the first and the last year, another time zone's time may be none of UTC.
    return (parsed.astimezone(UTC), run_id) if parsed.tzinfo and 1 < parsed.year < 9999 and run_id else None


def _older(job: str | None, status: str | None, last: Position) -> str:
    return _path(job=job, status=status, before=f"{last[0].isoformat()}~{last[1]}")


def _path(**query: str | None) -> str:
    return f"{PATH}?{urlencode({name: value for name, value in query.items() if value})}"


def _row(run: ListedRun) -> dict[str, Any]:
    entry = run.entry
    return {
        **dict(entry),
        "is_in_dagster": run.is_in_dagster,
        "started_at": entry.started_at.astimezone(UTC) if entry.started_at else None,
        "duration": None if entry.duration is None else format_duration(entry.duration),
    }


def format_duration(seconds: float) -> str:
    """Seconds for people: `0.4 s`, `12.3 s`, `5 min 20 s`, `2 h 3 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


class ChangeDetector:
    """Compares runs and schedules with how they were at the previous poll."""

    def __init__(self, scheduler: Scheduler, runs: RunReader) -> None:
        self._scheduler = scheduler
        self._runs = runs
        self._statuses: dict[str, ExecutionStatus] = {}
        self._schedules: dict[str, dict[str, Any]] = {}

    def start(self) -> None:
        """Read the present state, which is no change."""
        self._changed_runs()
        self._changed_schedules()

    def poll(self) -> list[dict[str, Any]]:
        """What changed since the start or the previous poll, oldest first."""
        runs = [self._runs.entry(record).model_dump(mode="json") for record in self._changed_runs()]
        return [
            *(_message("run", **run) for run in runs),
            *(_message("schedule", **schedule) for schedule in self._changed_schedules()),
        ]

    def _changed_runs(self) -> list[dg.RunRecord]:
        records = self._scheduler.context.instance.get_run_records(limit=_NEWEST, order_by="update_timestamp")
        statuses = {record.dagster_run.run_id: status_of(record.dagster_run) for record in records}
        changed = statuses.items() - self._statuses.items()
        self._statuses = statuses
        ids = {run_id for run_id, _status in changed}
        return [record for record in reversed(records) if record.dagster_run.run_id in ids]

    def _changed_schedules(self) -> list[dict[str, Any]]:
        overview = self._scheduler.overview()
        present = {}
        for job_id, job in overview.every_job.items():
            pause = overview.pause_of(job)
            present[job_id] = {
                "job_id": job_id,
                "schedule": job.cron or None,
                "status": overview.status_of(job) if job_id in overview.jobs else "deleted",
                "pause": JobPause.model_validate(pause).model_dump(mode="json") if pause else None,
            }
        changed = [schedule for job_id, schedule in present.items() if self._schedules.get(job_id) != schedule]
        self._schedules = present
        return changed


async def serve_events(socket: WebSocket, scheduler: Scheduler, runs: RunReader) -> None:
    """Send every change to a listener, and a heartbeat when nothing changes, until either side ends it."""
    detector = ChangeDetector(scheduler, runs)
    await run_in_threadpool(detector.start)
    await socket.accept()
    # The caller knows from this message on that no change is missed.
    await socket.send_json(_message("heartbeat"))
    sending = asyncio.create_task(_send_changes(socket, detector))
    receiving = asyncio.create_task(_until_disconnected(socket))
    try:
        await asyncio.wait((sending, receiving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, receiving):
            task.cancel()
        # Not gather: it loses the message by which a server knows its own cancellation of this call.
        await asyncio.wait((sending, receiving))
        for task in (sending, receiving):
            if not task.cancelled():
                task.exception()


async def _send_changes(socket: WebSocket, detector: ChangeDetector) -> None:
    last_sent = time.monotonic()
    while True:
        await asyncio.sleep(POLL_SECONDS)
        messages: list[dict[str, Any]] = []
        try:
            messages = await run_in_threadpool(detector.poll)
        except Exception:
            # A database that does not answer now may do so at the next poll; heartbeats go on.
            _log.warning("could not read changes of runs and schedules", exc_info=True)
        if not messages and time.monotonic() - last_sent >= HEARTBEAT_SECONDS:
            messages = [_message("heartbeat")]
        for message in messages:
            await socket.send_json(message)
            last_sent = time.monotonic()


async def _until_disconnected(socket: WebSocket) -> None:
    """Discard whatever the listener sends."""
    try:
        while True:
            await socket.receive()
    except (WebSocketDisconnect, RuntimeError):
        return


def _message(kind: str, **content: Any) -> dict[str, Any]:
    return {"type": kind, **content, "timestamp": datetime.now(UTC).isoformat()}
