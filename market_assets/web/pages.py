"""HTML pages: Jinja templates from `templates/`, their scripts and styles from `static/`, and `/api/docs`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import jinja2
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

_WEB = Path(__file__).parent
_MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css"}
_REVALIDATED = {"Cache-Control": "no-cache"}

docs_router = APIRouter(include_in_schema=False)


def render(
    template: str, *, status_code: int = 200, headers: dict[str, str] | None = None, **context: object
) -> Response:
    """A page from a template; every value in it is escaped."""
    return HTMLResponse(_environment().get_template(template).render(**context), status_code, headers)


def static_route(path: str, file: str) -> Route:
    """The route of one file in `static/`."""
    found = _WEB / "static" / file

    async def serve(_request: Request) -> Response:
        return FileResponse(found, media_type=_MEDIA_TYPES[found.suffix], headers=_REVALIDATED)

    return Route(path, serve, methods=["GET"])


@docs_router.get("/api/docs")
async def api_docs() -> Response:
    """The OpenAPI document for people, without anything from another site."""
    return render("api_docs.html", headers=_REVALIDATED)


for _suffix in _MEDIA_TYPES:
    docs_router.routes.append(static_route(f"/api/docs/page{_suffix}", f"api_docs{_suffix}"))


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(_WEB / "templates")
    return jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
