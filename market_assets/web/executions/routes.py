"""Serves the page and its files."""

from __future__ import annotations

from pathlib import Path
from typing import cast, get_args

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from market_assets.dagster_ext.workspace import known_jobs
from market_assets.store.executions import executed_jobs
from market_assets.web.admin.models import RunStatus
from market_assets.web.admin.services import Services, services_of
from market_assets.web.auth.identity import ApiError, identity_of
from market_assets.web.executions.page import Shown, parse_position, render

PAGE = 50
PATH = "/executions"
_HERE = Path(__file__).parent
_FILES = {"page.js": "text/javascript", "page.css": "text/css"}
_STATUSES = get_args(RunStatus)


def executions_routes(state: State) -> list[BaseRoute]:
    """The routes of the page.

    Args:
        state: of the API's application, whose services are used here too.
    """

    async def page(request: Request) -> Response:
        return await run_in_threadpool(_page, request, state)

    return [Route(PATH, page, methods=["GET"]), *(_file(*named) for named in _FILES.items())]


def _file(name: str, media_type: str) -> Route:
    async def file(_request: Request) -> Response:
        return FileResponse(_HERE / name, media_type=media_type, headers={"Cache-Control": "no-cache"})

    return Route(f"{PATH}/{name}", file, methods=["GET"])


def _page(request: Request, state: State) -> Response:
    services = services_of(state)
    asked = request.query_params
    job, status = asked.get("job") or None, asked.get("status") or None
    before = parse_position(asked.get("before"))
    if status not in (None, *_STATUSES) or (asked.get("before") and before is None):
        return HTMLResponse("<!doctype html><title>Executions</title><p>There is no such list of executions.", 400)
    found = services.runs.page(job, cast(RunStatus | None, status), PAGE + 1, before)
    identity = identity_of(request)
    shown = Shown(
        listed=found[:PAGE],
        next_page=found[PAGE - 1].position if len(found) > PAGE else None,
        is_first_page=before is None,
        job=job,
        status=status,
        jobs=_jobs(services),
        statuses=_STATUSES,
        user=identity.name if identity else "",
        is_admin=identity is not None and identity.is_admin,
    )
    return HTMLResponse(render(shown), headers={"Cache-Control": "no-store"})


def _jobs(services: Services) -> list[str]:
    """The jobs to choose from: all that ever ran, and those that never did yet."""
    try:
        known = set(known_jobs(services.runs.context))
    except ApiError:
        # The code does not load: what ran can be looked at all the more.
        known = set()
    return sorted(known.union(executed_jobs(services.engine)))
