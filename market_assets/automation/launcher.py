"""Dagster's default launcher, which can also tell whether the process of a run still lives.

Dagster's run monitoring asks it and marks a dead run as failed, also where the code server died with the run or
where a command on this machine ran it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus

if TYPE_CHECKING:
    import dagster as dg


class WatchfulRunLauncher(DefaultRunLauncher):
    """Launches runs beside the code server, and sees when one of them, or a command's, is gone."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        from market_assets.automation.signs_of_life import why_gone

        reason = why_gone(self._instance, run)
        if reason is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, reason)
