"""How many requests one user or address may send, how large one may be, and how long its answer may take.

Sign-ins are scarce: passwords are checked by few threads, and guesses at one account are slowed down.

Counts are kept in memory, since one process answers all requests.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_network

from anyio import CapacityLimiter, to_thread
from limits import RateLimitItem, parse, parse_many
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from market_assets.store.users import User
from market_assets.web.auth.credentials import identity_of
from market_assets.web.auth.proxies import parse_address
from market_assets.web.errors import POLICY_VIOLATION, TRY_AGAIN_LATER, ApiError, refuse

#: The longest that a caller may wait for the end of a run (`?wait=`).
LONGEST_WAIT_SECONDS = 600


@dataclass(frozen=True)
class RequestLimits:
    """What is allowed; rates as the library `limits` writes them, each over a moving window."""

    sign_in: str = "10/minute;100/hour"
    #: Wrong passwords for one name; then each further attempt waits.
    account: str = "10/10minute"
    account_delay_seconds: float = 3.0
    address: str = "3000/minute"
    user: str = "1200/minute"
    #: Operations of one user, by POST and WebSocket; Dagster's UI sends about forty for a page.
    graphql: str = "300/10second"
    body_bytes: int = 1 << 20
    graphql_bytes: int = 1 << 16
    seconds: float = 30.0
    graphql_seconds: float = 60.0


DEFAULT_LIMITS = RequestLimits()
#: As many times what a /64 network of IPv6 may do, a /48 may: a site, which its provider gives to one customer.
_NETWORKS_OF_SITE = 4
#: Header lines of a request.
_MOST_HEADERS = 100
#: Of the length of a body.
_MOST_DIGITS = 18

_SIGN_IN_PATHS = ("/login", "/api/auth/login")
#: Everything but downloads, which may be long.
_BOUNDED_IN_TIME = ("/api/", "/login", "/logout", "/market", "/report_asset")
#: Files of the UI, fetched by the hundred, and what monitors fetch.
UNCOUNTED = ("/_next/static/", "/favicon", "/health", "/metrics")


class Rates:
    """Counts the requests of each key."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def take(self, rates: Sequence[RateLimitItem], *key: str) -> int | None:
        """Count one request; the whole seconds to wait where it is one too many, else None."""
        for rate in rates:
            if not self._limiter.hit(rate, *key):
                return max(1, self._reset(rate, key)[0])
        return None

    def headers(self, rates: Sequence[RateLimitItem], *key: str) -> dict[str, str]:
        """What is left to a key, as the headers `RateLimit-…`: of the rate with least left."""
        (reset, remaining), rate = min(
            ((self._reset(rate, key), rate) for rate in rates), key=lambda known: known[0][1]
        )
        figures = {"Limit": rate.amount, "Remaining": remaining, "Reset": reset}
        return {f"RateLimit-{name}": str(figure) for name, figure in figures.items()}

    def _reset(self, rate: RateLimitItem, key: Sequence[str]) -> tuple[int, int]:
        """The seconds until a request less counts, and how many requests are left."""
        stats = self._limiter.get_window_stats(rate, *key)
        return max(0, math.ceil(stats.reset_time - time.time())), stats.remaining


class UserRate:
    """Counts what each user does, on top of the requests."""

    def __init__(self, allowed: str) -> None:
        self._rates = Rates()
        self._allowed = parse_many(allowed)

    def wait_of(self, connection: HTTPConnection) -> int | None:
        """Count one for the user of a connection; the seconds to wait where it is one too many."""
        identity = identity_of(connection)
        return self._rates.take(self._allowed, identity.name if identity else "")


def too_many(wait: int, headers: Mapping[str, str] | None = None) -> ApiError:
    """429, with the seconds to wait."""
    headers = {**(headers or {}), "Retry-After": str(wait)}
    return ApiError(429, f"Too many requests: try again in {wait} s", headers=headers)


