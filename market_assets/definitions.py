"""The code location: everything is wired together here, and only here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import dagster as dg

from market_assets.assets.job_postings import job_postings_asset
from market_assets.assets.maintenance import database_maintenance, expired_postings
from market_assets.assets.moments import WEEKLY
from market_assets.assets.posting_skills import posting_skills
from market_assets.assets.raw_postings import raw_postings_asset
from market_assets.assets.relationships import relationships_assets
from market_assets.assets.report import market_report_asset
from market_assets.assets.statistics import statistics_assets
from market_assets.assets.store import store_resource
from market_assets.automation.execution_mirror import executions_sensor
from market_assets.automation.history.job import prune_history_job
from market_assets.automation.jobs import default_jobs
from market_assets.automation.pauses import pause_ends_sensor
from market_assets.automation.progress import progress_logger
from market_assets.automation.schedules import default_schedules
from market_assets.settings import Settings, SettingsError, get_settings
from market_assets.sources.configuration import ConfigurationError, load_sources
from market_assets.sources.protocol import Source

#: A table is stale when its schedule has missed a run and then some.
_REFRESHED = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=26), warn_window=timedelta(hours=14))


def build_defs(settings: Settings, sources: Sequence[Source] | None = None) -> dg.Definitions:
    """The code location for some settings.

    Args:
        settings: where things are and when they run.
        sources: where postings come from; by default those of the settings' `sources.yaml`.
    """
    sources = configured_sources(settings) if sources is None else sources
    raw = [raw_postings_asset(source) for source in sources]
    return dg.Definitions(
        assets=[
            *raw,
            job_postings_asset(sources, [asset.key for asset in raw]),
            posting_skills,
            *statistics_assets(_REFRESHED),
            market_report_asset(_REFRESHED),
            *relationships_assets(_REFRESHED, WEEKLY),
            expired_postings,
            database_maintenance,
        ],
        jobs=[*default_jobs(), prune_history_job(settings)],
        schedules=default_schedules(settings, fills_past=any(source.any_day for source in sources)),
        sensors=[pause_ends_sensor(settings), executions_sensor(settings)],
        resources={"store": store_resource(settings)},
        loggers={"console": dg.colored_console_logger, "progress": progress_logger},
        executor=dg.in_process_executor,
    )


def configured_sources(settings: Settings) -> list[Source]:
    """The sources that the settings name.

    Raises:
        SettingsError: their configuration is wrong.
    """
    try:
        return load_sources(settings.sources, keys=settings.board_keys, answers=settings.data_dir / "answers")
    except ConfigurationError as error:
        raise SettingsError(f"MARKET_ASSETS_SOURCES: {error}") from error


defs = build_defs(get_settings())
