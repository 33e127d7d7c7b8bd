"""The code location: everything is wired together here, and only here."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

import dagster as dg

from market_assets.checked_settings import get_settings
from market_assets.dagster_ext.liveness import with_liveness
from market_assets.defs.assets.job_postings import job_postings_asset
from market_assets.defs.assets.maintenance import database_maintenance, expired_postings
from market_assets.defs.assets.market_report import market_report_asset
from market_assets.defs.assets.posting_skills import posting_skills
from market_assets.defs.assets.raw_postings import raw_postings_asset
from market_assets.defs.assets.result_tables import result_assets
from market_assets.defs.custom_tasks import problems_sensor, task_job, task_schedule
from market_assets.defs.history_job import prune_history_job
from market_assets.defs.jobs import default_jobs
from market_assets.defs.partitions import WEEKLY
from market_assets.defs.progress_logger import progress_logger
from market_assets.defs.reextraction_job import reextraction_job
from market_assets.defs.resources import store_resource
from market_assets.defs.retries import NO_RUN_RETRY_TAGS
from market_assets.defs.schedules import default_schedules
from market_assets.defs.sensors.alerts import alerts_sensor
from market_assets.defs.sensors.executions import executions_sensor
from market_assets.defs.sensors.inbox import inbox_sensor
from market_assets.defs.sensors.lost_retries import lost_retries_sensor
from market_assets.defs.sensors.new_postings import new_postings_sensor
from market_assets.operations.pauses import pause_ends_sensor
from market_assets.operations.task_files import TaskFiles, load_task_files
from market_assets.settings import Settings, SettingsError
from market_assets.sources.configuration import ConfigurationError, load_sources
from market_assets.sources.files.inbox import INBOX, Inbox, InboxSource
from market_assets.sources.protocol import Source

_log = logging.getLogger(__name__)
#: A table is stale when its schedule has missed a run and then some.
_REFRESHED = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=26), warn_window=timedelta(hours=14))


def build_defs(settings: Settings, sources: Sequence[Source] | None = None) -> dg.Definitions:
    """The code location for some settings.

    Args:
        settings: where things are and when they run.
        sources: where postings come from; by default those of the settings' `sources.yaml`.
    """
    sources = [*configured_sources(settings), *inbox_source(settings)] if sources is None else sources
    assets = _assets(sources, day_by_day=settings.broker_url is not None)
    fills_past = any(source.any_day for source in sources)
    jobs = [*default_jobs(), reextraction_job, prune_history_job(settings)]
    own = _own_tasks(settings, {job.name for job in jobs} | {asset.node_def.name for asset in assets})
    return dg.Definitions(
        assets=assets,
        jobs=[*jobs, *(task_job(task) for task in own.tasks)],
        schedules=[
            *default_schedules(settings, fills_past=fills_past),
            *(task_schedule(task, settings) for task in own.tasks),
        ],
        sensors=[*_sensors(settings), problems_sensor(own.problems, own.tasks)],
        resources={"store": store_resource(settings)},
        loggers={"console": dg.colored_console_logger, "progress": progress_logger},
        # A command in a terminal reports a failure itself: the run is not started again in the background.
        executor=with_liveness(dg.in_process_executor, NO_RUN_RETRY_TAGS),
    )


def _assets(sources: Sequence[Source], *, day_by_day: bool) -> list[dg.AssetsDefinition]:
    """All assets. Backfills are a run a day where workers share them; without workers one run is quicker."""
    raw = [raw_postings_asset(source) for source in sources]
    daily = [*raw, job_postings_asset(sources, [asset.key for asset in raw]), posting_skills]
    if day_by_day:
        daily = [asset.with_attributes(backfill_policy=dg.BackfillPolicy.multi_run(1)) for asset in daily]
    return [
        *daily,
        *result_assets(_REFRESHED, WEEKLY),
        market_report_asset(_REFRESHED),
        expired_postings,
        database_maintenance,
    ]


def _sensors(settings: Settings) -> list[dg.SensorDefinition]:
    return [
        pause_ends_sensor(settings),
        alerts_sensor(settings),
        lost_retries_sensor(),
        executions_sensor(settings),
        inbox_sensor(settings),
        new_postings_sensor(settings),
    ]


def _own_tasks(settings: Settings, taken: set[str]) -> TaskFiles:
    """The tasks of the user's own; what can't be used is told here, and to whoever looks at the UI."""
    own = load_task_files(settings.custom_dir, taken)
    for problem in own.problems:
        _log.warning("a task is left out: %s", problem)
    return own


def inbox_source(settings: Settings) -> list[Source]:
    """The inbox as a source, where there is one.

    Raises:
        SettingsError: another source has its name.
    """
    if settings.inbox is None:
        return []
    if any(source.name == INBOX for source in configured_sources(settings)):
        raise SettingsError(f"MARKET_ASSETS_INBOX: {settings.sources} has a source called {INBOX} already")
    return [InboxSource(Inbox(settings.inbox))]


def configured_sources(settings: Settings) -> list[Source]:
    """The sources that the settings name.

    Raises:
        SettingsError: their configuration is wrong.
    """
    try:
        return load_sources(settings.sources, keys=settings.board_keys, cache_folder=settings.data_dir / "answers")
    except ConfigurationError as error:
        raise SettingsError(f"MARKET_ASSETS_SOURCES: {error}") from error


defs = build_defs(get_settings())
