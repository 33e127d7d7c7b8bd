"""The HTTP client of all sources: with retries and limits, and without keys in messages."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version

import httpx

from market_assets.sources.network import Deadline, Network
from market_assets.sources.protocol import Request, SourceError, without_queries

log = logging.getLogger(__name__)

#: Worth a retry, as are all 5xx; no other 4xx is.
_TRANSIENT_STATUSES = {408, 425, 429}
_TRANSIENT_ERRORS = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError, httpx.DecodingError)
_HINTS = {404: "there is no such page or board", 410: "the page or board is gone"}


@dataclass(frozen=True)
class HttpLimits:
    """Limits of requests; times in seconds.

    Attributes:
        connect: until a connection is established.
        read: between two pieces of an answer.
        total: for one attempt, from the connection to the last byte, whatever the server does.
        attempts: how often a request is sent, the first time included.
        backoff: the wait before the second attempt; it doubles each time and varies by half.
        longest_wait: no wait is longer; a request whose server demands a longer one fails.
        pause: between two requests to one host.
        largest: bytes of an answer once it is decompressed.
        redirects: how many are followed; they never lead to another host.
    """

    connect: float = 10.0
    read: float = 30.0
    total: float = 180.0
    attempts: int = 4
    backoff: float = 1.0
    longest_wait: float = 120.0
    pause: float = 0.5
    largest: int = 100_000_000
    redirects: int = 5


class _TransientError(Exception):
    """An attempt failed and the next may not, after `retry_after` seconds if the server named a time."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class HttpClient:
    """Sends requests.

    Args:
        limits: of rate, time and size.
        private_hosts: the hosts that may be at private addresses.
        wait: waits for some seconds.
        clock: seconds that never decrease.
        now: the current time, for a `Retry-After` with a date.
        jitter: random numbers from 0 to 1.
    """

    def __init__(
        self,
        limits: HttpLimits | None = None,
        *,
        private_hosts: Collection[str] = (),
        wait: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._limits = limits or HttpLimits()
        self._wait, self._clock, self._now, self._jitter = wait, clock, now, jitter
        self._next_request_at: dict[str, float] = {}
        self._lock = threading.Lock()
        self._http = httpx.Client(
            headers={"User-Agent": f"market-assets/{version('market-assets')}", "Accept": "*/*"},
            timeout=httpx.Timeout(self._limits.read, connect=self._limits.connect),
        )
        self._deadline = Deadline(clock)
        self._guard_connections(private_hosts)
        # httpx logs whole addresses, which may contain keys.
        logging.getLogger("httpx").addFilter(_hide_queries)

    def _guard_connections(self, private_hosts: Collection[str]) -> None:
        """Connect through `Network`; a proxy of the environment may be anywhere, and resolves names itself."""
        # httpx has no argument for httpcore's network_backend.
        self._http._transport._pool._network_backend = Network(self._deadline, private_hosts)  # type: ignore[attr-defined]
        for proxy in filter(None, self._http._mounts.values()):
            proxy._pool._network_backend = Network(self._deadline, None)  # type: ignore[attr-defined]

    def get(self, request: Request) -> bytes:
        """The body of the answer, decompressed, without the request's secrets.

        Raises:
            SourceError: there is no answer; the message has the address without query and no secret.
        """
        try:
            return request.redacted_body(self._get_with_retries(request))
        except SourceError as error:
            raise SourceError(request.redacted(str(error)), permanent=error.permanent) from None

    def _get_with_retries(self, request: Request) -> bytes:
        attempt = 1
        while True:
            self._wait_for_host(request.shown.partition("://")[2].partition("/")[0].lower())
            try:
                return self._attempt(request)
            except _TransientError as error:
                wait, ended = self._wait_after(attempt, error.retry_after), ""
                if attempt >= self._limits.attempts:
                    ended = f"{attempt} times"
                elif wait > self._limits.longest_wait:
                    ended = f"and it asks to wait {wait:,.0f} s"
                if ended:
                    raise SourceError(f"{request.shown}: {error}, {ended}", permanent=False) from None
                log.info("%s: %s; next attempt in %.1f s", request.shown, request.redacted(str(error)), wait)
            attempt += 1
            self._wait(wait)

    def _wait_after(self, attempt: int, retry_after: float | None) -> float:
        if retry_after is not None:
            return max(0.0, retry_after)
        longest: float = min(self._limits.backoff * 2 ** (attempt - 1), self._limits.longest_wait)
        return longest * (0.5 + self._jitter() / 2)

    def _wait_for_host(self, host: str) -> None:
        with self._lock:
            now = self._clock()
            start = max(now, self._next_request_at.get(host, now))
            self._next_request_at[host] = start + self._limits.pause
        if start > now:
            self._wait(start - now)

    def _attempt(self, request: Request) -> bytes:
        self._deadline.begin(self._limits.total)
        try:
            return self._follow(request)
        except _TRANSIENT_ERRORS as error:
            late = f"the answer took longer than {self._limits.total:g} s"
            raise _TransientError(late if self._deadline.is_over else _reason(error)) from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise SourceError(f"{request.shown}: {_reason(error)}") from None

    def _follow(self, request: Request) -> bytes:
        url = httpx.URL(request.url).copy_merge_params({**request.params, **request.secret_params})
        sent = self._http.build_request("GET", url, headers={**request.headers, **request.secret_headers})
        for _ in range(self._limits.redirects + 1):
            response = self._http.send(sent, stream=True)
            try:
                if response.next_request is None:
                    self._check_status(request, response)
                    return self._read(request, response)
                if not _same_host(sent.url, response.next_request.url):
                    other = response.next_request.url.copy_with(userinfo=b"", raw_path=b"/")
                    raise SourceError(
                        f"{request.shown}: it redirects to another host or port, {other}, which is not followed; "
                        "if it has moved there, say so in sources.yaml"
                    )
                sent = response.next_request
            finally:
                response.close()
        raise SourceError(f"{request.shown}: it redirects more than {self._limits.redirects} times")

    def _check_status(self, request: Request, response: httpx.Response) -> None:
        status = response.status_code
        if response.is_success:
            return
        message = f"HTTP {status} {response.reason_phrase}".rstrip()
        if status in _TRANSIENT_STATUSES or response.is_server_error:
            raise _TransientError(message, self._retry_after(response.headers.get("Retry-After")))
        hint = _HINTS.get(status, "")
        if status in (401, 403):
            names = " and ".join(request.key_names)
            hint = f"the key is refused or has expired; see {names}" if names else "access is refused"
        raise SourceError(f"{request.shown}: {message}{f' ({hint})' if hint else ''}")

    def _retry_after(self, header: str | None) -> float | None:
        """Seconds, from a number of them or a date."""
        if header is None:
            return None
        if header.strip().isascii() and header.strip().isdigit():
            return float(header)
        try:
            date = parsedate_to_datetime(header)
        except (ValueError, IndexError):
            return None
        wait = (date if date.tzinfo else date.replace(tzinfo=UTC)) - self._now()
        return wait.total_seconds()

    def _read(self, request: Request, response: httpx.Response) -> bytes:
        """The body, read in pieces so that neither an endless nor a highly compressed one fills the memory."""
        too_large = (
            f"{request.shown}: the answer is larger than {self._limits.largest / 1e6:,.0f} MB and was cut off"
        )
        if "," in response.headers.get("Content-Encoding", ""):
            raise SourceError(f"{request.shown}: the answer is compressed more than once")
        length = response.headers.get("Content-Length", "")
        if length.isdigit() and int(length) > self._limits.largest:
            raise SourceError(too_large)
        content = bytearray()
        for piece in response.iter_bytes():
            content += piece
            if len(content) > self._limits.largest:
                raise SourceError(too_large)
        return bytes(content)


def _same_host(before: httpx.URL, after: httpx.URL) -> bool:
    """Whether an address has the host and port of another; https at its usual port may follow http at its own."""
    upgraded = before.copy_with(scheme="https") if before.port is None else before
    return any(
        (each.scheme, each.host, each.port) == (after.scheme, after.host, after.port)
        for each in (before, upgraded)
    )


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    return " ".join(str(error).split()) or type(error).__name__


def _hide_queries(record: logging.LogRecord) -> bool:
    record.msg, record.args = without_queries(record.getMessage()), ()
    return True
