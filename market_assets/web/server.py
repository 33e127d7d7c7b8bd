"""The web process: everything it serves, put together, and how it is started."""

from __future__ import annotations

import sys

import dagster as dg
import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from market_assets.dagster_ext.webserver import MarketProcessContext, MarketWebserver
from market_assets.dagster_ext.workspace_types import WorkspaceFileTarget
from market_assets.settings import Settings
from market_assets.store import schema
from market_assets.store.database import Database
from market_assets.store.users import has_admin
from market_assets.web.application import build_api
from market_assets.web.auth import headers, limits
from market_assets.web.auth.guard import Access, Guard
from market_assets.web.auth.login import login_routes
from market_assets.web.auth.proxies import behind_proxies
from market_assets.web.auth.signing_key import signing_key
from market_assets.web.auth.tokens import Tokens
from market_assets.web.executions.routes import executions_routes
from market_assets.web.health import health_routes
from market_assets.web.metrics import Metrics
from market_assets.web.monitor import Monitor
from market_assets.web.request_times import RequestTimes
from market_assets.web.watch import Watch

_NO_REPORT = """<!doctype html><title>No report yet</title>
<p>There is no market report yet. It is made by <code>./scripts/run</code> and by the job
<code>refresh_market_stats</code>.</p>"""


class WebProcess:
    """Everything that the process serves: `application` is the whole, with the guard in front."""

    def __init__(
        self, process_context: MarketProcessContext, settings: Settings, rates: limits.Limits = limits.LIMITS
    ) -> None:
        database = Database(settings.market_url)
        engine = database.pooled_engine()
        self.settings = settings
        self.access = Access(engine, Tokens(signing_key(settings), engine))
        self.webserver = MarketWebserver(process_context, engine)
        self.api = build_api(process_context, settings, database, rates)
        self.dagster = self.webserver.create_asgi_app()
        self.monitor = Monitor(process_context, settings, database)
        self.metrics = Metrics(process_context, self.monitor)
        watch = Watch(process_context.instance, self.monitor, settings)
        self.own = Starlette(routes=[*self._own_routes(), Mount("/", app=self.dagster)], lifespan=watch.lifespan)
        metrics_token = settings.metrics_token.get_secret_value() if settings.metrics_token else None
        guarded = Guard(_by_path(self.api, self.own), self.access, metrics_token)
        limited = limits.wrap(guarded, settings, rates)
        seen_through = behind_proxies(limited, settings.trusted_proxies)
        times = RequestTimes(self.api, self.metrics.registry)
        self.application: ASGIApp = times.wrap(headers.wrap(seen_through, settings))

    def _own_routes(self) -> list[BaseRoute]:
        return [
            *health_routes(self.monitor),
            self.metrics.route(),
            Route("/market", self._market_report, methods=["GET"]),
            *login_routes(),
            *executions_routes(self.api.state),
        ]

    async def _market_report(self, _request: Request) -> Response:
        if not self.settings.report_path.exists():
            return HTMLResponse(_NO_REPORT, status_code=404)
        return FileResponse(self.settings.report_path, media_type="text/html")


def _by_path(api: ASGIApp, rest: ASGIApp) -> ASGIApp:
    """Not a Mount, which would take `/api` off the paths that the API describes."""

    async def chosen(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        await (api if path == "/api" or path.startswith("/api/") else rest)(scope, receive, send)

    return chosen


def serve_web(settings: Settings, workspace_file: str = "workspace.yaml") -> None:
    """Serve until the process is told to stop.

    Raises:
        SettingsError: others can reach the process, and tokens would not be safe.
        StoreError: the market database can't be used.
    """
    import uvicorn

    signing_key(settings)
    database = Database(settings.market_url)
    schema.ensure_current(database)
    _warn_of_no_admin(database.pooled_engine())
    with (
        dg.DagsterInstance.get() as instance,
        MarketProcessContext(
            instance, WorkspaceFileTarget([workspace_file]), version=dg.__version__
        ) as process_context,
    ):
        # Milliseconds as in `dagster-webserver`; without effect on SQLite.
        instance.optimize_for_webserver(statement_timeout=15_000, pool_recycle=3_600, max_overflow=18)
        uvicorn.run(
            WebProcess(process_context, settings).application,
            host=settings.host,
            port=settings.port,
            log_level="warning",
            # Who the client is, is found out in web.proxies: uvicorn would believe anybody on this machine.
            proxy_headers=False,
            server_header=False,
        )


def _warn_of_no_admin(engine: sa.Engine) -> None:
    if not has_admin(engine):
        print("Nobody can sign in yet: market-assets user add NAME --role admin", file=sys.stderr)
