"""What a call is, and the clients that send calls: one that waits, and one for `async` programs."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Self, TypeVar
from urllib.parse import parse_qsl, urlsplit

import anyio
import httpx

Answer = TypeVar("Answer")
Row = TypeVar("Row")
PREFIX = "/api/v1/market"

_JSON = "application/json"
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


@dataclass(frozen=True)
class Call(Generic[Answer]):
    """A request whose answer is of a type."""

    path: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class ListCall(Call[Answer], Generic[Answer, Row]):
    """A request for a list: its answer is a page, with the rows under a name."""

    name: str = ""


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


class _SignIn(httpx.Auth):
    """Sends a token; with a name and a password, it gets one first, and another when that has run out."""

    requires_response_body = True

    def __init__(
        self,
        build_request: Callable[..., httpx.Request],
        token: str | None,
        username: str | None,
        password: str | None,
    ) -> None:
        if (token is None) == (username is None or password is None):
            raise ValueError("give either a token, or a username and a password")
        self._build_request = build_request
        self._token = token
        self._credentials = None if token else {"username": username, "password": password}

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if had_token := self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token}"
            answer = yield request
        if self._credentials and (not had_token or answer.status_code == 401):
            login = yield self._build_request("POST", "/api/auth/login", json=self._credentials)
            self._token = _checked(login).json()["access_token"]
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request


def _request(http: httpx.Client | httpx.AsyncClient, call: Call[Any], accept: str) -> httpx.Request:
    method = "GET" if call.body is None else "POST"
    headers = {"Accept": accept}
    return http.build_request(method, PREFIX + call.path, params=call.parameters, json=call.body, headers=headers)


def _pause(answer: httpx.Response, waited: float) -> float:
    """The seconds to wait before sending a call again; 0 where its answer counts."""
    pause = float(answer.headers.get("Retry-After", 1)) if answer.status_code == 429 else 0.0
    return pause if waited + pause <= _PATIENCE_SECONDS else 0.0


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
        self._sign_in = _SignIn(self._http.build_request, token, username, password)

    def send(self, call: Call[Answer]) -> Answer:
        """The answer to a call.

        Raises:
            MarketError: it is not a success.
            httpx.TransportError: there is none.
        """
        answer: Answer = self._answer(call, _JSON).json()
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
        return self._answer(call, _MEDIA_TYPES[format]).content

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _answer(self, call: Call[Any], accept: str) -> httpx.Response:
        waited = 0.0
        while True:
            answer = self._http.send(_request(self._http, call, accept), auth=self._sign_in)
            pause = _pause(answer, waited)
            if not pause:
                return _checked(answer)
            waited += pause
            time.sleep(pause)


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
        self._sign_in = _SignIn(self._http.build_request, token, username, password)

    async def send(self, call: Call[Answer]) -> Answer:
        """As `Client.send`."""
        answer: Answer = (await self._answer(call, _JSON)).json()
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
        return (await self._answer(call, _MEDIA_TYPES[format])).content

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.aclose()

    async def _answer(self, call: Call[Any], accept: str) -> httpx.Response:
        waited = 0.0
        while True:
            answer = await self._http.send(_request(self._http, call, accept), auth=self._sign_in)
            pause = _pause(answer, waited)
            if not pause:
                return _checked(answer)
            waited += pause
            await anyio.sleep(pause)
