"""Runs, as the API tells of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg
from dagster._core.events import JobFailureData
from dagster._core.storage.dagster_run import RunRecord
from dagster._core.workspace.context import WorkspaceProcessContext

from market_assets.automation.failure import recorded_cause
from market_assets.web.admin.models import Execution, RunStatus
from market_assets.web.admin.workspace import keys_selection, what_it_runs
from market_assets.web.identity import TRIGGERED_BY_TAG

_STATUSES: dict[RunStatus, list[dg.DagsterRunStatus]] = {
    "queued": [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.MANAGED],
    "running": [
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.SUSPENDED,
        dg.DagsterRunStatus.CANCELING,
    ],
    "success": [dg.DagsterRunStatus.SUCCESS],
    "failed": [dg.DagsterRunStatus.FAILURE],
    "canceled": [dg.DagsterRunStatus.CANCELED],
}
_STATUS_OF = {theirs: ours for ours, several in _STATUSES.items() for theirs in several}
_REMEMBERED_CAUSES = 2_000


@dataclass
class RunReader:
    """Reads runs from Dagster's instance; the causes of failures, which do not change, only once."""

    context: WorkspaceProcessContext
    _causes: dict[str, str] = field(default_factory=dict)

    def newest(
        self, job_id: str | None = None, status: RunStatus | None = None, limit: int = 50
    ) -> list[Execution]:
        """The newest runs, of one job or of all, newest first."""
        filters = dg.RunsFilter(job_name=job_id, statuses=_STATUSES[status] if status else [])
        return self.executions(self.context.instance.get_run_records(filters, limit=limit))

    def executions(self, records: Sequence[RunRecord]) -> list[Execution]:
        selections: dict[str, str] = {}
        for job in {record.dagster_run.job_name for record in records}:
            selections[job] = what_it_runs(self.context, job)
        return [self._execution(record, selections) for record in records]

    def _execution(self, record: RunRecord, selections: dict[str, str]) -> Execution:
        run = record.dagster_run
        status = status_of(run)
        chosen = run.asset_selection
        return Execution(
            run_id=run.run_id,
            job_id=run.job_name,
            func_name=keys_selection([key.to_user_string() for key in chosen])
            if chosen
            else selections[run.job_name],
            status=status,
            started_at=datetime.fromtimestamp(record.start_time, UTC) if record.start_time else None,
            duration=duration_of(record),
            error=self.cause(run) if status == "failed" else None,
            triggered_by=triggered_by(run),
        )

    def cause(self, run: dg.DagsterRun) -> str:
        """Why a run failed, in one line."""
        if run.run_id not in self._causes:
            if len(self._causes) >= _REMEMBERED_CAUSES:
                self._causes.clear()
            self._causes[run.run_id] = _cause(self.context.instance, run.run_id)
        return self._causes[run.run_id]


def status_of(run: dg.DagsterRun) -> RunStatus:
    return _STATUS_OF[run.status]


def begun_at(record: RunRecord) -> datetime:
    """When a run began, or was asked for where it has not begun yet."""
    return datetime.fromtimestamp(record.start_time, UTC) if record.start_time else record.create_timestamp


def duration_of(record: RunRecord) -> float | None:
    """Seconds since the run began, up to its end; None where it never began."""
    if record.start_time is None:
        return None
    end = record.end_time if record.dagster_run.is_finished else datetime.now(UTC).timestamp()
    return None if end is None else round(max(0.0, end - record.start_time), 3)


def triggered_by(run: dg.DagsterRun) -> str:
    """Who or what started a run: schedule, sensor, api:USER, ui:USER; cli for one of this machine's commands."""
    if TRIGGERED_BY_TAG in run.tags:
        return run.tags[TRIGGERED_BY_TAG]
    if "dagster/schedule_name" in run.tags:
        return "schedule"
    if "dagster/sensor_name" in run.tags:
        return "sensor"
    return "cli"


def _cause(instance: dg.DagsterInstance, run_id: str) -> str:
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    for entry in instance.all_logs(run_id, of_type=kinds):
        event = entry.get_dagster_event()
        if event.is_step_failure:
            step = str(event.step_key).replace("__", "/")
            return f"{step} failed: {recorded_cause(event.step_failure_data)}"
        lines = (event.message or "").strip().splitlines()
        # Whoever ends the run of a process that is gone gives a message alone.
        data = event.event_specific_data
        if isinstance(data, JobFailureData) and data.error is not None:
            lines = data.error.message.strip().splitlines()
        if lines:
            return " ".join(lines[0].split())
    return "unknown cause"
