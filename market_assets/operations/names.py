"""Names of jobs and other definitions, and tags of runs and schedules, that several rooms have to agree on."""

from __future__ import annotations

INGESTION = "daily_sample_ingestion"
REFRESH = "refresh_market_stats"
CLEANUP = "cleanup_old_data"
REBUILD = "rebuild_skill_relationships"
PRUNE = "prune_history"
REEXTRACTION = "reextract_skills"
#: The job of Dagster's that materializes assets by themselves, as from the UI.
ASSET_JOB = "__ASSET_JOB"
#: The asset check of each source: whether everything could be fetched.
FETCHED_CHECK = "fetched"
#: The sensor that detects incidents and sends alerts.
ALERTS_SENSOR = "alerts"
#: The sensor that fails while a file of the user's tasks has a problem, and the metadata with the problems.
TASKS_SENSOR = "custom_tasks"
TASK_PROBLEMS = "problems"

#: Dagster's tags for what a run is about: one partition, or a range with both ends included.
PARTITION_TAG = "dagster/partition"
PARTITION_RANGE_START_TAG = "dagster/asset_partition_range_start"
PARTITION_RANGE_END_TAG = "dagster/asset_partition_range_end"
#: On a run: the time that it computes the statistics for (ISO 8601), where that is not its start.
AS_OF_TAG = "market_assets/as_of"
#: On a run: who started it, `ui:NAME` or `api:NAME`.
TRIGGERED_BY_TAG = "market_assets/triggered_by"
#: Tags that begin with `.dagster/` are not shown in the UI.
#: On a job and its runs: the assets that they make, as Dagster's asset selection, or the function that is called.
RUNS_TAG = ".dagster/market_assets_runs"
#: On a run: the missed due times that it makes up for, beside that of its own tick.
MAKES_UP_TAG = "market_assets/makes_up_for"
#: On a schedule: its interval in minutes, where a cron expression only approximates it.
INTERVAL_TAG = "market_assets/every_minutes"
