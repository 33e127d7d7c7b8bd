"""Which days and which moment a run is about."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import dagster as dg

#: The first day that can be filled; the last is always today.
DAILY = dg.DailyPartitionsDefinition("2020-01-01", end_offset=1)
PARTITION_TAG = "dagster/partition"
#: A run about another moment than its own start names it in this tag (ISO 8601).
AS_OF_TAG = "market_assets/as_of"


def days_of(context: dg.AssetExecutionContext) -> list[date]:
    """The daily partitions of a run. One without a partition is about today, and says so in its tags."""
    if not (context.has_partition_key or context.has_partition_key_range):
        today = datetime.now(UTC).date().isoformat()
        context.instance.add_run_tags(context.run_id, {PARTITION_TAG: today})
        # The steps of a run share this object, and Dagster reads the partition of their events from it.
        context.run.tags[PARTITION_TAG] = today  # type: ignore[index]
    return [date.fromisoformat(key) for key in context.partition_keys]


def as_of(context: dg.AssetExecutionContext) -> datetime:
    """The moment of a refresh: the same in all steps of a run."""
    if stated := context.run.tags.get(AS_OF_TAG):
        return datetime.fromisoformat(stated)
    record = context.instance.get_run_record_by_id(context.run_id)
    started = record and (record.start_time or record.create_timestamp.timestamp())
    return datetime.fromtimestamp(started, UTC) if started else datetime.now(UTC)


def midnight(moment: datetime, *, days_before: int = 0) -> datetime:
    """00:00 UTC of a moment's day, less some days."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days_before)
