"""How much one user or address may ask for, how large a request may be, and how long an answer may take.

Counts are kept in the memory of this process: it is the only one that answers.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import parse_qs

from limits import RateLimitItem, parse_many
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from market_assets.settings import Settings
from market_assets.web.auth.identity import identity_of


@dataclass(frozen=True)
class Limits:
    """What is allowed; rates as the library `limits` writes them, each a moving window."""

    sign_in: str = "10/minute;100/hour"
    address: str = "3000/minute"
    user: str = "1200/minute"
    body_bytes: int = 1 << 20
    seconds: float = 30.0
    #: A caller may ask to wait for the end of a run (`?wait=`), for no longer than this.
    longest_wait: float = 600.0


LIMITS = Limits()

_SIGN_IN_PATHS = ("/login", "/api/auth/login")
#: Files of the UI, fetched by the hundred, and what monitors ask for.
_UNCOUNTED = ("/static/", "/favicon", "/health", "/metrics")


class Rates:
    """Counts what each key asked for."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def take(self, rates: Sequence[RateLimitItem], *key: str) -> int | None:
        """Count one request; the whole seconds to wait where it is one too many, else None."""
        for rate in rates:
            if not self._limiter.hit(rate, *key):
                reset = self._limiter.get_window_stats(rate, *key).reset_time
                return max(1, math.ceil(reset - time.time()))
        return None


def wrap(app: ASGIApp, settings: Settings, limits: Limits = LIMITS) -> ASGIApp:  # noqa: ARG001
    """The whole process with limits by address, stricter ones for signing in, and for /api of size and time.

    `scope["client"]` is the client itself: whatever sees through trusted proxies stands further out.
    """
    rates = Rates()
    sign_in, address = parse_many(limits.sign_in), parse_many(limits.address)
    bounded = _bounded_time(_bounded_body(app, limits.body_bytes), limits)

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await app(scope, receive, send)
            return
        path, client = scope["path"], _network(scope)
        wait = None if path.startswith(_UNCOUNTED) else rates.take(address, "address", client)
        if wait is None and scope.get("method") == "POST" and path in _SIGN_IN_PATHS:
            wait = rates.take(sign_in, "sign-in", client)
        if wait is not None:
            await _refuse(scope, send, wait)
        elif scope["type"] == "http" and path.startswith("/api/"):
            await bounded(scope, receive, send)
        else:
            await app(scope, receive, send)

    return limited


class UserLimit:
    """ASGI middleware behind the guard: what one user may ask for, from however many addresses."""

    def __init__(self, app: ASGIApp, limits: Limits = LIMITS) -> None:
        self._app = app
        self._rates = Rates()
        self._user = parse_many(limits.user)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            identity = identity_of(HTTPConnection(scope))
            wait = self._rates.take(self._user, "user", identity.name) if identity else None
            if wait is not None:
                await _refuse(scope, send, wait)
                return
        await self._app(scope, receive, send)


def _network(scope: Scope) -> str:
    """Whom to count: an address, or the /64 of an IPv6 address, since one customer has a whole one."""
    host = (scope.get("client") or ("unknown", 0))[0]
    try:
        address = ip_address(host)
    except ValueError:
        return str(host)
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else str(ip_network((int(address), 64), strict=False))
    return str(address)


def _bounded_body(app: ASGIApp, most: int) -> ASGIApp:
    """Read a request's body first, so that one that is too large never reaches the application."""

    async def bounded(scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > most:
            await _send_error(send, 413, f"The request is larger than {most} bytes")
            return
        if not length and "transfer-encoding" not in headers:
            await app(scope, receive, send)
            return
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
            if len(body) > most:
                await _send_error(send, 413, f"The request is larger than {most} bytes")
                return
            if not message.get("more_body", False):
                break
        await app(scope, _replay(bytes(body), receive), send)

    return bounded


def _replay(body: bytes, receive: Receive) -> Receive:
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return pending.pop() if pending else await receive()

    return replayed


def _bounded_time(app: ASGIApp, limits: Limits) -> ASGIApp:
    """Answer 504 in time, whatever the application does: one that sits in a thread can't be interrupted."""
    abandoned: set[asyncio.Task[None]] = set()

    async def bounded(scope: Scope, receive: Receive, send: Send) -> None:
        gate = _Gate(send)
        task = asyncio.ensure_future(app(scope, receive, gate.send))
        try:
            done, _ = await asyncio.wait({task}, timeout=limits.seconds + _asked_wait(scope, limits))
        except asyncio.CancelledError:
            task.cancel()
            raise
        if done:
            await task
            return
        gate.shut = True
        abandoned.add(task)
        task.add_done_callback(abandoned.discard)
        task.cancel()
        if gate.started:
            raise TimeoutError(f"{scope['path']} was cut off: its answer took too long")
        await _send_error(send, 504, f"This took longer than {limits.seconds:g} seconds")

    return bounded


class _Gate:
    """Lets messages through until it is shut."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False
        self.shut = False

    async def send(self, message: Message) -> None:
        if not self.shut:
            self.started = True
            await self._send(message)


def _asked_wait(scope: Scope, limits: Limits) -> float:
    """The seconds that the caller is ready to wait for a run, by `?wait=`."""
    if b"wait=" not in scope["query_string"] or not scope["path"].endswith("/trigger"):
        return 0.0
    asked = parse_qs(scope["query_string"].decode("latin-1")).get("wait", ["0"])[-1]
    try:
        seconds = float(asked)
    except ValueError:
        return 0.0
    return min(seconds, limits.longest_wait) if seconds > 0 else 0.0


async def _refuse(scope: Scope, send: Send, wait: int) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1013, "reason": "Too many requests"})
        return
    await _send_error(send, 429, f"Too many requests: try again in {wait} s", [(b"retry-after", b"%d" % wait)])


async def _send_error(send: Send, status: int, error: str, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
    body = json.dumps({"error": error}).encode()
    described = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": described})
    await send({"type": "http.response.body", "body": body})
