"""The sensors that people see: alerts, a refresh after new postings, the ingestion of files in the inbox."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from market_assets.defs.assets.raw_postings import refetching
from market_assets.operations.executions import begun_at, ended_at
from market_assets.operations.names import ALERTS_SENSOR, INGESTION, PARTITION_TAG, REFRESH
from market_assets.operations.scheduling import reason_against_start, reason_to_skip
from market_assets.settings import Settings

if TYPE_CHECKING:
    from market_assets.sources.files.inbox import Inbox
    from market_assets.store.landing import Landing

INBOX_SENSOR, NEW_POSTINGS_SENSOR = "inbox", "new_postings"
#: A day whose run failed is tried again after this long, then after twice as long, up to the longest.
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=5), timedelta(hours=6)
_RUNS = 20
_INGESTED, _REFRESHED = dg.AssetKey("job_postings"), dg.AssetKey("market_summary")
#: Far more than there are between two refreshes; what is beyond them counts for the next one.
_MATERIALIZATIONS = 10_000

#: name → size in bytes and time of the last change in nanoseconds
Seen = dict[str, list[int]]


def alerts_sensor(settings: Settings) -> dg.SensorDefinition:
    """Detects failed runs, checks and ticks, missed starts and stale tables, and announces each once."""

    @dg.sensor(
        name=ALERTS_SENSOR,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Sends messages to MARKET_ASSETS_ALERT_URLS about failed runs, checks, schedules and sensors, "
        "missed starts and stale tables: one when it begins, one when it is over. Without URLs incidents are only "
        "shown by `market-assets status` and /health. A tick fails where a message could not be sent.",
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        from market_assets.operations.alerts.delivery import announce
        from market_assets.operations.alerts.detection import detect
        from market_assets.operations.alerts.incidents import DAEMON_LOG, load_log, save_log
        from market_assets.operations.monitored import monitored_in

        assert context.repository_def is not None
        now = datetime.now(UTC)
        monitored = monitored_in(context.repository_def)
        findings, log = detect(context.instance, monitored, load_log(context.instance, DAEMON_LOG), now)
        save = partial(save_log, context.instance, DAEMON_LOG)
        delivery = announce(log, findings, settings.alert_urls, now, save)
        if delivery.failures:
            # A `Failure` is shown without a traceback.
            raise dg.Failure("could not be sent: " + "; ".join(delivery.failures))
        return dg.SkipReason(delivery.summary)

    return alerts


def new_postings_sensor(settings: Settings) -> dg.SensorDefinition:
    """Starts a refresh when enough new postings were ingested since the last one; how many must be set."""
    enough = settings.refresh_after_postings
    assert enough is not None

    @dg.sensor(
        name=NEW_POSTINGS_SENSOR,
        job_name=REFRESH,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Starts {REFRESH} when at least MARKET_ASSETS_REFRESH_AFTER_POSTINGS new postings have come "
        "since the last refresh.",
    )
    def new_postings(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        from market_assets.store.database import Database

        refreshed = context.instance.fetch_materializations(_REFRESHED, limit=1).records
        since = max(refreshed[0].storage_id if refreshed else 0, int(context.cursor or 0))
        number, newest = _postings_since(context.instance, since)
        if number < enough:
            return dg.SkipReason(f"{number:,} new postings since the last refresh, of {enough:,}")
        now = datetime.now(UTC)
        blocked = reason_against_start(context.instance, Database(settings.market_url), REFRESH, now)
        if reason := blocked or reason_to_skip(context.instance, REFRESH):
            return dg.SkipReason(f"{number:,} new postings, but {reason}")
        # If the refresh fails, the same postings must not start another one every minute.
        context.update_cursor(str(newest))
        return dg.RunRequest()

    return new_postings


def _postings_since(instance: dg.DagsterInstance, storage_id: int) -> tuple[int, int]:
    """How many new postings were ingested after an id in the event log, and the id of the newest ingestion."""
    # A run of several days reports the same figures for each of them.
    new_by_run: dict[str, int] = {}
    newest = storage_id
    after = dg.AssetRecordsFilter(_INGESTED, after_storage_id=storage_id)
    for record in instance.fetch_materializations(after, limit=_MATERIALIZATIONS, ascending=True).records:
        assert record.asset_materialization is not None
        new = record.asset_materialization.metadata.get("new")
        if isinstance(new, dg.IntMetadataValue):
            new_by_run[record.run_id] = new.value or 0
        newest = max(newest, record.storage_id)
    return sum(new_by_run.values()), newest


def inbox_sensor(settings: Settings) -> dg.SensorDefinition:
    """Starts the ingestion of a day when files have been put into the inbox, which must be set."""
    folder = settings.inbox
    assert folder is not None

    @dg.sensor(
        name=INBOX_SENSOR,
        job_name=INGESTION,
        minimum_interval_seconds=30,
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
    """One tick of the sensor of the inbox."""

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
        from market_assets.sources.files.decoding import is_known

        parts = [f"ingested {number} of {day}" for day, number in self._finish()]
        waiting = self.inbox.waiting()
        seen = {path.name: _state(path) for path in waiting}
        known = [path for path in waiting if is_known(path.name)]
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
        listed = {
            "waiting until complete": [path.name for path in known if path not in complete],
            "not a file of postings by its ending": [path.name for path in waiting if path not in known],
            "neither a file nor a folder, so not read": self.inbox.refused(),
            "could not be read": [str(path) for path in self.inbox.failed()],
        }
        parts += [f"{what}: {', '.join(names)}" for what, names in listed.items() if names]
        skipped = dg.SkipReason("; ".join(parts) or "nothing is in the inbox")
        return dg.SensorResult(
            run_requests=requests, skip_reason=None if requests else skipped, cursor=json.dumps(seen)
        )

    def _finish(self) -> Iterator[tuple[date, int]]:
        """Move the taken files that a successful run has ingested."""
        for day, paths in self.inbox.taken().items():
            landed = self.landing.landed(INBOX_SENSOR, day)
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
            if reason := blocked or self._reason_to_wait(day, paths):
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

    def _runs(self, day: date) -> Sequence[dg.RunRecord]:
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
