"""The FastAPI application for everything under `/api`."""

from __future__ import annotations

from functools import cache, partial
from importlib.metadata import version

from fastapi import FastAPI

from market_assets.settings import Settings
from market_assets.store.database import Database
from market_assets.web.admin.router import admin_router
from market_assets.web.admin.services import Services
from market_assets.web.auth.access_tokens import tokens_router
from market_assets.web.auth.login import auth_router
from market_assets.web.errors import add_error_handlers
from market_assets.web.market.counted_postings import CountedPostings
from market_assets.web.market.router import market_router, unversioned_router
from market_assets.web.market.snapshot import SnapshotCache
from market_assets.web.openapi_document import openapi_document, plain_errors, problems
from market_assets.web.pages import docs_router

TITLE = "market_assets"
DESCRIPTION = "The job market as it was counted at the last refresh, and the scheduler that counts it."


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
    )
    api.state.services = services
    api.state.settings = settings
    api.state.market = SnapshotCache(database, settings.taxonomy)
    api.state.postings = CountedPostings(database, settings.data_dir)
    for router in (auth_router, tokens_router, market_router, unversioned_router, docs_router):
        api.include_router(router, responses=problems())
    api.include_router(admin_router, responses=plain_errors())
    add_error_handlers(api)
    api.openapi = cache(partial(openapi_document, api))  # type: ignore[method-assign]
    return api
