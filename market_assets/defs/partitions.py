"""The daily partitions, and the time that a run is about."""

from __future__ import annotations

import contextlib
import os
import warnings
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from market_assets.operations.names import AS_OF_TAG, PARTITION_TAG
from market_assets.settings import Settings

OWNERS = ["team:market-data"]
# Single-run backfills are marked beta; a warning at every start would hide other warnings.
warnings.filterwarnings("ignore", category=dg.BetaWarning)

#: How many days, today included, an empty store is filled with where past days can be fetched.
FIRST_DAYS = 180
#: What all daily assets have in common, besides their partitions.
DAILY_ASSET: dict[str, Any] = {
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


def first_day(settings: Settings, *, fills_past: bool) -> date:
    """The first daily partition: as set, else the day of the installation, or `FIRST_DAYS` back from there.

    Args:
        settings: the first day, if it is set, and the data folder, which knows when it was first used.
        fills_past: whether a source has the postings of past days.
    """
    if settings.start is not None:
        return settings.start
    return _installed_on(settings.data_dir) - timedelta(days=FIRST_DAYS - 1 if fills_past else 0)


def partitions_from(first: date) -> dg.DailyPartitionsDefinition:
    """The daily partitions from a day on, today's included.

    The same for all sources: Dagster refuses a job over assets whose partitions differ, and ingestion is one job.
    """
    return dg.DailyPartitionsDefinition(first.isoformat(), end_offset=1)


def _installed_on(data_dir: Path) -> date:
    """The day on which the data folder was first used. It is stored, since an old day must stay a partition."""
    file = data_dir / "installed_on"
    with contextlib.suppress(FileNotFoundError, ValueError):
        return date.fromisoformat(file.read_text(encoding="utf-8").strip())
    today = datetime.now(UTC).date()
    # Where the folder can't be written, writing postings will say so.
    with contextlib.suppress(OSError):
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = file.with_name(f"installed_on.{os.getpid()}")
        unfinished.write_text(f"{today}\n", encoding="utf-8")
        unfinished.replace(file)
    return today


def days_of(context: dg.AssetExecutionContext) -> list[date]:
    """The daily partitions of a run. One without a partition is about today, and is given the tag of that.

    Raises:
        dg.Failure: it is about a day that is none of them.
    """
    if not (context.has_partition_key or context.has_partition_key_range):
        today = datetime.now(UTC).date().isoformat()
        context.instance.add_run_tags(context.run.run_id, {PARTITION_TAG: today})
        # The steps of a run share this object, and Dagster reads the partition of their events from it.
        context.run.tags[PARTITION_TAG] = today  # type: ignore[index]
    _check_partitions(context)
    return [date.fromisoformat(key) for key in context.partition_keys]


def _check_partitions(context: dg.AssetExecutionContext) -> None:
    """Raise a failure in one line where a run is about a day that is no partition: Dagster would need fifty."""
    stated, daily = context.partition_key_range, context.assets_def.partitions_def
    assert isinstance(daily, dg.DailyPartitionsDefinition)
    for key in (stated.start, stated.end):
        if not daily.has_partition_key(key):
            first, last = daily.get_first_partition_key(), daily.get_last_partition_key()
            raise dg.Failure(
                f"{key} is no daily partition: they are {first} to {last}, and MARKET_ASSETS_START sets the first",
                allow_retries=False,
            )


def as_of(context: dg.AssetExecutionContext) -> datetime:
    """The time that statistics are computed for: the same in all steps of a run."""
    if stated := context.run.tags.get(AS_OF_TAG):
        return datetime.fromisoformat(stated)
    record = context.instance.get_run_record_by_id(context.run.run_id)
    started = record and (record.start_time or record.create_timestamp.timestamp())
    return datetime.fromtimestamp(started, UTC) if started else datetime.now(UTC)
