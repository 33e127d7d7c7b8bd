"""What Dagster stores of runs, checks, schedules, sensors, ticks and daemons, and does not export.

`DagsterInstance` returns these types, for example from `all_instigator_state` and `get_ticks`. An instigator is a
schedule or a sensor. Tests that fail if a new version changes them:
`market_assets_tests/dagster_ext/test_dagster_names.py` for names, fields and values,
`market_assets_tests/operations/test_a_week.py` for ticks of the real daemon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dagster._core.definitions.freshness import TimeWindowFreshnessPolicy
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.execution.plan.objects import StepFailureData
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorTick,
    ScheduleInstigatorData,
    TickStatus,
)
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._utils.schedules import schedule_execution_time_iterator

if TYPE_CHECKING:
    from collections.abc import Mapping

    import dagster as dg

#: Tag of a failed run: "true" where Dagster's daemon retries it, "false" where it does not or could not.
WILL_RETRY_TAG = "dagster/will_retry"
#: Tag of a failed run: the id of the run by which the daemon has retried it.
RETRIED_BY_TAG = "dagster/auto_retry_run_id"
#: Tag of a retry: the id of the first run of the retries.
ROOT_RUN_ID_TAG = "dagster/root_run_id"
#: Tag of a run on Celery: the id of its task. dagster-celery, which names it, need not be installed.
CELERY_TASK_TAG = "dagster-celery/task_id"

__all__ = [
    "CELERY_TASK_TAG",
    "RETRIED_BY_TAG",
    "ROOT_RUN_ID_TAG",
    "WILL_RETRY_TAG",
    # Whether a check was only planned, or how it ended.
    "AssetCheckExecutionRecordStatus",
    # The state that is stored of a schedule or sensor once it was started or stopped, and what it may be.
    "InstigatorState",
    "InstigatorStatus",
    "InstigatorTick",
    "InstigatorType",
    # Of a schedule's state: the cron expression, and since when it runs.
    "ScheduleInstigatorData",
    # Why a step failed.
    "StepFailureData",
    "TickStatus",
    # What `FreshnessPolicy.time_window` returns: its `fail_window` is the longest age of an asset.
    "TimeWindowFreshnessPolicy",
    "daemon_statuses",
    # The due times of a cron expression by Dagster's own rules, for time zones and the days 29 to 31.
    "schedule_execution_time_iterator",
]


def daemon_statuses(instance: dg.DagsterInstance, *, tolerance_seconds: float) -> Mapping[str, Any]:
    """The status of each required daemon, by its type, with `required`, `healthy` and `last_heartbeat`.

    `dagster-daemon liveness-check` reads the same, but takes an error of a tick for a missing heartbeat. A
    heartbeat that is older than the tolerance makes a daemon unhealthy.
    """
    from dagster._daemon.controller import get_daemon_statuses

    return get_daemon_statuses(
        instance,
        instance.get_required_daemon_types(),
        ignore_errors=True,
        heartbeat_tolerance_seconds=tolerance_seconds,
    )
