"""Archiving and deleting what is older than the retention, and keeping the database trim."""

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from market_assets.defs.assets.asset_metadata import code_in
from market_assets.defs.partitions import OWNERS, POOL, WEEKLY
from market_assets.defs.resources import MarketStore
from market_assets.defs.retries import retry_transient_errors

GROUP = "maintenance"
#: A run with this tag deletes unless `confirm` is false.
DELETE_TAG = ".dagster/market_assets_delete_expired"


class ExpiredPostingsConfig(dg.Config):
    """Whether to delete: false never does, and without it only the job cleanup_old_data does."""

    confirm: bool | None = None


@dg.asset(
    deps=["job_postings"],
    group_name=GROUP,
    owners=OWNERS,
    pool=POOL,
    freshness_policy=WEEKLY,
    kinds={"parquet"},
    metadata=code_in("store.expiry"),
    description="Postings older than the retention, as Parquet files by month; then deleted from the store. "
    "Deletes only in cleanup_old_data or with confirm: true, else reports what it would delete.",
)
@retry_transient_errors
def expired_postings(
    context: dg.AssetExecutionContext, config: ExpiredPostingsConfig, store: dg.ResourceParam[MarketStore]
) -> dg.MaterializeResult:
    from market_assets.statistics.window import window_start
    from market_assets.store.expiry import count_expired

    now = datetime.now(UTC)
    cutoff = window_start(now, store.settings.retention_days)
    deletes = DELETE_TAG in context.run.tags if config.confirm is None else config.confirm
    if not deletes:
        with store.reading() as connection:
            months = count_expired(connection, cutoff, now)
        context.log.info(f"{sum(months.values())} postings would be archived and deleted; nothing was touched")
        return dg.MaterializeResult(
            metadata={"would_delete": sum(months.values()), "months": months, "older_than": str(cutoff)}
        )
    return dg.MaterializeResult(metadata={"older_than": str(cutoff), **_expire(context, store, cutoff, now)})


def _expire(
    context: dg.AssetExecutionContext, store: MarketStore, cutoff: datetime, now: datetime
) -> dict[str, Any]:
    from market_assets.defs.assets.market_reader import TRENDING_DAYS
    from market_assets.statistics.window import window_start
    from market_assets.store.expiry import expire, forget

    settings = store.settings
    reach = max(settings.window_days, settings.trend_days, settings.retention_days, TRENDING_DAYS)
    deleted, months = 0, set[str]()
    with store.alone() as connection:
        for month, postings in expire(connection, settings.archive_dir, cutoff, now):
            deleted += postings
            months.add(month)
            context.log.info(f"{deleted} postings archived and deleted")
        fact_rows, rejections = forget(connection, window_start(now, reach), cutoff)
    landed_days = store.landing.remove_before((now - timedelta(days=settings.landing_days)).date())
    return {
        "deleted": deleted,
        "months": sorted(months),
        "archive": dg.MetadataValue.path(settings.archive_dir.resolve()),
        "fact_rows_deleted": fact_rows,
        "rejections_deleted": rejections,
        "landed_days_deleted": landed_days,
    }


@dg.asset(
    deps=["expired_postings"],
    group_name=GROUP,
    owners=OWNERS,
    pool=POOL,
    freshness_policy=WEEKLY,
    kinds={"sql"},
    metadata=code_in("store.connection"),
    description="VACUUM and ANALYZE, so that the space of deleted rows is used again and plans fit the data.",
)
@retry_transient_errors
def database_maintenance(
    context: dg.AssetExecutionContext, store: dg.ResourceParam[MarketStore]
) -> dg.MaterializeResult:
    from market_assets.store.connection import optimise

    with store.alone() as connection:
        before, after = optimise(connection)
    context.log.info(f"{before:,} bytes before, {after:,} after")
    return dg.MaterializeResult(metadata={"bytes_before": before, "bytes_after": after})
