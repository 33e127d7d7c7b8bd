"""The routes of the admin API; every change is written into the audit log."""

from __future__ import annotations

import time
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Header, Path, Query, Response, WebSocket
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from market_assets.dagster_ext.workspace import is_known_job
from market_assets.operations.alerts.incidents import DAEMON_LOG, WEB_LOG, load_log
from market_assets.operations.executions import duration_of, recorded_failure, status_of
from market_assets.operations.system_state import read_daemons, recipients_of
from market_assets.store import audit
from market_assets.store.executions import ExecutionStatus
from market_assets.store.schedule_overrides import Pause
from market_assets.web.admin import models
from market_assets.web.admin.executions import serve_events
from market_assets.web.admin.jobs import configuration, job_entry
from market_assets.web.admin.scheduler import task_problems, utc_now
from market_assets.web.admin.services import AdminCall, Services, services_of
from market_assets.web.auth.limits import LONGEST_WAIT_SECONDS
from market_assets.web.errors import NOT_ADMIN, ApiError, Error

_WAIT_POLL_SECONDS = 0.25
#: How many of its runs a job is shown with.
_NEWEST_RUNS = 10
_NOT_DONE: dict[int | str, dict[str, Any]] = {400: {"model": models.NotDone}}
_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": Error, "description": "Job not found"}}
_TRIGGERED: dict[int | str, dict[str, Any]] = {
    200: {"model": models.Finished, "description": "The run has ended (only with `wait`)"},
    202: {"model": models.Triggered, "description": "The run is queued, or still going on after `wait`"},
    409: {"model": models.JobActive, "description": "The job is active, on the same partition if it has any"},
    **_NOT_FOUND,
}
JobId = Annotated[str, Path(max_length=200, description="Name of the job", examples=["refresh_market_stats"])]
Unscheduled = Annotated[
    bool, Query(description="Also the jobs without a schedule, which run only when they are triggered")
]
Limit = Annotated[int, Query(ge=1, le=1_000, description="The greatest number of entries")]
Wait = Annotated[
    int | None, Query(ge=1, le=LONGEST_WAIT_SECONDS, description="Wait so many seconds for the run to end")
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="The caller's name for this request: repeated within 24 hours it gives the same run again",
    ),
]

_FOR_ADMINS: dict[int | str, dict[str, Any]] = {403: {"model": Error, "description": NOT_ADMIN}}

admin_router = APIRouter(prefix="/api/admin", tags=["scheduler"], responses=_FOR_ADMINS)


@admin_router.post("/scheduler/start", responses=_NOT_DONE)
def start_scheduler(call: AdminCall) -> models.Done:
    """Resume exactly the schedules that ran when the scheduler was stopped."""
    with call.audited("scheduler.start"):
        return _done(call.services.scheduler.start())


@admin_router.post("/scheduler/stop", responses=_NOT_DONE)
def stop_scheduler(call: AdminCall) -> models.Done:
    """Pause every schedule, and keep which ran. Runs in progress go on."""
    with call.audited("scheduler.stop"):
        return _done(call.services.scheduler.stop(call.user.name))


@admin_router.get("/scheduler/status")
def scheduler_status(call: AdminCall) -> models.SchedulerStatus:
    """Whether jobs are started by schedules, and whether the process that does so is alive."""
    overview = call.services.scheduler.overview()
    state = models.SchedulerState(
        is_running=not overview.is_stopped,
        timestamp=overview.now,
        jobs_count=len(overview.scheduled_jobs),
        daemon_healthy=all(daemon.is_alive for daemon in read_daemons(call.services.context.instance)),
    )
    return models.SchedulerStatus(scheduler=state)


@admin_router.get("/scheduler/config")
def get_config(call: AdminCall) -> models.Configuration:
    """How the scheduler is set up, and the jobs that come with this program."""
    return configuration(call.services.scheduler.overview(), call.services.settings)


@admin_router.get("/scheduler/jobs")
def list_jobs(call: AdminCall, unscheduled: Unscheduled = False) -> models.JobList:
    """Every job that has a schedule, but the deleted ones, by name."""
    overview = call.services.scheduler.overview()
    listed = overview.jobs if unscheduled else overview.scheduled_jobs
    jobs = [job_entry(job, overview, call.services.runs) for job in listed.values()]
    return models.JobList(jobs=jobs, count=len(jobs), task_problems=task_problems(call.services.context))


@admin_router.get("/scheduler/jobs/{job_id}", responses=_NOT_FOUND)
def get_job(job_id: JobId, call: AdminCall) -> models.OneJob:
    """One job, with its newest runs."""
    overview, runs = call.services.scheduler.overview(), call.services.runs
    job = job_entry(overview.job(job_id), overview, runs)
    newest = [run.entry for run in runs.page(job_id, limit=_NEWEST_RUNS)]
    return models.OneJob(job=models.JobDetail(**dict(job), executions=newest))


