"""Errors: problems by RFC 9457 that carry `error` too, with their status."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

#: WebSocket close codes: refused for good; come back later.
POLICY_VIOLATION, TRY_AGAIN_LATER = 1008, 1013
NOT_SIGNED_IN = "Sign in first"
NOT_ADMIN = "Admin access required"


#: Calls whose errors are `{"error": …}` alone, as they have always been.
ADMIN_CALLS = "/api/admin/"
PROBLEM_TYPE = "application/problem+json"


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


async def refuse(response: Response, scope: Scope, receive: Receive, send: Send, close_code: int) -> None:
    """Answer a request, or a WebSocket's opening where the server can't send a response to it, by closing it."""
    if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
        await response(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": close_code, "reason": ""})
