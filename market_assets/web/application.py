"""The FastAPI application for everything under `/api`: routers, errors, the OpenAPI document and its page."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from market_assets.settings import Settings
from market_assets.store.database import Database, StoreError
from market_assets.web.admin.router import admin_router
from market_assets.web.api_docs.routes import docs_router
from market_assets.web.auth.identity import ApiError
from market_assets.web.auth.limits import LIMITS, Limits, UserLimit
from market_assets.web.auth.login import auth_router
from market_assets.web.market.cache import MarketCache
from market_assets.web.market.router import market_router
from market_assets.web.openapi import describe

TITLE = "market_assets"
DESCRIPTION = "The job market as it was counted at the last refresh, and the scheduler that counts it."

_log = logging.getLogger(__name__)


def build_api(process_context: Any, settings: Settings, database: Database, limits: Limits = LIMITS) -> FastAPI:
    """The application for `/api`; whoever serves it puts the guard in front.

    Args:
        process_context: Dagster's, through which the scheduler is steered.
        settings: of this process.
        database: the market database.
        limits: how much one user may ask for.
    """
    api = FastAPI(
        title=TITLE,
        description=DESCRIPTION,
        version=version("market-assets"),
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    api.state.process_context = process_context
    api.state.settings = settings
    api.state.database = database
    api.state.market = MarketCache(database)
    for router in (auth_router, admin_router, market_router, docs_router):
        api.include_router(router)
    for kind, handler in _HANDLERS.items():
        api.add_exception_handler(kind, handler)
    api.add_middleware(UserLimit, limits=limits)
    describe(api)
    return api


def error_answer(status: int, error: str, extra: Mapping[str, Any] | None = None, **headers: str) -> JSONResponse:
    """An error as every caller gets it."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse({**(extra or {}), "error": error}, status_code=status, headers=names)


async def _on_api_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error_answer(error.status, error.error, error.extra)


async def _on_http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": str(error.detail)}, status_code=error.status_code, headers=error.headers)


async def _on_invalid_request(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return error_answer(422, "; ".join(_worded(problem) for problem in error.errors()))


async def _on_store_failure(request: Request, error: Exception) -> Response:
    _log.error("%s %s: the market database failed: %s", request.method, request.url.path, error)
    return error_answer(503, "The market database does not answer", Retry_After="5")


async def _on_failure(request: Request, error: Exception) -> Response:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return error_answer(500, "Something went wrong; the web process's log has the details")


def _worded(problem: Mapping[str, Any]) -> str:
    """A problem of a request in words, such as `limit: Input should be less than or equal to 500`."""
    where = ".".join(str(part) for part in problem["loc"][1:]) or str(problem["loc"][0])
    return f"{where}: {problem['msg']}"


_HANDLERS = {
    ApiError: _on_api_error,
    HTTPException: _on_http_error,
    RequestValidationError: _on_invalid_request,
    StoreError: _on_store_failure,
    sa.exc.OperationalError: _on_store_failure,
    sa.exc.ProgrammingError: _on_store_failure,
    sa.exc.TimeoutError: _on_store_failure,
    Exception: _on_failure,
}
