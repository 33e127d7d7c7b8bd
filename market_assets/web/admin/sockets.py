"""The WebSocket that tells admins of changes. It ends with their sign-in: the guard in front sees to that."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, WebSocket
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.websockets import WebSocketDisconnect

from market_assets.web.admin.events import EventQueue, heartbeat
from market_assets.web.admin.services import services_of
from market_assets.web.auth.identity import identity_of

HEARTBEAT_SECONDS = 15.0
#: WebSocket close codes: against the rules; come back later.
_POLICY_VIOLATION, _TRY_AGAIN_LATER = 1008, 1013

events_router = APIRouter()


@events_router.websocket("/scheduler/events")
async def events(socket: WebSocket) -> None:
    """One JSON message for each change of a run or a schedule, and a heartbeat when there is nothing to tell."""
    identity = identity_of(socket)
    if identity is None or not identity.is_admin:
        await _refuse(socket, 401 if identity is None else 403)
        return
    services = await run_in_threadpool(services_of, socket.app.state)
    async with services.broadcast.listen() as queue:
        await socket.accept()
        # So that the caller knows from when on it hears of everything.
        await socket.send_json(heartbeat())
        telling = asyncio.create_task(_tell(socket, queue))
        listening = asyncio.create_task(_until_gone(socket))
        try:
            await asyncio.wait((telling, listening), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (telling, listening):
                task.cancel()
            # Not gather: it loses the message by which a server knows its own cancellation of this call.
            await asyncio.wait((telling, listening))
            for task in (telling, listening):
                if not task.cancelled():
                    task.exception()


async def _tell(socket: WebSocket, queue: EventQueue) -> None:
    while True:
        try:
            message: dict[str, Any] | None = await asyncio.wait_for(queue.get(), HEARTBEAT_SECONDS)
        except TimeoutError:
            message = heartbeat()
        if message is None:
            await socket.close(_TRY_AGAIN_LATER, "Too far behind: connect again and ask for the present state")
            return
        await socket.send_json(message)


async def _until_gone(socket: WebSocket) -> None:
    """What a listener sends is not listened to; that it leaves is."""
    try:
        while True:
            await socket.receive()
    except (WebSocketDisconnect, RuntimeError):
        return


async def _refuse(socket: WebSocket, status: int) -> None:
    if "websocket.http.response" in socket.scope.get("extensions", {}):
        error = "Sign in first" if status == 401 else "Admin access required"
        await socket.send_denial_response(JSONResponse({"error": error}, status))
    else:
        await socket.close(_POLICY_VIOLATION)