@admin_router.post("/scheduler/jobs/{job_id}/trigger", status_code=202, response_model=None, responses=_TRIGGERED)
async def trigger_job(
    job_id: JobId,
    call: AdminCall,
    body: models.TriggerRequest | None = None,
    wait: Wait = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Run a job now, whether it is on the schedule or not."""
    request = body or models.TriggerRequest()
    triggered = await run_in_threadpool(_trigger, call, job_id, request, idempotency_key)
    if wait is None:
        return JSONResponse(triggered.model_dump(mode="json"), 202)
    return await _after_waiting(call.services, triggered, wait)


@admin_router.post("/scheduler/jobs/{job_id}/pause", responses=_NOT_FOUND)
def pause_job(job_id: JobId, call: AdminCall, body: models.PauseRequest | None = None) -> models.Done:
    """Stop a job's schedule, for good or until a time. It can still be triggered."""
    request = body or models.PauseRequest()
    scheduler = call.services.scheduler
    until = f"until {request.until.isoformat()}" if request.until else ""
    with call.audited("scheduler.pause", job_id, " ".join(filter(None, (until, request.reason)))):
        pause = Pause(utc_now(), call.user.name, request.reason, request.until)
        return _done(scheduler.pause(job_id, pause))


@admin_router.post("/scheduler/jobs/{job_id}/resume", responses=_NOT_FOUND)
def resume_job(job_id: JobId, call: AdminCall) -> models.Done:
    """Start a job's schedule; while the scheduler is stopped, it waits for the scheduler to be started."""
    with call.audited("scheduler.resume", job_id):
        return _done(call.services.scheduler.resume(job_id))


@admin_router.delete("/scheduler/jobs/{job_id}", responses=_NOT_FOUND)
def delete_job(job_id: JobId, call: AdminCall) -> models.Done:
    """Take a job off the schedule and off the list, until it is restored."""
    with call.audited("scheduler.delete", job_id):
        return _done(call.services.scheduler.delete(job_id, call.user.name))


@admin_router.post("/scheduler/jobs/{job_id}/restore", responses=_NOT_FOUND)
def restore_job(job_id: JobId, call: AdminCall) -> models.Done:
    """Put a deleted job back on the list, and on the schedule if it was on it."""
    with call.audited("scheduler.restore", job_id):
        return _done(call.services.scheduler.restore(job_id))


@admin_router.get("/scheduler/executions", responses=_NOT_FOUND)
def list_executions(
    call: AdminCall,
    job_id: Annotated[str | None, Query(max_length=200, description="Only runs of the job")] = None,
    status: Annotated[ExecutionStatus | None, Query(description="Only runs of the status")] = None,
    limit: Limit = 50,
) -> models.ExecutionList:
    """The newest runs of one job or of all, newest first, however they were started."""
    if job_id is not None and not is_known_job(call.services.context, job_id):
        raise ApiError(404, "Job not found")
    executions = [run.entry for run in call.services.runs.page(job_id, status, limit)]
    return models.ExecutionList(executions=executions, count=len(executions))


@admin_router.websocket("/scheduler/events")
async def events(socket: WebSocket) -> None:
    """One JSON message for each change of a run or a schedule, and a heartbeat when nothing changes.

    The guard in front opens it for admins, and ends it with the sign-in.
    """
    services = services_of(socket)
    await serve_events(socket, services.scheduler, services.runs)


@admin_router.get("/alerts", tags=["alerts"])
def read_alerts(
    call: AdminCall, limit: Annotated[int, Query(ge=0, le=200, description="Of those that are over")] = 50
) -> models.Alerts:
    """The incidents, open and over, and the recipients of alerts with the errors of delivery."""
    logs = [load_log(call.services.context.instance, name) for name in (DAEMON_LOG, WEB_LOG)]
    present = [models.IncidentEntry.model_validate(one) for log in logs for one in log.open]
    over = [models.IncidentEntry.model_validate(one) for log in logs for one in log.recently_over]
    over.sort(key=lambda one: one.over_at or one.begun_at, reverse=True)
    return models.Alerts(
        open=sorted(present, key=lambda one: one.begun_at),
        over=over[:limit],
        recipients=[models.AlertRecipient.model_validate(one) for one in recipients_of(logs)],
    )


@admin_router.get("/audit", tags=["audit"])
def read_audit(
    call: AdminCall,
    limit: Limit = 100,
    before_id: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="Only older entries")] = None,
) -> models.AuditLog:
    """Who changed what, when, from where, and with what result; newest first."""
    rows = audit.read(call.services.accounts, limit, before_id=before_id)
    return models.AuditLog(entries=[models.AuditEntry(**row) for row in rows], count=len(rows))


def _trigger(call: AdminCall, job_id: str, request: models.TriggerRequest, key: str | None) -> models.Triggered:
    services = call.services
    detail = f"partition {request.partition}" if request.partition else ""
    with call.audited("scheduler.trigger", job_id, detail) as details:
        job = services.scheduler.overview().job(job_id)
        run_id, is_new = services.launcher.trigger(call.connection, call.user.name, job, request, key)
        details.append(f"run {run_id}")
    message = f"Job {job_id} triggered" if is_new else f"Job {job_id} was triggered before with this key"
    return models.Triggered(message=message, run_id=run_id, timestamp=utc_now())


async def _after_waiting(services: Services, triggered: models.Triggered, seconds: int) -> Response:
    """200 with the result of the run, or 202 with how far it is when the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        result = await run_in_threadpool(_result, services, triggered.run_id)
        has_ended = result.status not in ("queued", "running")
        if has_ended or time.monotonic() >= deadline:
            break
        await anyio.sleep(_WAIT_POLL_SECONDS)
    message = f"{triggered.message}: {result.status}" + ("" if has_ended else f" after {seconds} s")
    finished = models.Finished(message=message, run_id=triggered.run_id, timestamp=utc_now(), result=result)
    return JSONResponse(finished.model_dump(mode="json"), 200 if has_ended else 202)


def _result(services: Services, run_id: str) -> models.RunResult:
    record = services.context.instance.get_run_record_by_id(run_id)
    if record is None:
        raise ApiError(404, f"Run {run_id} was removed")
    status = status_of(record.dagster_run)
    error = recorded_failure(services.context.instance, run_id) if status == "failed" else None
    return models.RunResult(status=status, duration=duration_of(record), error=error)


def _done(message: str) -> models.Done:
    return models.Done(message=message, timestamp=utc_now())
