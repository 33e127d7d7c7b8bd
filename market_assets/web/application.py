"""The FastAPI application for everything under `/api`: routers, errors, and the OpenAPI document."""

from __future__ import annotations

from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from market_assets.settings import Settings
from market_assets.store.database import Database
from market_assets.web.admin.router import admin_router
from market_assets.web.admin.services import Services
from market_assets.web.auth.cross_site import SESSION_COOKIE
from market_assets.web.auth.limits import DEFAULT_LIMITS, RequestLimits, UserLimit
from market_assets.web.auth.login import auth_router
from market_assets.web.errors import NOT_ADMIN, add_error_handlers
from market_assets.web.market.router import market_router
from market_assets.web.market.snapshot import SnapshotCache
from market_assets.web.pages import docs_router

TITLE = "market_assets"
DESCRIPTION = "The job market as it was counted at the last refresh, and the scheduler that counts it."

_SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The access_token of POST /api/auth/login",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "Set by the page /login; browsers only",
    },
}
_ERROR = {
    "type": "object",
    "title": "Error",
    "description": "Every answer that is not a success; some have further fields, such as run_id.",
    "properties": {"error": {"type": "string"}},
    "required": ["error"],
    "example": {"error": "Skill not found: Qbasic"},
}
_ERROR_CONTENT = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
_ERRORS = {
    "401": "Not signed in",
    "422": "The request is not as described here",
    "429": "Too many requests",
    "default": "Any other error",
}
#: FastAPI's schemas of a 422, which this API answers otherwise.
_FASTAPI_ERRORS = ("HTTPValidationError", "ValidationError")
_METHODS = ("get", "put", "post", "delete", "patch")
_EXAMPLES = Path(__file__).parent / "market" / "examples.yaml"


def build_api(
    services: Services | None, settings: Settings, database: Database, limits: RequestLimits = DEFAULT_LIMITS
) -> FastAPI:
    """The application for `/api`; the guard has to be in front of it. Without services, the admin API fails."""
    api = FastAPI(
        title=TITLE,
        description=DESCRIPTION,
        version=version("market-assets"),
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    api.state.services = services
    api.state.settings = settings
    api.state.market = SnapshotCache(database)
    for router in (auth_router, admin_router, market_router, docs_router):
        api.include_router(router)
    add_error_handlers(api)
    api.add_middleware(UserLimit, limits=limits)
    api.openapi = cache(partial(_document, api))  # type: ignore[method-assign]
    return api


def _document(api: FastAPI) -> dict[str, Any]:
    """FastAPI's OpenAPI document with this project's errors, ways to sign in and examples."""
    document = get_openapi(title=api.title, version=api.version, description=api.description, routes=api.routes)
    components = document.setdefault("components", {})
    components["securitySchemes"] = {**_SECURITY_SCHEMES, **components.get("securitySchemes", {})}
    document["security"] = [{name: []} for name in components["securitySchemes"]]
    schemas = components.setdefault("schemas", {})
    for name in _FASTAPI_ERRORS:
        schemas.pop(name, None)
    schemas["Error"] = _ERROR
    for name, example in yaml.safe_load(_EXAMPLES.read_text(encoding="utf-8")).items():
        # Not through the models: FastAPI leaves nulls out, in examples too.
        schemas[name]["example"] = example
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method in _METHODS:
                _describe_errors(path, operation)
    return document


def _describe_errors(path: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    for status, description in _ERRORS.items():
        if status == "422" or status not in responses:
            responses[status] = {"description": description}
    if path.startswith("/api/admin"):
        responses.setdefault("403", {"description": NOT_ADMIN})
    if path.startswith("/api/auth/login"):
        operation["security"] = []
    for status, response in responses.items():
        if not status.startswith(("2", "3")):
            response.setdefault("content", _ERROR_CONTENT)
