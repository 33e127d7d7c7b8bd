"""How many requests one user or address may send, how large one may be, and how long its answer may take.

Counts are kept in memory, since one process answers all requests.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_network

from limits import RateLimitItem, parse_many
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from market_assets.web.auth.proxies import parse_address
from market_assets.web.errors import TRY_AGAIN_LATER, ApiError, refuse

#: The longest that a caller may wait for the end of a run (`?wait=`).
LONGEST_WAIT_SECONDS = 600


@dataclass(frozen=True)
class RequestLimits:
    """What is allowed; rates as the library `limits` writes them, each over a moving window."""

    sign_in: str = "10/minute;100/hour"
    address: str = "3000/minute"
    user: str = "1200/minute"
    body_bytes: int = 1 << 20
    seconds: float = 30.0


DEFAULT_LIMITS = RequestLimits()

_SIGN_IN_PATHS = ("/login", "/api/auth/login")
#: Files of the UI, fetched by the hundred, and what monitors fetch.
UNCOUNTED = ("/static/", "/favicon", "/health", "/metrics")


class Rates:
    """Counts the requests of each key."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def take(self, rates: Sequence[RateLimitItem], *key: str) -> int | None:
        """Count one request; the whole seconds to wait where it is one too many, else None."""
        for rate in rates:
            if not self._limiter.hit(rate, *key):
                reset = self._limiter.get_window_stats(rate, *key).reset_time
                return max(1, math.ceil(reset - time.time()))
        return None


def too_many(wait: int) -> ApiError:
    """429, with the seconds to wait."""
    return ApiError(429, f"Too many requests: try again in {wait} s", headers={"Retry-After": str(wait)})


def with_limits(app: ASGIApp, limits: RequestLimits = DEFAULT_LIMITS) -> ASGIApp:
    """The process with limits by address, stricter ones for signing in; of size and time but for Dagster's paths.

    `scope["client"]` must be the client itself, so trusted proxies are seen through further out.
    """
    rates = Rates()
    sign_in, address = parse_many(limits.sign_in), parse_many(limits.address)
    bounded = _with_time_limit(_with_size_limit(app, limits.body_bytes), limits.seconds)

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await app(scope, receive, send)
            return
        path, client = scope["path"], _counted_client(scope)
        wait = None if path.startswith(UNCOUNTED) else rates.take(address, "address", client)
        if wait is None and scope.get("method") == "POST" and path in _SIGN_IN_PATHS:
            wait = rates.take(sign_in, "sign-in", client)
        if wait is not None:
            await refuse(too_many(wait).response(), scope, receive, send, TRY_AGAIN_LATER)
        elif scope["type"] == "http" and path.startswith(("/api/", "/login", "/logout")):
            await bounded(scope, receive, send)
        else:
            await app(scope, receive, send)

    return limited


def _counted_client(scope: Scope) -> str:
    """The client's address, or the /64 network of an IPv6 one, since one customer has a whole network."""
    host = (scope.get("client") or ("unknown", 0))[0]
    address = parse_address(host)
    if isinstance(address, IPv6Address):
        return str(ip_network((int(address), 64), strict=False))
    return str(address or host)


def _with_size_limit(app: ASGIApp, most_bytes: int) -> ASGIApp:
    """Let reading a body that is too large fail in the application, which words the error."""

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most_bytes:
                raise ApiError(413, f"The request is larger than {most_bytes} bytes")
            return message

        await app(scope, counted, send)

    return limited


def _with_time_limit(app: ASGIApp, seconds: float) -> ASGIApp:
    """Answer 504 in time, whatever the application does: work in a thread can't be interrupted."""
    abandoned: set[asyncio.Task[None]] = set()

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        started = timed_out = False

        async def send_in_time(message: Message) -> None:
            nonlocal started
            if not timed_out:
                started = True
                await send(message)

        task = asyncio.ensure_future(app(scope, receive, send_in_time))
        try:
            done, _ = await asyncio.wait({task}, timeout=_longest_answer(scope, seconds))
        except asyncio.CancelledError:
            task.cancel()
            raise
        if done:
            await task
            return
        timed_out = True
        abandoned.add(task)
        task.add_done_callback(abandoned.discard)
        task.cancel()
        if started:
            raise TimeoutError(f"{scope['path']} was cut off: its answer took too long")
        await ApiError(504, f"This took longer than {seconds:g} seconds").response()(scope, receive, send)

    return limited


def _longest_answer(scope: Scope, seconds: float) -> float:
    """The seconds for an answer: `seconds`, and longer where the caller waits for a run by `?wait=`."""
    waits = scope["path"].endswith("/trigger") and b"wait=" in scope["query_string"]
    return seconds + LONGEST_WAIT_SECONDS if waits else seconds
