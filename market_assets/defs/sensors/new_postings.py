"""The sensor that starts a refresh when enough new postings were ingested since the last one."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from market_assets.operations.names import REFRESH
from market_assets.operations.schedule_guard import reason_against_start, reason_to_skip
from market_assets.settings import Settings

SENSOR = "new_postings"
_SECONDS = 60
_INGESTED, _REFRESHED = dg.AssetKey("job_postings"), dg.AssetKey("market_summary")
#: Far more than there are between two refreshes; what is beyond them counts for the next one.
_AT_ONCE = 10_000


def new_postings_sensor(settings: Settings) -> dg.SensorDefinition:
    """Starts a refresh after so many new postings as are set."""
    enough = settings.refresh_after_postings
    assert enough is not None

    @dg.sensor(
        name=SENSOR,
        job_name=REFRESH,
        minimum_interval_seconds=_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Starts {REFRESH} when at least MARKET_ASSETS_REFRESH_AFTER_POSTINGS new postings have come "
        "since the last refresh.",
    )
    def new_postings(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        from market_assets.store.database import Database

        since = max(last_refresh(context.instance), int(context.cursor or 0))
        number, newest = postings_since(context.instance, since)
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


def last_refresh(instance: dg.DagsterInstance) -> int:
    """The id of the last refresh in Dagster's event log; 0 where there was none."""
    records = instance.fetch_materializations(_REFRESHED, limit=1).records
    return records[0].storage_id if records else 0


def postings_since(instance: dg.DagsterInstance, storage_id: int) -> tuple[int, int]:
    """How many new postings were ingested after an id in the event log, and the id of the newest ingestion."""
    # A run of several days reports the same figures for each of them.
    new_by_run: dict[str, int] = {}
    newest = storage_id
    after = dg.AssetRecordsFilter(_INGESTED, after_storage_id=storage_id)
    for record in instance.fetch_materializations(after, limit=_AT_ONCE, ascending=True).records:
        materialization = record.asset_materialization
        assert materialization is not None
        new = materialization.metadata.get("new")
        if isinstance(new, dg.IntMetadataValue):
            new_by_run[record.run_id] = new.value or 0
        newest = max(newest, record.storage_id)
    return sum(new_by_run.values()), newest
