"""A WebSocket that ends with the sign-in it was opened with."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CHECK_SECONDS = 2.0
#: What a browser is told: not a failure, but don't try again without signing in.
_POLICY_VIOLATION = 1008


async def serve_while_holding(
    holds: Callable[[], Awaitable[bool]], app: ASGIApp, scope: Scope, receive: Receive, send: Send
) -> None:
    """Serve an open WebSocket, and close it when the sign-in no longer holds, at the latest some seconds later."""
    ended = asyncio.Event()
    accepted = asyncio.Event()

    async def watch() -> None:
        await accepted.wait()
        while await holds():
            await asyncio.sleep(CHECK_SECONDS)
        ended.set()
        with contextlib.suppress(RuntimeError, OSError):
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": "Sign in again"})

    async def guarded_receive() -> Message:
        message = asyncio.ensure_future(receive())
        end = asyncio.ensure_future(ended.wait())
        try:
            await asyncio.wait((message, end), return_when=asyncio.FIRST_COMPLETED)
            if ended.is_set():
                return {"type": "websocket.disconnect", "code": _POLICY_VIOLATION, "reason": "Sign in again"}
            return message.result()
        finally:
            for waiting in (message, end):
                waiting.cancel()

    async def guarded_send(message: Message) -> None:
        if ended.is_set():
            return
        await send(message)
        if message["type"] == "websocket.accept":
            accepted.set()

    watching = asyncio.create_task(watch())
    try:
        await app(scope, guarded_receive, guarded_send)
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
