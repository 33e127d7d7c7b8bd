"""Schedules and sensors as Dagster stores them, and the times at which a cron expression is due."""

from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorTick,
    ScheduleInstigatorData,
    TickStatus,
)
from dagster._utils.schedules import schedule_execution_time_iterator

__all__ = [
    "InstigatorState",
    "InstigatorStatus",
    "InstigatorTick",
    "InstigatorType",
    "ScheduleInstigatorData",
    "TickStatus",
    "schedule_execution_time_iterator",
]
