"""Schedules, sensors, ticks and daemons as Dagster stores them, and when cron expressions are due.

`DagsterInstance` returns these types from `all_instigator_state` and `get_ticks`, but Dagster does not export
them. An instigator is a schedule or a sensor. Tests that fail if a new version changes them:
`market_assets_tests/dagster_ext/test_dagster_names.py` for names, fields and values,
`market_assets_tests/operations/test_a_week.py` for ticks of the real daemon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorTick,
    ScheduleInstigatorData,
    TickStatus,
)
from dagster._utils.schedules import schedule_execution_time_iterator

if TYPE_CHECKING:
    from collections.abc import Mapping

    import dagster as dg

__all__ = [
    # The state that is stored of a schedule or sensor once it was started or stopped, and what it may be.
    "InstigatorState",
    "InstigatorStatus",
    "InstigatorTick",
    "InstigatorType",
    # Of a schedule's state: the cron expression, and since when it runs.
    "ScheduleInstigatorData",
    "TickStatus",
    "daemon_statuses",
    # The due times of a cron expression by Dagster's own rules, for time zones and the days 29 to 31.
    "schedule_execution_time_iterator",
]


def daemon_statuses(instance: dg.DagsterInstance, *, tolerance_seconds: float) -> Mapping[str, Any]:
    """The status of each required daemon, by its type, with `required`, `healthy` and `last_heartbeat`.

    `dagster-daemon liveness-check` reads the same, but takes an error of a tick for a missing heartbeat.

    Args:
        instance: whose daemons they are.
        tolerance_seconds: age of the last heartbeat from which a daemon counts as unhealthy.
    """
    from dagster._daemon.controller import get_daemon_statuses

    return get_daemon_statuses(
        instance,
        instance.get_required_daemon_types(),
        ignore_errors=True,
        heartbeat_tolerance_seconds=tolerance_seconds,
    )
