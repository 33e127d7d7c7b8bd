"""The code location: assets, jobs, schedules and sensors are put together here."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import dagster as dg

from market_assets.checked_settings import all_sources, get_settings
from market_assets.dagster_ext.liveness import with_liveness
from market_assets.defs.assets.asset_metadata import code_at
from market_assets.defs.assets.job_postings import duplicates_have_an_original, job_postings_asset
from market_assets.defs.assets.maintenance import database_maintenance, expired_postings
from market_assets.defs.assets.market_report import market_report_asset
from market_assets.defs.assets.posting_skills import posting_skills
from market_assets.defs.assets.raw_postings import raw_postings_asset, source_asset
from market_assets.defs.assets.result_tables import result_assets
from market_assets.defs.custom import task_job, with_custom_definitions
from market_assets.defs.housekeeping import housekeeping_sensor
from market_assets.defs.jobs import default_jobs
from market_assets.defs.partitions import REFRESHED, WEEKLY, first_day, partitions_from
from market_assets.defs.progress_logger import progress_logger
from market_assets.defs.resources import store_io_manager, store_resource
from market_assets.defs.retries import NO_RUN_RETRY_TAGS
from market_assets.defs.schedules import default_schedules, guarded_schedule
from market_assets.defs.sensors import alerts_sensor, inbox_sensor, new_postings_sensor
from market_assets.operations.custom_files import load_custom_files
from market_assets.operations.executions import print_cause_at_exit
from market_assets.settings import Settings
from market_assets.sources.protocol import Source


def build_defs(settings: Settings, sources: Sequence[Source] | None = None) -> dg.Definitions:
    """The code location for some settings.

    Args:
        settings: where things are and when they run.
        sources: where postings come from; by default those that the settings name.
    """
    sources = all_sources(settings) if sources is None else sources
    fills_past = any(source.any_day for source in sources)
    first = first_day(settings, fills_past=fills_past)
    placed = partial(_placed, database=_shown_database(settings), code_url=settings.code_url)
    assets = [
        asset.map_asset_specs(placed)
        for asset in _assets(sources, partitions_from(first), day_by_day=settings.broker_url is not None)
    ]
    jobs = default_jobs()
    taken = {job.name for job in jobs} | {asset.node_def.name for asset in assets}
    custom = load_custom_files(settings.custom_folder, taken)
    ours = dg.Definitions(
        assets=[*(placed(source_asset(source)) for source in sources), *assets],
        asset_checks=[duplicates_have_an_original],
        jobs=[*jobs, *(task_job(task) for task in custom.tasks)],
        schedules=[
            *default_schedules(settings, fills_from=first if fills_past else None),
            *(guarded_schedule(settings, task.id, task.when) for task in custom.tasks),
        ],
        sensors=_sensors(settings),
        resources={"store": store_resource(settings, sources), "io_manager": store_io_manager},
        loggers={"console": dg.colored_console_logger, "progress": progress_logger},
        # A command in a terminal reports a failure itself: the run is not started again in the background.
        executor=with_liveness(dg.in_process_executor, NO_RUN_RETRY_TAGS, print_cause_at_exit),
    )
    return with_custom_definitions(ours, custom)


def _assets(
    sources: Sequence[Source], days: dg.PartitionsDefinition, *, day_by_day: bool
) -> list[dg.AssetsDefinition]:
    """All assets. A backfill is one run, or one a day where workers share them."""
    raw = [raw_postings_asset(source) for source in sources]
    daily = [*raw, job_postings_asset(sources, [asset.key for asset in raw]), posting_skills]
    daily = [asset.map_asset_specs(lambda spec: spec.replace_attributes(partitions_def=days)) for asset in daily]
    if day_by_day:
        daily = [asset.with_attributes(backfill_policy=dg.BackfillPolicy.multi_run(1)) for asset in daily]
    return [
        *daily,
        *result_assets(REFRESHED, WEEKLY),
        market_report_asset(REFRESHED),
        expired_postings,
        database_maintenance,
    ]


def _placed(spec: dg.AssetSpec, *, database: str, code_url: str | None) -> dg.AssetSpec:
    """An asset says in which database it is, if it is a table, and where its code can be read."""
    if "dagster/table_name" in spec.metadata:
        spec = spec.merge_attributes(metadata={"dagster/uri": database})
    return code_at(spec, code_url) if code_url else spec


def _shown_database(settings: Settings) -> str:
    """The market database: its file, or its address without the password."""
    if settings.database_url is None:
        return str((settings.data_dir / "market.db").resolve())
    # Imported where the setting was checked with the same library; SQLite's default does without it.
    from market_assets.store.database import Database

    return Database(settings.database_url).name


def _sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """Those that do something with these settings."""
    sensors = [alerts_sensor(settings), housekeeping_sensor(settings)]
    if settings.inbox is not None:
        sensors.append(inbox_sensor(settings))
    if settings.refresh_after_postings is not None:
        sensors.append(new_postings_sensor(settings))
    return sensors


defs = build_defs(get_settings())
