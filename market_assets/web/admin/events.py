"""`/api/admin/scheduler/events`: a WebSocket with a message for each change of a run or a schedule.

Each listener has a detector, so that one that reads slowly delays no other.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from fastapi import WebSocket
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocketDisconnect

from market_assets.operations.executions import status_of
from market_assets.store.executions import ExecutionStatus
from market_assets.web.admin.executions import RunReader
from market_assets.web.admin.models import JobPause
from market_assets.web.admin.scheduler import Scheduler

POLL_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0
#: More runs never change between two polls.
_NEWEST = 500

_log = logging.getLogger(__name__)


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