def with_limits(app: ASGIApp, limits: RequestLimits = DEFAULT_LIMITS) -> ASGIApp:
    """The process with limits by address, stricter ones for signing in; of size, and of time but for downloads.

    `scope["client"]` must be the client itself, so trusted proxies are seen through further out.
    """
    rates = Rates()
    sign_in, address = parse_many(limits.sign_in), parse_many(limits.address)
    sized = _with_size_limit(app, limits)
    bounded = _with_time_limit(sized, limits.seconds)
    # An operation ends by itself in time, unless a database keeps it waiting.
    bounded_graphql = _with_time_limit(sized, limits.graphql_seconds + limits.seconds)

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await app(scope, receive, send)
            return
        path, networks = scope["path"], counted_networks((scope.get("client") or ("unknown", 0))[0])
        if len(scope["headers"]) > _MOST_HEADERS:
            too_large = ApiError(431, f"The request has more than {_MOST_HEADERS} headers")
            await refuse(too_large.response(path), scope, receive, send, POLICY_VIOLATION)
            return
        wait = None if path.startswith(UNCOUNTED) else _take(rates, address, "address", networks)
        if wait is None and scope.get("method") == "POST" and path in _SIGN_IN_PATHS:
            wait = _take(rates, sign_in, "sign-in", networks)
        if wait is not None:
            await refuse(too_many(wait).response(path), scope, receive, send, TRY_AGAIN_LATER)
        elif scope["type"] == "websocket":
            await app(scope, receive, send)
        else:
            is_bounded = path.startswith(_BOUNDED_IN_TIME)
            chosen = bounded_graphql if path.startswith("/graphql") else bounded if is_bounded else sized
            await chosen(scope, receive, send)

    return limited


@lru_cache(maxsize=4096)
def counted_networks(host: str) -> tuple[str, ...]:
    """What an address counts for: itself; of IPv6 its /64 network, which one person has, and the /48 around it."""
    address = parse_address(host)
    if isinstance(address, IPv6Address):
        return tuple(str(ip_network((int(address), length), strict=False)) for length in (64, 48))
    return (str(address or host),)


def _take(rates: Rates, allowed: Sequence[RateLimitItem], what: str, networks: Sequence[str]) -> int | None:
    """Count one request for a network and the site that it is in; the seconds to wait, as `Rates.take`."""
    of_site = [type(rate)(rate.amount * _NETWORKS_OF_SITE, rate.multiples) for rate in allowed]
    for each, network in zip((allowed, of_site), networks, strict=False):
        if wait := rates.take(each, what, network):
            return wait
    return None


def _with_size_limit(app: ASGIApp, limits: RequestLimits) -> ASGIApp:
    """Refuse a body that says it is too large; reading another fails in the application, which words the error."""

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        most = limits.graphql_bytes if scope["path"].startswith("/graphql") else limits.body_bytes
        too_large = ApiError(413, f"The request is larger than {most} bytes", headers={"Connection": "close"})
        stated = Headers(scope=scope).get("content-length", "")
        if stated.isdecimal() and (len(stated) > _MOST_DIGITS or int(stated) > most):
            await too_large.response(scope["path"])(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                raise too_large
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
        await ApiError(504, f"This took longer than {seconds:g} seconds").response(scope["path"])(
            scope, receive, send
        )

    return limited


def _longest_answer(scope: Scope, seconds: float) -> float:
    """The seconds for an answer: `seconds`, and longer where the caller waits for a run by `?wait=`."""
    waits = scope["path"].endswith("/trigger") and b"wait=" in scope["query_string"]
    return seconds + LONGEST_WAIT_SECONDS if waits else seconds


#: A hash takes 64 MiB and four threads for a moment; more at once would take the machine.
_AT_ONCE = 2
#: Beyond, waiting would take seconds, so the answer is 503.
_MOST_WAITING = 8


class Attempts:
    """Checks passwords in threads of their own.

    From some wrong passwords for a name on, whoever sent them, each further attempt at it waits before it is
    checked, a right one too. The owner gets in a little later; were the account locked, anybody could lock it.
    """

    def __init__(self, failures: str, delay_seconds: float) -> None:
        """Count wrong passwords: so many as in `10/10minute` go unpunished."""
        self._threads = CapacityLimiter(_AT_ONCE)
        self._under_way = 0
        self._failures = MovingWindowRateLimiter(MemoryStorage())
        self._allowed = parse(failures)
        self._delay_seconds = delay_seconds

    async def check(self, name: str, password_check: Callable[[], User | None]) -> User | None:
        """The user, where the check finds that the password is right.

        Raises:
            ApiError: too many passwords wait to be checked.
        """
        key = name.casefold()
        if not self._failures.test(self._allowed, key):
            await asyncio.sleep(self._delay_seconds)
        if self._under_way >= _AT_ONCE + _MOST_WAITING:
            raise ApiError(503, "Too many sign in at once: try again in 2 s", headers={"Retry-After": "2"})
        # Counted here: the limiter counts those who wait one step of the event loop later, which lets a flood in.
        self._under_way += 1
        try:
            user = await to_thread.run_sync(password_check, limiter=self._threads)
        finally:
            self._under_way -= 1
        if user is None:
            self._failures.hit(self._allowed, key)
        return user
