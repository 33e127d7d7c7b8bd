"""Parts of runs, checks and freshness policies that Dagster stores or returns, and does not export.

`market_assets_tests/dagster_ext/test_dagster_names.py` fails if a new version renames them or changes their
values.
"""

from dagster._core.definitions.freshness import TimeWindowFreshnessPolicy
from dagster._core.execution.plan.objects import StepFailureData
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

#: Tag of a failed run: "true" where Dagster's daemon retries it, "false" where it does not or could not.
WILL_RETRY_TAG = "dagster/will_retry"
#: Tag of a retry: the id of the first run of the retries.
ROOT_RUN_ID_TAG = "dagster/root_run_id"
#: Tag of a run on Celery: the id of its task. dagster-celery, which names it, need not be installed.
CELERY_TASK_TAG = "dagster-celery/task_id"

__all__ = [
    "CELERY_TASK_TAG",
    "ROOT_RUN_ID_TAG",
    "WILL_RETRY_TAG",
    # Whether a check was only planned, or how it ended.
    "AssetCheckExecutionRecordStatus",
    # Why a step failed.
    "StepFailureData",
    # What `FreshnessPolicy.time_window` returns: its `fail_window` is the longest age of an asset.
    "TimeWindowFreshnessPolicy",
]
