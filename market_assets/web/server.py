"""The web process, put together and started: `python -m market_assets.web.server [WORKSPACE_FILE]`.

With `--print-runs`, it prints a line when a run starts and when it ends, which `serve` shows.

Its connections are limited: how many there are, how long a request may take to arrive, how large its head may be.
uvicorn has none of these limits for `httptools`, its faster parser; `h11` bounds a head that is not complete, and
takes 0.15 ms more of CPU time for a request.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Generic, TypeVar

import dagster as dg
import h11
import uvicorn
from anyio import to_thread
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from market_assets.checked_settings import get_settings
from market_assets.dagster_ext.webserver import MarketWebserver
from market_assets.dagster_ext.workspace import MarketProcessContext, WorkspaceFileTarget
from market_assets.operations.executions import print_runs
from market_assets.operations.names import TRIGGERED_BY_TAG
from market_assets.settings import Settings, SettingsError
from market_assets.store import schema
from market_assets.store.database import Database, StoreError
from market_assets.store.users import has_admin
from market_assets.web.admin.executions import executions_routes
from market_assets.web.admin.services import Services
from market_assets.web.auth.credentials import Tokens, identity_of, signing_key
from market_assets.web.auth.cross_site import with_security_headers
from market_assets.web.auth.guard import Guard
from market_assets.web.auth.limits import DEFAULT_LIMITS, RequestLimits, UserRate, counted_networks, with_limits
from market_assets.web.auth.login import login_routes
from market_assets.web.auth.proxies import behind_proxies, is_in
from market_assets.web.errors import add_http_error_handler
from market_assets.web.health import IncidentWatch, Monitor, health_routes
from market_assets.web.metrics import Metrics, RequestTimes

if TYPE_CHECKING:
    from fastapi import FastAPI

_PRINT_RUNS = "--print-runs"
_App = TypeVar("_App", bound=ASGIApp)
#: Bytes of a request's first line and headers.
MOST_HEAD_BYTES = 32_768
#: From the opening of a connection, or the first byte after an answer, until a request's headers are complete;
#: uvicorn itself closes a connection that says nothing after an answer.
HEAD_SECONDS = 10.0
#: Connections in all, WebSockets included; each takes a file descriptor, of which a process often has 1,024.
MOST_CONNECTIONS = 512
_END_OF_HEAD = b"\r\n\r\n"


class MadeOnFirstUse(Generic[_App]):
    """An application that is made when it is first needed, so that an idle process does without what it loads."""

    def __init__(self, make: Callable[[], _App]) -> None:
        self._make = make
        self._made: _App | None = None
        self._lock = threading.Lock()

    def get(self) -> _App:
        """The application, which the first call makes."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # In a thread: meanwhile others are answered.
        application = await to_thread.run_sync(self.get) if self._made is None else self._made
        await application(scope, receive, send)


class WebProcess:
    """Everything that the process serves: `application` is all of it, with the guard in front."""

    def __init__(
        self, process_context: MarketProcessContext, settings: Settings, limits: RequestLimits = DEFAULT_LIMITS
    ) -> None:
        self.settings = settings
        self.database = database = Database(settings.market_url)
        engine = database.accounts.pooled_engine()
        self.tokens = Tokens(signing_key(settings), engine)
        limits = replace(limits, graphql_bytes=settings.graphql_bytes)
        wait_of = UserRate(limits.graphql).wait_of
        self.webserver = MarketWebserver(
            process_context, engine, TRIGGERED_BY_TAG, wait_of, limits.graphql_seconds
        )
        self.dagster = self.webserver.create_asgi_app()
        self.services = Services(process_context, self.webserver.schema, settings, database)
        # These two load Polars and NumPy.
        self._api = MadeOnFirstUse(self._make_api)
        self._market_pages = MadeOnFirstUse(self._make_market_pages)
        self.monitor = Monitor(process_context, settings, database)
        self.metrics = Metrics(process_context, self.monitor, database)
        watch = IncidentWatch(process_context.instance, self.monitor, settings)
        self.pages = Starlette(routes=[*self._routes(), Mount("/", app=self.dagster)], lifespan=watch.lifespan)
        for application in (self.dagster, self.pages):
            add_http_error_handler(application)
        parts: dict[str, ASGIApp] = {"/api/": self._api, "/market/": self._market_pages}
        metrics_token = settings.metrics_token.get_secret_value() if settings.metrics_token else None
        guarded = Guard(_by_path(parts, self.pages), self.tokens, metrics_token, limits)
        secured = with_security_headers(with_limits(guarded, limits))
        times = RequestTimes(self._api.get, self.metrics.registry)
        self.application: ASGIApp = times.wrap(behind_proxies(secured, settings.trusted_proxies))

    @property
    def api(self) -> FastAPI:
        """The application for `/api`."""
        return self._api.get()

    @property
    def market_pages(self) -> Starlette:
        """The application for `/market`."""
        return self._market_pages.get()

    def _make_api(self) -> FastAPI:
        from market_assets.web.application import build_api

        return build_api(self.services, self.settings, self.database)

    def _make_market_pages(self) -> Starlette:
        from market_assets.web.explorer.routes import explorer_routes
        from market_assets.web.explorer.view import Explorer

        routes = explorer_routes(Explorer(self.api.state, self.settings, self.database))
        pages = Starlette(routes=[*routes, Mount("/", app=self.dagster)])
        add_http_error_handler(pages)
        return pages

    def _routes(self) -> list[BaseRoute]:
        return [
            *health_routes(self.monitor),
            self.metrics.route(),
            *login_routes(),
            *executions_routes(self.services.runs),
        ]


