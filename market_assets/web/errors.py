"""Errors of the API: each is `{"error": "…"}` with its status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

#: WebSocket close codes: refused for good; come back later.
POLICY_VIOLATION, TRY_AGAIN_LATER = 1008, 1013
NOT_SIGNED_IN = "Sign in first"
NOT_ADMIN = "Admin access required"


class Error(BaseModel):
    """Every answer that is not a success; some have further fields, such as run_id."""

    error: str = Field(examples=["Job not found"])


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

    def response(self) -> JSONResponse:
        return JSONResponse({**self.extra, "error": self.detail}, self.status_code, self.headers)


async def refuse(response: Response, scope: Scope, receive: Receive, send: Send, close_code: int) -> None:
    """Answer a request, or a WebSocket's opening where the server can't send a response to it, by closing it."""
    if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
        await response(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": close_code, "reason": ""})
