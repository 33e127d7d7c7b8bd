"""Events: what changed about runs and schedules, told to every listening admin as it is seen."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
from starlette.concurrency import run_in_threadpool

from market_assets.operations.executions import status_of
from market_assets.web.admin.executions import RunReader
from market_assets.web.admin.models import JobPause
from market_assets.web.admin.scheduler import Scheduler

POLL_SECONDS = 1.0
#: A listener that is further behind than this is cut off: it asks for the present state when it comes back.
QUEUE_LENGTH = 200
#: Runs that changed so shortly before the newest change are looked at again: clocks and commits are not in order.
_OVERLAP = timedelta(seconds=5)
_KNOWN_RUNS = 10_000
_AT_ONCE = 1_000

#: A listener's messages; None after the last one for a listener that fell behind.
EventQueue = asyncio.Queue[dict[str, Any] | None]
_log = logging.getLogger(__name__)


class ChangeWatcher:
    """Compares runs and schedules with how they were when last looked at."""

    def __init__(self, scheduler: Scheduler, runs: RunReader) -> None:
        self._scheduler = scheduler
        self._runs = runs
        self._known: OrderedDict[str, str] = OrderedDict()
        self._schedules: dict[str, dict[str, Any]] = {}
        self._since: datetime | None = None

    def look(self) -> list[dict[str, Any]]:
        """What changed since the last look, oldest first."""
        return [*self._changed_runs(), *self._changed_schedules()]

    def _changed_runs(self) -> list[dict[str, Any]]:
        after = self._since - _OVERLAP if self._since else None
        records = self._scheduler.context.instance.get_run_records(
            dg.RunsFilter(updated_after=after),
            limit=_AT_ONCE,
            order_by="update_timestamp",
            # The first look needs the newest, every other the oldest that were not seen yet.
            ascending=after is not None,
        )
        changed = []
        for record in records:
            run, status = record.dagster_run, status_of(record.dagster_run)
            if self._known.get(run.run_id) != status:
                changed.append(record)
            self._known[run.run_id] = status
            self._known.move_to_end(run.run_id)
            self._since = max(self._since or record.update_timestamp, record.update_timestamp)
        while len(self._known) > _KNOWN_RUNS:
            self._known.popitem(last=False)
        return [
            _message("run", **execution.model_dump(mode="json")) for execution in self._runs.executions(changed)
        ]

    def _changed_schedules(self) -> list[dict[str, Any]]:
        seen = self._scheduler.overview()
        present = {}
        for job_id, job in seen.every_job.items():
            pause = seen.pause_of(job)
            present[job_id] = {
                "job_id": job_id,
                "schedule": job.cron or None,
                "status": seen.status_of(job) if job_id in seen.jobs else "deleted",
                "pause": JobPause(by=pause.by, reason=pause.reason, until=pause.until).model_dump(mode="json")
                if pause
                else None,
            }
        changed = [schedule for job_id, schedule in present.items() if self._schedules.get(job_id) != schedule]
        self._schedules = present
        return [_message("schedule", **schedule) for schedule in changed]


class Broadcast:
    """One watcher for all listeners; it looks only while there are any."""

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
                watcher = ChangeWatcher(self._scheduler, self._runs)
                # What the first look finds is how things are, not a change.
                await run_in_threadpool(watcher.look)
                self._task = asyncio.create_task(self._watch(watcher))
            self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)
            if not self._queues and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _watch(self, watcher: ChangeWatcher) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            try:
                messages = await run_in_threadpool(watcher.look)
            except Exception:
                # A database that does not answer now may do so at the next look; heartbeats go on.
                _log.warning("could not look for changes of runs and schedules", exc_info=True)
                continue
            for message in messages:
                for queue in list(self._queues):
                    self._tell(queue, message)

    def _tell(self, queue: EventQueue, message: dict[str, Any]) -> None:
        if queue.qsize() < QUEUE_LENGTH:
            queue.put_nowait(message)
        else:
            queue.put_nowait(None)
            self._queues.discard(queue)


def heartbeat() -> dict[str, Any]:
    return _message("heartbeat")


def _message(kind: str, **content: Any) -> dict[str, Any]:
    return {"type": kind, **content, "timestamp": datetime.now(UTC).isoformat()}
