"""Clients that send calls: one that waits, and one for `async` programs."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

import anyio
import httpx

from market_assets.api_client.calls import PREFIX, Answer, Call, ListCall, Row

_MEDIA_TYPES = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
#: Rows of a page where all are wanted.
_MOST_ROWS = 500
_SECONDS = 60.0
#: Of waiting for one call because of too many.
_PATIENCE_SECONDS = 120.0

#: A request to send, or seconds to wait; what comes back is the answer to the request.
Exchange = Generator[httpx.Request | float, httpx.Response | None, httpx.Response]


class MarketError(Exception):
    """An answer that is not a success.

    Attributes:
        status: of HTTP.
        error: what is wrong, in words.
        suggestions: what may have been meant by an unknown name.
    """

    def __init__(self, status: int, content: Mapping[str, Any]) -> None:
        self.status, self.error = status, str(content.get("error", "no reason is stated"))
        self.suggestions: list[str] = list(content.get("suggestions", ()))
        super().__init__(f"{status}: {self.error}")


class _Protocol:
    """How both clients sign in, wait and read answers; it sends nothing itself."""

    def __init__(
        self, http: httpx.Client | httpx.AsyncClient, token: str | None, username: str | None, password: str | None
    ) -> None:
        if (token is None) == (username is None or password is None):
            raise ValueError("give either a token, or a username and a password")
        self._http = http
        self._token = token
        self._credentials = None if token else {"username": username, "password": password}

    def exchange(self, call: Call[Any], accept: str) -> Exchange:
        """Send a call: after signing in where that is needed, and again where there were too many.

        Raises:
            MarketError: the answer is not a success.
        """
        waited, signed_in = 0.0, False
        while True:
            if self._token is None:
                yield from self._sign_in()
                signed_in = True
            answer = yield self._request(call, accept)
            assert answer is not None
            wait = float(answer.headers.get("Retry-After", 1))
            if answer.status_code == 429 and waited + wait <= _PATIENCE_SECONDS:
                waited += wait
                yield wait
            elif answer.status_code == 401 and self._credentials and not signed_in:
                # The token has run out.
                self._token = None
            else:
                return _checked(answer)

    def _sign_in(self) -> Generator[httpx.Request, httpx.Response | None, None]:
        answer = yield self._http.build_request("POST", "/api/auth/login", json=self._credentials)
        assert answer is not None
        self._token = _checked(answer).json()["access_token"]

    def _request(self, call: Call[Any], accept: str) -> httpx.Request:
        headers = {"Accept": accept, "Authorization": f"Bearer {self._token}"}
        path = PREFIX + call.path
        if call.body is not None:
            return self._http.build_request("POST", path, json=call.body, headers=headers)
        return self._http.build_request("GET", path, params=call.parameters, headers=headers)


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    try:
        content = answer.json()
    except ValueError:
        content = {}
    raise MarketError(answer.status_code, content if isinstance(content, dict) else {})


def _first_page(call: ListCall[Any, Row]) -> ListCall[Any, Row]:
    return ListCall(call.path, {"limit": _MOST_ROWS, **call.parameters}, name=call.name)


def _next_page(call: ListCall[Any, Row], page: Mapping[str, Any]) -> ListCall[Any, Row] | None:
    if page["next"] is None:
        return None
    return ListCall(call.path, dict(parse_qsl(urlsplit(page["next"]).query)), name=call.name)


class Client:
    """A client of the market API; sign in with a token, or with a name and a password."""

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        username: str | None = None,
        password: str | None = None,
        http: httpx.Client | None = None,
    ) -> None:
        self._http = http or httpx.Client(base_url=base_url, timeout=_SECONDS)
        self._protocol = _Protocol(self._http, token, username, password)

    def send(self, call: Call[Answer]) -> Answer:
        """The answer to a call.

        Raises:
            MarketError: it is not a success.
            httpx.TransportError: there is none.
        """
        answer: Answer = self._exchanged(call, "application/json").json()
        return answer

    def rows(self, call: ListCall[Answer, Row]) -> Iterator[Row]:
        """All rows of a list, page after page."""
        following: ListCall[Any, Row] | None = _first_page(call)
        while following is not None:
            page = self.send(following)
            yield from page[call.name]
            following = _next_page(following, page)

    def file(self, call: ListCall[Answer, Row], format: Literal["csv", "parquet", "arrow"]) -> bytes:
        """A list as a file, of all its rows unless the call has a limit."""
        return self._exchanged(call, _MEDIA_TYPES[format]).content

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _exchanged(self, call: Call[Any], accept: str) -> httpx.Response:
        exchange = self._protocol.exchange(call, accept)
        answer: httpx.Response | None = None
        try:
            while True:
                step = exchange.send(answer)
                answer = None
                if isinstance(step, float):
                    time.sleep(step)
                else:
                    answer = self._http.send(step)
        except StopIteration as end:
            found: httpx.Response = end.value
            return found


class AsyncClient:
    """The same for `async` programs."""

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        username: str | None = None,
        password: str | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._http = http or httpx.AsyncClient(base_url=base_url, timeout=_SECONDS)
        self._protocol = _Protocol(self._http, token, username, password)

    async def send(self, call: Call[Answer]) -> Answer:
        """As `Client.send`."""
        answer: Answer = (await self._exchanged(call, "application/json")).json()
        return answer

    async def rows(self, call: ListCall[Answer, Row]) -> AsyncIterator[Row]:
        """As `Client.rows`."""
        following: ListCall[Any, Row] | None = _first_page(call)
        while following is not None:
            page = await self.send(following)
            for row in page[call.name]:
                yield row
            following = _next_page(following, page)

    async def file(self, call: ListCall[Answer, Row], format: Literal["csv", "parquet", "arrow"]) -> bytes:
        """As `Client.file`."""
        return (await self._exchanged(call, _MEDIA_TYPES[format])).content

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.aclose()

    async def _exchanged(self, call: Call[Any], accept: str) -> httpx.Response:
        exchange = self._protocol.exchange(call, accept)
        answer: httpx.Response | None = None
        try:
            while True:
                step = exchange.send(answer)
                answer = None
                if isinstance(step, float):
                    await anyio.sleep(step)
                else:
                    answer = await self._http.send(step)
        except StopIteration as end:
            found: httpx.Response = end.value
            return found