def _by_path(parts: Mapping[str, ASGIApp], rest: ASGIApp) -> ASGIApp:
    """The part whose prefix a path has; no Mounts, which would take the prefix from the paths."""

    async def chosen(scope: Scope, receive: Receive, send: Send) -> None:
        path = f"{scope.get('path', '')}/"
        part = next((part for prefix, part in parts.items() if path.startswith(prefix)), rest)
        await part(scope, receive, send)

    return chosen


def serve_web(settings: Settings, workspace_file: str = "workspace.yaml", *, prints_runs: bool = False) -> None:
    """Serve until the process is ended.

    Raises:
        SettingsError: others can reach the process, and tokens would not be safe.
        StoreError: the market database can't be used.
    """
    signing_key(settings)
    database = Database(settings.market_url)
    schema.ensure_current(database)
    if not has_admin(database.accounts.pooled_engine()):
        print("Nobody can sign in yet: market-assets user add NAME --role admin", file=sys.stderr)
    with (
        dg.DagsterInstance.get() as instance,
        MarketProcessContext(
            instance, WorkspaceFileTarget([workspace_file]), user_of=identity_of
        ) as process_context,
    ):
        # Milliseconds as in `dagster-webserver`; without effect on SQLite.
        instance.optimize_for_webserver(statement_timeout=15_000, pool_recycle=3_600, max_overflow=18)
        server = uvicorn.Server(server_config(WebProcess(process_context, settings).application, settings))
        if prints_runs:
            threading.Thread(target=print_runs, args=(instance,), daemon=True).start()
        # uvicorn ends in order, then passes the signal on.
        with contextlib.suppress(KeyboardInterrupt):
            server.run()


def server_config(application: ASGIApp, settings: Settings) -> uvicorn.Config:
    """How uvicorn serves the application."""
    return uvicorn.Config(
        application,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        http=_limited_protocol(settings),
        h11_max_incomplete_event_size=MOST_HEAD_BYTES,
        ws_max_size=settings.graphql_bytes,
        # `auth.proxies` finds the client: uvicorn would believe any process on this machine.
        proxy_headers=False,
        server_header=False,
    )


def _limited_protocol(settings: Settings) -> type[asyncio.Protocol]:
    """uvicorn's HTTP/1.1 over h11 with the limits of this file."""

    class Limited(LimitedConnection):
        most_of_address = settings.connections_per_address
        trusted = settings.trusted_proxies

    return Limited


class LimitedConnection(H11Protocol):
    """A connection that is closed where there are too many, or its next request does not come in time."""

    most_of_address: int
    trusted: tuple[IPv4Network | IPv6Network, ...]
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._is_one_too_many():
            transport.abort()
        else:
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_watching()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        # h11 reads a head that arrives at once, however large it is.
        if self.conn.their_state is h11.IDLE and len(data.partition(_END_OF_HEAD)[0]) > MOST_HEAD_BYTES:
            self._refuse_head()
            return
        super().data_received(data)
        self._watch()

    def _watch(self) -> None:
        """Give the next request its time from now on, or go on with the time that it has got.

        A WebSocket has a protocol of its own, and all the time.
        """
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering or self.transport.is_closing() or self.transport.get_protocol() is not self:
            self._stop_watching()
        elif self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _stop_watching(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_one_too_many(self) -> bool:
        if len(self.connections) > MOST_CONNECTIONS:
            return True
        if self.client is None or is_in(self.client[0], self.trusted):
            return False
        network = counted_networks(self.client[0])[0]
        clients = [getattr(one, "client", None) for one in self.connections]
        same = sum(counted_networks(client[0])[0] == network for client in clients if client is not None)
        return same > self.most_of_address

    def _refuse_head(self) -> None:
        body = json.dumps({"error": f"The head of the request is larger than {MOST_HEAD_BYTES} bytes"}).encode()
        head = (
            "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


def main() -> None:
    """Run by itself; a wrong setting ends it with status 2, any other problem with 1."""
    try:
        workspace = [argument for argument in sys.argv[1:] if argument != _PRINT_RUNS]
        serve_web(get_settings(), *workspace[:1], prints_runs=_PRINT_RUNS in sys.argv)
    except SettingsError as error:
        print(f"market-assets: {error.message}", file=sys.stderr)
        sys.exit(SettingsError.exit_code)
    except StoreError as error:
        sys.exit(f"market-assets: {error}")


if __name__ == "__main__":
    main()
