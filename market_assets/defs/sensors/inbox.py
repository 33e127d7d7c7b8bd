"""The sensor that starts the ingestion of complete files in the inbox, and moves away what was ingested."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from market_assets.defs.assets.raw_postings import refetching
from market_assets.operations.executions import begun_at, ended_at
from market_assets.operations.names import INGESTION, PARTITION_TAG
from market_assets.operations.schedule_guard import reason_against_start, reason_to_skip
from market_assets.settings import Settings

if TYPE_CHECKING:
    from dagster import RunRecord

    from market_assets.sources.files.inbox import Inbox
    from market_assets.store.landing import Landing

SENSOR = "inbox"
_SECONDS = 30
#: A day whose run failed is tried again after this long, then after twice as long, up to the longest.
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=5), timedelta(hours=6)
_RUNS = 20

#: name → size in bytes and time of the last change in nanoseconds
Seen = dict[str, list[int]]


def inbox_sensor(settings: Settings) -> dg.SensorDefinition:
    """Starts the ingestion of a day when files have been put into the inbox, which must be set."""
    folder = settings.inbox
    assert folder is not None

    @dg.sensor(
        name=SENSOR,
        job_name=INGESTION,
        minimum_interval_seconds=_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts the ingestion of a file in the inbox (MARKET_ASSETS_INBOX) once it no longer grows.",
    )
    def inbox(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        from market_assets.sources.files.inbox import Inbox
        from market_assets.store.database import Database
        from market_assets.store.landing import Landing

        now = datetime.now(UTC)
        tick = InboxTick(Inbox(folder), Landing(settings.landing), context.instance, now)
        blocked = reason_against_start(context.instance, Database(settings.market_url), INGESTION, now)
        try:
            return tick.outcome(json.loads(context.cursor or "{}"), blocked)
        except OSError as error:
            raise InboxError(f"MARKET_ASSETS_INBOX: {error.filename}: {error.strerror}") from error

    return inbox


class InboxError(Exception):
    """The inbox can't be read, or a file in it can't be moved."""


@dataclass(frozen=True)
class InboxTick:
    """One tick of the sensor."""

    inbox: Inbox
    landing: Landing
    instance: dg.DagsterInstance
    now: datetime

    def outcome(self, before: Seen, blocked: str | None) -> dg.SensorResult:
        """Move what was ingested, take what is complete, and request the runs that are missing.

        Args:
            before: the files that waited at the tick before.
            blocked: why no ingestion may be started now.
        """
        parts = [f"ingested {number} of {day}" for day, number in self._finish()]
        waiting = self.inbox.waiting()
        seen = {path.name: _state(path) for path in waiting}
        known = [path for path in waiting if _is_known(path)]
        complete = [path for path in known if seen[path.name][0] and before.get(path.name) == seen[path.name]]
        today = self.now.date()
        held = (blocked or self._reason_active(today)) if complete else None
        for path in [] if held else complete:
            self.inbox.take(path, today)
            seen.pop(path.name)
        requests, reasons = self._missing_runs(blocked)
        parts += reasons
        if held:
            parts.append(f"{len(complete)} complete, but {held}")
        if growing := [path.name for path in known if path not in complete]:
            parts.append(f"waiting until complete: {', '.join(growing)}")
        if strange := [path.name for path in waiting if path not in known]:
            parts.append(f"not a file of postings by its ending: {', '.join(strange)}")
        if refused := self.inbox.refused():
            parts.append(f"neither a file nor a folder, so not read: {', '.join(refused)}")
        if failed := self.inbox.failed():
            parts.append(f"could not be read: {', '.join(str(path) for path in failed)}")
        skipped = dg.SkipReason("; ".join(parts) or "nothing is in the inbox")
        return dg.SensorResult(
            run_requests=requests, skip_reason=None if requests else skipped, cursor=json.dumps(seen)
        )

    def _finish(self) -> Iterator[tuple[date, int]]:
        """Move the taken files that a successful run has ingested."""
        for day, paths in self.inbox.taken().items():
            landed = self.landing.landed(SENSOR, day)
            newest = next(iter(self._runs(day)), None)
            if landed is None or newest is None or newest.end_time is None:
                continue
            read_by = newest.dagster_run.is_success and newest.end_time >= landed.observed_at.timestamp()
            sizes = {payload.name: payload.size for payload in landed.payloads}
            ingested = [path for path in paths if read_by and sizes.get(path.name) == path.stat().st_size]
            for path in ingested:
                self.inbox.finish(path, day)
            if ingested:
                yield day, len(ingested)

    def _missing_runs(self, blocked: str | None) -> tuple[list[dg.RunRequest], list[str]]:
        """A run for each day with files that are not ingested, or why there is none."""
        from market_assets.sources.files.inbox import InboxSource

        requests, reasons = [], []
        for day, paths in self.inbox.taken().items():
            reason = blocked or self._reason_to_wait(day, paths)
            if reason:
                reasons.append(f"{day}: {reason}")
            else:
                config = refetching([InboxSource(self.inbox)])
                requests.append(dg.RunRequest(partition_key=day.isoformat(), run_config=config))
        return requests, reasons

    def _reason_to_wait(self, day: date, paths: Sequence[Path]) -> str | None:
        """Why no run is requested: one is active, or one that could have read these files has just ended."""
        if reason := self._reason_active(day):
            return reason
        taken_at = max(path.stat().st_ctime for path in paths)
        tried = [record for record in self._runs(day) if begun_at(record).timestamp() >= taken_at]
        if not tried:
            return None
        again = ended_at(tried[0]) + min(_FIRST_PAUSE * 2 ** (len(tried) - 1), _LONGEST_PAUSE)
        if again <= self.now:
            return None
        run = tried[0].dagster_run
        return (
            f"{', '.join(path.name for path in paths)} not ingested by run {run.run_id}, which is "
            f"{run.status.value.lower()}; tried again at {again:%Y-%m-%d %H:%M} UTC"
        )

    def _reason_active(self, day: date) -> str | None:
        return reason_to_skip(self.instance, INGESTION, day.isoformat())

    def _runs(self, day: date) -> Sequence[RunRecord]:
        """The newest runs of the ingestion of a day."""
        about = dg.RunsFilter(job_name=INGESTION, tags={PARTITION_TAG: day.isoformat()})
        return self.instance.get_run_records(about, limit=_RUNS)


def _state(path: Path) -> list[int]:
    try:
        found = path.stat()
    except OSError:
        # It was removed in the meantime.
        return [0, 0]
    return [found.st_size, found.st_mtime_ns]


def _is_known(path: Path) -> bool:
    from market_assets.sources.files.decoding import is_known

    return is_known(path.name)
