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
from market_assets.web.auth.login import auth_router
from market_assets.web.error_handlers import add_error_handlers
from market_assets.web.errors import Error
from market_assets.web.market.counted_postings import CountedPostings
from market_assets.web.market.router import market_router, unversioned_router
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
_ERRORS: dict[int | str, dict[str, Any]] = {
    401: {"model": Error, "description": "Not signed in"},
    422: {"model": Error, "description": "The request is not as described here"},
    429: {"model": Error, "description": "Too many requests"},
    "default": {"model": Error, "description": "Any other error"},
}
_EXAMPLES = Path(__file__).parent / "market" / "examples.yaml"


def build_api(services: Services | None, settings: Settings, database: Database) -> FastAPI:
    """The application for `/api`; the guard has to be in front of it. Without services, the admin API fails."""
    api = FastAPI(
        title=TITLE,
        description=DESCRIPTION,
        version=version("market-assets"),
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=_ERRORS,
    )
    api.state.services = services
    api.state.settings = settings
    api.state.market = SnapshotCache(database, settings.taxonomy)
    api.state.postings = CountedPostings(database)
    for router in (auth_router, admin_router, market_router, unversioned_router, docs_router):
        api.include_router(router)
    add_error_handlers(api)
    api.openapi = cache(partial(_document, api))  # type: ignore[method-assign]
    return api


def _document(api: FastAPI) -> dict[str, Any]:
    """FastAPI's OpenAPI document with the ways to sign in, and examples."""
    document = get_openapi(title=api.title, version=api.version, description=api.description, routes=api.routes)
    document["security"] = [{name: []} for name in _SECURITY_SCHEMES]
    components = document["components"]
    components["securitySchemes"] = _SECURITY_SCHEMES
    for name, example in yaml.safe_load(_EXAMPLES.read_text(encoding="utf-8")).items():
        # Not through the models: FastAPI leaves nulls out, in examples too.
        components["schemas"][name]["example"] = example
    return document
