"""What Dagster records of failed and retried runs, of daemons and of checks, beyond its public names."""

from dagster._core.definitions.freshness import TimeWindowFreshnessPolicy
from dagster._core.events import JobFailureData, RunFailureReason
from dagster._core.execution.plan.objects import StepFailureData
from dagster._core.execution.retries import auto_reexecution_should_retry_run
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.tags import (
    AUTO_RETRY_RUN_ID_TAG,
    ROOT_RUN_ID_TAG,
    RUN_FAILURE_REASON_TAG,
    WILL_RETRY_TAG,
)

__all__ = [
    "AUTO_RETRY_RUN_ID_TAG",
    "ROOT_RUN_ID_TAG",
    "RUN_FAILURE_REASON_TAG",
    "WILL_RETRY_TAG",
    "AssetCheckExecutionRecordStatus",
    "JobFailureData",
    "RunFailureReason",
    "StepFailureData",
    "TimeWindowFreshnessPolicy",
    "auto_reexecution_should_retry_run",
]
