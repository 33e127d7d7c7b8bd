"""The daily partitions, and the time that a run is about."""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg

from market_assets.operations.names import AS_OF_TAG, PARTITION_TAG

OWNERS = ["team:market-data"]
# Single-run backfills are marked beta; a warning at every start would hide other warnings.
warnings.filterwarnings("ignore", category=dg.BetaWarning)

#: The first day that can be filled; the last is always today.
DAILY = dg.DailyPartitionsDefinition("2020-01-01", end_offset=1)
#: What all daily assets have in common.
DAILY_ASSET: dict[str, Any] = {
    "partitions_def": DAILY,
    "backfill_policy": dg.BackfillPolicy.single_run(),
    "group_name": "ingestion",
    "owners": OWNERS,
    "freshness_policy": dg.FreshnessPolicy.time_window(
        fail_window=timedelta(hours=50), warn_window=timedelta(hours=26)
    ),
}
#: For assets of refresh_market_stats: stale when more than one run of its schedule is missing.
REFRESHED = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=26), warn_window=timedelta(hours=14))
#: For assets of weekly jobs.
WEEKLY = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=9), warn_window=timedelta(days=8))
#: Runs that need the market tables exclusively wait for one another in Dagster's queue.
POOL = "market_tables"


def days_of(context: dg.AssetExecutionContext) -> list[date]:
    """The daily partitions of a run. One without a partition is about today, and is given the tag of that."""
    if not (context.has_partition_key or context.has_partition_key_range):
        today = datetime.now(UTC).date().isoformat()
        context.instance.add_run_tags(context.run.run_id, {PARTITION_TAG: today})
        # The steps of a run share this object, and Dagster reads the partition of their events from it.
        context.run.tags[PARTITION_TAG] = today  # type: ignore[index]
    return [date.fromisoformat(key) for key in context.partition_keys]


def as_of(context: dg.AssetExecutionContext) -> datetime:
    """The time that statistics are computed for: the same in all steps of a run."""
    if stated := context.run.tags.get(AS_OF_TAG):
        return datetime.fromisoformat(stated)
    record = context.instance.get_run_record_by_id(context.run.run_id)
    started = record and (record.start_time or record.create_timestamp.timestamp())
    return datetime.fromtimestamp(started, UTC) if started else datetime.now(UTC)
