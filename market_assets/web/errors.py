"""Errors: problems by RFC 9457 that carry `error` too, their descriptions, and exceptions that leave a route."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal

import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from market_assets.dagster_ext.workspace import CodeLocationError
from market_assets.store.database import StoreError

_log = logging.getLogger(__name__)
_STORE_FAILURES = (StoreError, sa.exc.OperationalError, sa.exc.ProgrammingError, sa.exc.TimeoutError)
#: WebSocket close codes: refused for good; come back later.
POLICY_VIOLATION, TRY_AGAIN_LATER = 1008, 1013
NOT_SIGNED_IN = "Sign in first"
NOT_ADMIN = "Admin access required"
#: Calls whose errors are `{"error": …}` alone, as they have always been.
ADMIN_CALLS = "/api/admin/"
PROBLEM_TYPE = "application/problem+json"

Responses = dict[int | str, dict[str, Any]]
#: By status: a description, the status of the example, and what is wrong in it.
Errors = dict[int | str, tuple[str, int, str]]

#: What every call may answer.
_ERRORS: Errors = {
    401: ("Not signed in", 401, NOT_SIGNED_IN),
    422: ("The request is not as described here", 422, "limit: Input should be greater than or equal to 1"),
    429: ("Too many requests", 429, "Too many requests: try again in 12 s"),
    "default": ("Any other error", 503, "The market database does not answer"),
}


class Error(BaseModel):
    """Every answer of the admin calls that is not a success; some have further fields, such as run_id."""

    error: str = Field(description="What is wrong")


class Problem(BaseModel):
    """Every other answer that is not a success (RFC 9457); some have further fields, such as suggestions."""

    type: Literal["about:blank"] = Field(description="The status says what kind of problem it is")
    title: str = Field(description="The status in words")
    status: int = Field(description="The status of the answer")
    detail: str = Field(description="What is wrong")
    error: str = Field(description="The same as detail")


class ApiError(HTTPException):
    """An answer other than success: `{"error": …}` and, beside it, the fields of `extra`."""

    def __init__(
        self,
        status: int,
        error: str,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, error, headers)
        self.extra = extra or {}

    def response(self, path: str) -> JSONResponse:
        """The answer to a request for a path."""
        if path.startswith(ADMIN_CALLS):
            return JSONResponse({**self.extra, "error": self.detail}, self.status_code, self.headers)
        problem = {**problem_of(self.status_code, self.detail), **self.extra}
        return JSONResponse(problem, self.status_code, self.headers, media_type=PROBLEM_TYPE)


def problem_of(status: int, error: str) -> dict[str, Any]:
    """The fields that every problem has."""
    title = HTTPStatus(status).phrase
    return {"type": "about:blank", "title": title, "status": status, "detail": error, "error": error}


def problems(**others: tuple[str, int, str]) -> Responses:
    """The errors of calls that answer with problems; `others` are further ones, by `_` and the status."""
    further: Errors = {int(status.removeprefix("_")): error for status, error in others.items()}
    stated: Errors = {**_ERRORS, **further}
    return {
        status: _error(description, PROBLEM_TYPE, "Problem", problem_of(code, error))
        for status, (description, code, error) in stated.items()
    }


def plain_errors() -> Responses:
    """The errors of the admin calls."""
    return {
        status: _error(description, "application/json", "Error", {"error": error})
        for status, (description, _code, error) in _ERRORS.items()
    }


def _error(description: str, media_type: str, model: str, example: dict[str, Any]) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{model}"}
    return {"description": description, "content": {media_type: {"schema": schema, "example": example}}}


async def refuse(response: Response, scope: Scope, receive: Receive, send: Send, close_code: int) -> None:
    """Answer a request, or a WebSocket's opening where the server can't send a response to it, by closing it."""
    if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
        await response(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": close_code, "reason": ""})


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
