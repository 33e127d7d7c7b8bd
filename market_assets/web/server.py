"""One ASGI process: Dagster's webserver with the market report in it.

Everything that is private to Dagster's webserver is used here and nowhere else.
"""

from __future__ import annotations

import dagster as dg
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.webserver import DagsterWebserver
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from market_assets.settings import Settings

_NO_REPORT = """<!doctype html><title>No report yet</title>
<p>There is no market report yet. It is made by <code>./scripts/run</code> and by the job
<code>refresh_market_stats</code>.</p>"""


class MarketWebserver(DagsterWebserver):
    """Dagster's webserver, with `/market` before its own routes."""

    def __init__(self, context: WorkspaceProcessContext, settings: Settings) -> None:
        super().__init__(context)
        self._settings = settings

    def build_routes(self) -> list[BaseRoute]:
        own: list[BaseRoute] = [Route("/market", self._market_report, methods=["GET"])]
        return [*own, *super().build_routes()]

    async def _market_report(self, _request: Request) -> Response:
        if not self._settings.report_path.exists():
            return HTMLResponse(_NO_REPORT, status_code=404)
        return FileResponse(self._settings.report_path, media_type="text/html")


def serve_web(settings: Settings, workspace_file: str = "workspace.yaml") -> None:
    """Serve until the process is told to stop."""
    import uvicorn

    with (
        dg.DagsterInstance.get() as instance,
        WorkspaceProcessContext(
            instance, WorkspaceFileTarget([workspace_file]), version=dg.__version__
        ) as context,
    ):
        application = MarketWebserver(context, settings).create_asgi_app()
        uvicorn.run(application, host=settings.host, port=settings.port, log_level="warning")
