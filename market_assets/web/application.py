"""The FastAPI application for everything under `/api`, and its answers to exceptions that leave a route."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache, partial
from importlib.metadata import version
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from market_assets.dagster_ext.workspace import CodeLocationError
from market_assets.settings import Settings
from market_assets.store.database import Database, StoreError
from market_assets.web.admin.router import admin_router
from market_assets.web.admin.services import Services
from market_assets.web.auth.access_tokens import tokens_router
from market_assets.web.auth.login import auth_router
from market_assets.web.errors import ApiError
from market_assets.web.market.counted_postings import CountedPostings
from market_assets.web.market.router import market_router, unversioned_router
from market_assets.web.market.snapshot import SnapshotCache
from market_assets.web.openapi_document import openapi_document, plain_errors, problems
from market_assets.web.pages import docs_router

_log = logging.getLogger(__name__)
_STORE_FAILURES = (StoreError, sa.exc.OperationalError, sa.exc.ProgrammingError, sa.exc.TimeoutError)
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


def add_http_error_handler(application: Starlette) -> None:
    """Answer errors that routes raise on purpose, such as 404."""
    application.add_exception_handler(HTTPException, _on_error)


def add_error_handlers(api: FastAPI) -> None:
    """Answer every exception that leaves a route of the application."""
    for error in (HTTPException, RequestValidationError, *_STORE_FAILURES, CodeLocationError, Exception):
        api.add_exception_handler(error, _on_error)


async def _on_error(request: Request, error: Exception) -> Response:
    return _answer_to(error, request).response(request.url.path)


def _answer_to(error: Exception, request: Request) -> ApiError:
    if isinstance(error, HTTPException):
        extra = error.extra if isinstance(error, ApiError) else None
        return ApiError(error.status_code, str(error.detail), extra, error.headers)
    if isinstance(error, RequestValidationError):
        return ApiError(422, "; ".join(_describe(problem) for problem in error.errors()))
    if isinstance(error, CodeLocationError):
        return ApiError(503, f"The code does not load: {error}")
    if isinstance(error, _STORE_FAILURES):
        _log.error("%s %s: the market database failed: %s", request.method, request.url.path, error)
        return ApiError(503, "The market database does not answer", headers={"Retry-After": "5"})
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return ApiError(500, "Something went wrong; the web process's log has the details")


def _describe(problem: Mapping[str, Any]) -> str:
    """A problem of a request in words, such as `limit: Input should be less than or equal to 500`."""
    where = ".".join(str(part) for part in problem["loc"][1:]) or str(problem["loc"][0])
    return f"{where}: {problem['msg']}"
