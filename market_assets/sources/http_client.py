"""The one HTTP client: polite, patient where that makes sense, bounded in time and size, and silent about keys."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version

import httpx

from market_assets.sources.answer_cache import RememberedAnswers
from market_assets.sources.protocol import SourceError
from market_assets.sources.request import Request, without_queries

log = logging.getLogger(__name__)

#: What may be better a moment later; all 5xx are too. No other 4xx gets better by asking again.
_PASSING_STATUSES = {408, 425, 429}
_PASSING_ERRORS = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError, httpx.DecodingError)
_HINTS = {
    404: "there is no such page or board",
    410: "the page or board is gone",
}


@dataclass(frozen=True)
class Limits:
    """How long, how often and how much; times in seconds.

    Attributes:
        connect: until a connection stands.
        read: between two pieces of an answer.
        total: for one attempt, from the request to the last byte.
        attempts: how often a request is sent, the first time included.
        backoff: the wait before the second attempt; it doubles each time and varies by half.
        longest_wait: no wait is longer; a server that asks for more is left alone.
        pause: between two requests to one host.
        largest: bytes of an answer once it is decompressed.
        redirects: how many are followed.
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


class _PassingError(Exception):
    """What went wrong may be right at the next attempt, after `retry_after` seconds if the server said so."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class HttpClient:
    """Gets what a request asks for.

    Args:
        limits: how long, how often and how much.
        remembered: answers by address, so that what has not changed is not sent again.
        wait: waits for some seconds.
        clock: seconds that only ever grow.
        now: the time of day, for `Retry-After` with a date.
        jitter: a number from 0 to 1, another one each time.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        remembered: RememberedAnswers | None = None,
        wait: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._limits = limits or Limits()
        self._remembered = remembered
        self._wait, self._clock, self._now, self._jitter = wait, clock, now, jitter
        self._turns: dict[str, float] = {}
        self._lock = threading.Lock()
        self._http = httpx.Client(
            headers={"User-Agent": f"market-assets/{version('market-assets')}", "Accept": "*/*"},
            timeout=httpx.Timeout(self._limits.read, connect=self._limits.connect),
        )
        # httpx logs whole addresses, which may hold keys.
        logging.getLogger("httpx").addFilter(_hide_queries)

    def get(self, request: Request) -> bytes:
        """The body of the answer, decompressed, without the request's secrets.

        Raises:
            SourceError: it can't be had. The message names the address without query and no secret.
        """
        try:
            return request.redacted_body(self._patiently(request))
        except SourceError as error:
            raise SourceError(request.redacted(str(error)), permanent=error.permanent) from None

    def _patiently(self, request: Request) -> bytes:
        attempt = 1
        while True:
            self._take_turn(request.host)
            try:
                return self._attempt(request)
            except _PassingError as error:
                wait = self._wait_after(attempt, error.retry_after)
                if attempt >= self._limits.attempts:
                    message = f"{request.shown}: {error}, {attempt} times"
                    raise SourceError(message, permanent=False) from None
                if wait > self._limits.longest_wait:
                    message = f"{request.shown}: {error}, and it asks to wait {wait:,.0f} s"
                    raise SourceError(message, permanent=False) from None
                log.info("%s: %s; next attempt in %.1f s", request.shown, request.redacted(str(error)), wait)
            attempt += 1
            self._wait(wait)

    def _wait_after(self, attempt: int, retry_after: float | None) -> float:
        if retry_after is not None:
            return max(0.0, retry_after)
        longest: float = min(self._limits.backoff * 2 ** (attempt - 1), self._limits.longest_wait)
        return longest * (0.5 + self._jitter() / 2)

    def _take_turn(self, host: str) -> None:
        """Wait until the host may be asked again."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._turns.get(host, now))
            self._turns[host] = turn + self._limits.pause
        if turn > now:
            self._wait(turn - now)

    def _attempt(self, request: Request) -> bytes:
        deadline = self._clock() + self._limits.total
        try:
            return self._follow(request, deadline)
        except _PASSING_ERRORS as error:
            raise _PassingError(_in_words(error)) from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise SourceError(f"{request.shown}: {_in_words(error)}") from None

    def _follow(self, request: Request, deadline: float) -> bytes:
        known = self._remembered.validators(request) if self._remembered else {}
        url = httpx.URL(request.url).copy_merge_params({**request.params, **request.secret_params})
        sent = self._http.build_request("GET", url, headers={**known, **request.headers, **request.secret_headers})
        for _ in range(self._limits.redirects + 1):
            response = self._http.send(sent, stream=True)
            try:
                if response.next_request is None:
                    return self._body(request, response, deadline)
                if request.secrets and response.next_request.url.netloc != sent.url.netloc:
                    raise SourceError(f"{request.shown}: it redirects to another host, which may not get the key")
                sent = response.next_request
            finally:
                response.close()
        raise SourceError(f"{request.shown}: it redirects more than {self._limits.redirects} times")

    def _body(self, request: Request, response: httpx.Response, deadline: float) -> bytes:
        if response.status_code == httpx.codes.NOT_MODIFIED and self._remembered:
            known = self._remembered.body(request)
            if known is not None:
                return known
        self._check_status(request, response)
        content = self._read(request, response, deadline)
        if self._remembered:
            self._remembered.keep(request, response.headers, content)
        return content

    def _check_status(self, request: Request, response: httpx.Response) -> None:
        status = response.status_code
        if response.is_success:
            return
        words = f"HTTP {status} {response.reason_phrase}".rstrip()
        if status in _PASSING_STATUSES or response.is_server_error:
            raise _PassingError(words, self._retry_after(response.headers.get("Retry-After")))
        hint = _HINTS.get(status, "")
        if status in (401, 403):
            names = " and ".join(request.key_names)
            hint = f"the key is refused or has expired; see {names}" if names else "access is refused"
        raise SourceError(f"{request.shown}: {words}{f' ({hint})' if hint else ''}")

    def _retry_after(self, stated: str | None) -> float | None:
        """Seconds, out of a number of them or a date."""
        if stated is None:
            return None
        if stated.strip().isascii() and stated.strip().isdigit():
            return float(stated)
        try:
            date = parsedate_to_datetime(stated)
        except (ValueError, IndexError):
            return None
        wait = (date if date.tzinfo else date.replace(tzinfo=UTC)) - self._now()
        return wait.total_seconds()

    def _read(self, request: Request, response: httpx.Response, deadline: float) -> bytes:
        """The body, piece by piece, so that no endless answer is held, nor one that unpacks to gigabytes."""
        too_large = (
            f"{request.shown}: the answer is larger than {self._limits.largest / 1e6:,.0f} MB and was cut off"
        )
        if "," in response.headers.get("Content-Encoding", ""):
            raise SourceError(f"{request.shown}: the answer is compressed more than once")
        stated = response.headers.get("Content-Length", "")
        if stated.isdigit() and int(stated) > self._limits.largest:
            raise SourceError(too_large)
        content = bytearray()
        for piece in response.iter_bytes():
            content += piece
            if len(content) > self._limits.largest:
                raise SourceError(too_large)
            if self._clock() > deadline:
                raise _PassingError(f"the answer took longer than {self._limits.total:g} s")
        return bytes(content)


def _in_words(error: Exception) -> str:
    if isinstance(error, httpx.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    return " ".join(str(error).split()) or type(error).__name__


def _hide_queries(record: logging.LogRecord) -> bool:
    record.msg, record.args = without_queries(record.getMessage()), ()
    return True
