"""How long answers take, by route, method and status, as a Prometheus histogram."""

from __future__ import annotations

import re
import time
from functools import cached_property

from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Histogram
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
#: A label for each path that anybody may make up would fill the memory.
_OWN = ("/health", "/health/live", "/metrics", "/market", "/login", "/logout", "/graphql")
_UNDESCRIBED = ("/api/openapi.json", "/api/docs", "/api/docs/{file}")
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
OTHER = "other"


class RequestTimes:
    """Measures every answer of the process, those of the guard and the limits included."""

    def __init__(self, api: FastAPI, registry: CollectorRegistry) -> None:
        self._api = api
        self._seconds = Histogram(
            "market_assets_http_request_duration_seconds",
            "Seconds until an answer was complete, since this process was started",
            ("route", "method", "status"),
            buckets=_BUCKETS,
            registry=registry,
        )

    def wrap(self, app: ASGIApp) -> ASGIApp:
        async def measured(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            status = "500"

            async def send_and_note(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = str(message["status"])
                await send(message)

            begun = time.perf_counter()
            try:
                await app(scope, receive, send_and_note)
            finally:
                method = scope["method"] if scope["method"] in _METHODS else OTHER
                labels = self._seconds.labels(self.route_of(scope), method, status)
                labels.observe(time.perf_counter() - begun)

        return measured

    def route_of(self, scope: Scope) -> str:
        """The route as it is declared, such as `/api/market/skills/{skill}`; `ui` for Dagster's own paths."""
        path = scope["path"]
        if path in _OWN:
            return str(path)
        if path != "/api" and not path.startswith("/api/"):
            return "ui"
        return next((template for template, pattern in self._templates if pattern.match(path)), OTHER)

    @cached_property
    def _templates(self) -> list[tuple[str, re.Pattern[str]]]:
        """The API's paths as its own document has them: the constant ones first, as they are routed."""
        templates = sorted([*self._api.openapi()["paths"], *_UNDESCRIBED], key=lambda path: path.count("{"))
        return [(template, compile_path(template)[0]) for template in templates]
