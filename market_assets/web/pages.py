"""HTML pages: Jinja templates from `templates/`, their scripts and styles from `static/`, and `/api/docs`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import fastapi_offline
import jinja2
from fastapi import APIRouter
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from market_assets.report import numbers

_WEB = Path(__file__).parent
_TEMPLATES = _WEB / "templates"
_SWAGGER_UI = Path(fastapi_offline.__file__).parent / "static"
_MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css"}
_REVALIDATED = {"Cache-Control": "no-cache"}

docs_router = APIRouter(include_in_schema=False)


def render(
    template: str, *, status_code: int = 200, headers: dict[str, str] | None = None, **context: object
) -> Response:
    """A page from a template; every value in it is escaped."""
    return HTMLResponse(environment().get_template(template).render(**context), status_code, headers)


@lru_cache(maxsize=1)
def environment() -> jinja2.Environment:
    """The templates, compiled once; every string that is not markup is escaped and has no control characters."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([_TEMPLATES, _TEMPLATES / "market"]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["number"] = numbers
    return made


def _printable(value: object) -> object:
    return numbers.printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def static_route(path: str, file: str, folder: Path = _WEB / "static") -> Route:
    """The route of one file in `static/`, or in the folder of a package."""
    found = folder / file

    async def serve(_request: Request) -> Response:
        return FileResponse(found, media_type=_MEDIA_TYPES[found.suffix], headers=_REVALIDATED)

    return Route(path, serve, methods=["GET"])


@docs_router.get("/api/docs")
async def api_docs() -> Response:
    """The OpenAPI document for people, without anything from another site."""
    return render("api_docs.html", headers=_REVALIDATED)


docs_router.routes += [
    static_route("/api/docs/page.js", "api_docs.js"),
    static_route("/api/docs/swagger-ui.js", "swagger-ui-bundle.js", _SWAGGER_UI),
    static_route("/api/docs/swagger-ui.css", "swagger-ui.css", _SWAGGER_UI),
]
