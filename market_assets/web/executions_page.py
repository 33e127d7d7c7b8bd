"""`/executions`: the list of runs as an HTML page, by `templates/executions.html`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast, get_args
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from market_assets.dagster_ext.workspace import CodeLocationError
from market_assets.store.executions import ExecutionStatus, executed_jobs
from market_assets.web.admin.executions import ListedRun, Position
from market_assets.web.admin.services import Services
from market_assets.web.auth.tokens import identity_of
from market_assets.web.known_jobs import known_jobs
from market_assets.web.pages import render, static_route

PATH = "/executions"
#: Runs on one page.
PAGE_SIZE = 50
_STATUSES = get_args(ExecutionStatus)


def executions_routes(services: Services) -> list[BaseRoute]:
    """The routes of the page and its files."""

    async def page(request: Request) -> Response:
        return await run_in_threadpool(_page, request, services)

    files = [static_route(f"{PATH}/page.{kind}", f"executions.{kind}") for kind in ("js", "css")]
    return [Route(PATH, page, methods=["GET"]), *files]


def _page(request: Request, services: Services) -> Response:
    query = request.query_params
    job, status = query.get("job") or None, query.get("status") or None
    before = parse_position(query.get("before"))
    if status not in (None, *_STATUSES) or (query.get("before") and before is None):
        return HTMLResponse("<!doctype html><title>Executions</title><p>There is no such list of executions.", 400)
    found = services.runs.page(job, cast(ExecutionStatus | None, status), PAGE_SIZE + 1, before)
    identity = identity_of(request)
    jobs = _jobs(services)
    return render(
        "executions.html",
        headers={"Cache-Control": "no-store"},
        rows=[_row(run) for run in found[:PAGE_SIZE]],
        older=_older(job, status, found[PAGE_SIZE - 1].position) if len(found) > PAGE_SIZE else None,
        newest=None if before is None else _path(job=job, status=status),
        job=job,
        status=status,
        jobs=jobs if job is None or job in jobs else [job, *jobs],
        statuses=_STATUSES,
        user=identity.name if identity else "",
        is_admin=identity is not None and identity.is_admin,
    )


def _jobs(services: Services) -> list[str]:
    """The jobs to choose from: those that ever ran, and those that never did yet."""
    try:
        known = set(known_jobs(services.runs.context))
    except CodeLocationError:
        # The code does not load; the list of past runs is then all the more useful.
        known = set()
    return sorted(known.union(executed_jobs(services.engine)))


def parse_position(text: str | None) -> Position | None:
    """A place in the list as `_older` wrote it; None for any other text."""
    time, _, run_id = (text or "").partition("~")
    try:
        parsed = datetime.fromisoformat(time)
    except ValueError:
        return None
    # In the first and the last year, another time zone's time may be none of UTC.
    return (parsed.astimezone(UTC), run_id) if parsed.tzinfo and 1 < parsed.year < 9999 and run_id else None


def _older(job: str | None, status: str | None, last: Position) -> str:
    return _path(job=job, status=status, before=f"{last[0].isoformat()}~{last[1]}")


def _path(**query: str | None) -> str:
    return f"{PATH}?{urlencode({name: value for name, value in query.items() if value})}"


def _row(run: ListedRun) -> dict[str, Any]:
    entry = run.entry
    return {
        **dict(entry),
        "is_in_dagster": run.is_in_dagster,
        "started_at": entry.started_at.astimezone(UTC) if entry.started_at else None,
        "duration": None if entry.duration is None else format_duration(entry.duration),
    }


def format_duration(seconds: float) -> str:
    """Seconds for people: `0.4 s`, `12.3 s`, `5 min 20 s`, `2 h 3 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"
