"""The server's connections: how many there are, how long a request may take to arrive, how large its head may be.

uvicorn has none of these limits for `httptools`, its faster parser; `h11` bounds a head that is not complete, and
takes 0.15 ms more of CPU time for a request.
"""

from __future__ import annotations

import asyncio
import json
from ipaddress import IPv4Network, IPv6Network

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from market_assets.settings import Settings
from market_assets.web.auth.limits import counted_networks
from market_assets.web.auth.proxies import is_in

#: Bytes of a request's first line and headers.
MOST_HEAD_BYTES = 32_768
#: From the opening of a connection, or the first byte after an answer, until a request's headers are complete;
#: uvicorn itself closes a connection that says nothing after an answer.
HEAD_SECONDS = 10.0
#: Connections in all, WebSockets included; each takes a file descriptor, of which a process often has 1,024.
MOST_CONNECTIONS = 512
_END_OF_HEAD = b"\r\n\r\n"


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
