"""`/health`: whether everything that the pipeline stands on works; `/health/live`: that this process answers."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from market_assets.operations.health import Health, health_report, judge
from market_assets.web.auth.guard import DETAILS_KEY
from market_assets.web.monitor import Monitor

_FRESH = {"Cache-Control": "no-store"}


def health_routes(monitor: Monitor) -> list[BaseRoute]:
    """The routes; the guard in front says who learns the details."""

    async def health(request: Request) -> Response:
        facts = await monitor.facts()
        judged = judge(facts)
        may_know = request.scope["state"].get(DETAILS_KEY) is True
        content = health_report(facts, judged) if may_know else for_strangers(judged)
        return JSONResponse(content, 200 if judged.is_ok else 503, _FRESH)

    async def live(_request: Request) -> Response:
        return JSONResponse({"status": "ok"}, headers=_FRESH)

    return [Route("/health", health, methods=["GET"]), Route("/health/live", live, methods=["GET"])]


def for_strangers(health: Health) -> dict[str, Any]:
    """What a load balancer needs: no names of jobs, hosts or files."""
    if health.is_ok:
        return {"status": "ok"}
    return {"status": "failing", "reasons": list(dict.fromkeys(reason.name for reason in health.reasons))}
