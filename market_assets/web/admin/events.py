"""`/api/admin/scheduler/events`: a WebSocket with a message for each change of a run or a schedule."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
from fastapi import WebSocket
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocketDisconnect

from market_assets.operations.executions import status_of
from market_assets.web.admin.executions import RunReader
from market_assets.web.admin.models import JobPause
from market_assets.web.admin.scheduler import Scheduler
from market_assets.web.errors import TRY_AGAIN_LATER

POLL_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0
#: A listener that is further behind than this is cut off, and reads the present state when it connects again.
QUEUE_LENGTH = 200
#: Runs that changed so shortly before the newest change are read again: clocks and commits are not in order.
_OVERLAP = timedelta(seconds=5)
_MOST_KNOWN_RUNS = 10_000
_MOST_RUNS_PER_POLL = 1_000

#: A listener's messages; None after the last one for a listener that fell behind.
EventQueue = asyncio.Queue[dict[str, Any] | None]
_log = logging.getLogger(__name__)


class ChangeDetector:
    """Compares runs and schedules with how they were at the previous poll."""

    def __init__(self, scheduler: Scheduler, runs: RunReader) -> None:
        self._scheduler = scheduler
        self._runs = runs
        self._statuses: OrderedDict[str, str] = OrderedDict()
        self._schedules: dict[str, dict[str, Any]] = {}
        self._newest_change: datetime | None = None

    def poll(self) -> list[dict[str, Any]]:
        """What changed since the previous poll, oldest first."""
        return [*self._changed_runs(), *self._changed_schedules()]

    def _changed_runs(self) -> list[dict[str, Any]]:
        after = self._newest_change - _OVERLAP if self._newest_change else None
        records = self._scheduler.context.instance.get_run_records(
            dg.RunsFilter(updated_after=after),
            limit=_MOST_RUNS_PER_POLL,
            order_by="update_timestamp",
            # The first poll needs the newest, every other the oldest that were not read yet.
            ascending=after is not None,
        )
        changed = []
        for record in records:
            run, status = record.dagster_run, status_of(record.dagster_run)
            if self._statuses.get(run.run_id) != status:
                changed.append(record)
            self._statuses[run.run_id] = status
            self._statuses.move_to_end(run.run_id)
            self._newest_change = max(self._newest_change or record.update_timestamp, record.update_timestamp)
        while len(self._statuses) > _MOST_KNOWN_RUNS:
            self._statuses.popitem(last=False)
        return [_message("run", **entry.model_dump(mode="json")) for entry in self._runs.entries(changed)]

    def _changed_schedules(self) -> list[dict[str, Any]]:
        overview = self._scheduler.overview()
        present = {}
        for job_id, job in overview.every_job.items():
            pause = overview.pause_of(job)
            shown = JobPause(by=pause.by, reason=pause.reason, until=pause.until) if pause else None
            present[job_id] = {
                "job_id": job_id,
                "schedule": job.cron or None,
                "status": overview.status_of(job) if job_id in overview.jobs else "deleted",
                "pause": shown.model_dump(mode="json") if shown else None,
            }
        changed = [schedule for job_id, schedule in present.items() if self._schedules.get(job_id) != schedule]
        self._schedules = present
        return [_message("schedule", **schedule) for schedule in changed]


class Broadcast:
    """One detector for all listeners; it polls only while there are any."""

    def __init__(self, scheduler: Scheduler, runs: RunReader, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._scheduler = scheduler
        self._runs = runs
        self._poll_seconds = poll_seconds
        self._queues: set[EventQueue] = set()
        self._task: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[EventQueue]:
        """A queue of every change from now on."""
        queue: EventQueue = asyncio.Queue(QUEUE_LENGTH + 1)
        async with self._starting:
            if self._task is None:
                detector = ChangeDetector(self._scheduler, self._runs)
                # The first poll finds the present state, which is no change.
                await run_in_threadpool(detector.poll)
                self._task = asyncio.create_task(self._poll_forever(detector))
            self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)
            if not self._queues and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _poll_forever(self, detector: ChangeDetector) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            try:
                messages = await run_in_threadpool(detector.poll)
            except Exception:
                # A database that does not answer now may do so at the next poll; heartbeats go on.
                _log.warning("could not read changes of runs and schedules", exc_info=True)
                continue
            for message in messages:
                for queue in list(self._queues):
                    self._put(queue, message)

    def _put(self, queue: EventQueue, message: dict[str, Any]) -> None:
        if queue.qsize() < QUEUE_LENGTH:
            queue.put_nowait(message)
        else:
            queue.put_nowait(None)
            self._queues.discard(queue)


async def serve_events(socket: WebSocket, broadcast: Broadcast) -> None:
    """Send every change to a listener, and a heartbeat when nothing changes, until either side ends it."""
    async with broadcast.listen() as queue:
        await socket.accept()
        # The caller knows from this message on that no change is missed.
        await socket.send_json(_message("heartbeat"))
        sending = asyncio.create_task(_send_all(socket, queue))
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


async def _send_all(socket: WebSocket, queue: EventQueue) -> None:
    while True:
        try:
            message: dict[str, Any] | None = await asyncio.wait_for(queue.get(), HEARTBEAT_SECONDS)
        except TimeoutError:
            message = _message("heartbeat")
        if message is None:
            await socket.close(TRY_AGAIN_LATER, "Too far behind: connect again and read the present state")
            return
        await socket.send_json(message)


async def _until_disconnected(socket: WebSocket) -> None:
    """Discard whatever the listener sends."""
    try:
        while True:
            await socket.receive()
    except (WebSocketDisconnect, RuntimeError):
        return


def _message(kind: str, **content: Any) -> dict[str, Any]:
    return {"type": kind, **content, "timestamp": datetime.now(UTC).isoformat()}
