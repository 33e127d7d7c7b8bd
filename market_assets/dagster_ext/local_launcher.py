"""Dagster's default launcher, which can also tell whether the process of a run still lives.

Dagster's run monitoring asks it and marks a dead run as failed, also where the code server died with the run or
where a command on this machine ran it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus

if TYPE_CHECKING:
    import dagster as dg
    from dagster._serdes import ConfigurableClassData

#: A dead run is held back for so long at the most while its code server is away.
_LONGEST_HOLD_SECONDS = 35.0
#: What Dagster's daemon takes to see that a code server is back.
_SETTLING_SECONDS = 9.0


@dataclass
class _Sighting:
    """When a run was first seen to be gone, and since when its code server has answered."""

    at: float
    answers_since: float | None = None


class WatchfulRunLauncher(DefaultRunLauncher):
    """Launches runs beside the code server, and sees when one of them, or a command's, is gone.

    Dagster gives up the retry of a run at once if the code server is away at the moment of its failure, and the
    two often die together. So such a run's end is told when the code server is back, within a minute in any case.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(inst_data)
        self._gone: dict[str, _Sighting] = {}

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        from market_assets.dagster_ext.liveness import why_gone

        reason = why_gone(self._instance, run)
        if reason is None:
            self._gone.pop(run.run_id, None)
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        if self._is_held_back(run.run_id, time.monotonic()):
            return CheckRunHealthResult(WorkerStatus.RUNNING, f"{reason}; waiting for the code server")
        self._gone.pop(run.run_id, None)
        return CheckRunHealthResult(WorkerStatus.FAILED, reason)

    def _is_held_back(self, run_id: str, now: float) -> bool:
        client = self._get_grpc_client_for_termination(run_id)  # type: ignore[no-untyped-call]
        if client is None:
            return False
        seen = self._gone.setdefault(run_id, _Sighting(now))
        try:
            client.ping("")
        except Exception:
            seen.answers_since = None
        else:
            seen.answers_since = seen.answers_since or now
        has_settled = seen.answers_since is not None and now - seen.answers_since >= _SETTLING_SECONDS
        return not has_settled and now - seen.at < _LONGEST_HOLD_SECONDS
