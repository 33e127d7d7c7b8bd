"""Connections by raw sockets: heads too large, requests that drip, too many from one address."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import ip_network
from urllib.parse import urlsplit

import pytest
from websockets import Subprotocol
from websockets.sync.client import connect

from market_assets.web import server
from market_assets_tests.web.whole_process import WholeProcess, served

PATIENCE_SECONDS = 300
LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
FEW = 8


@pytest.fixture(scope="module")
def url(web: WholeProcess) -> Iterator[str]:
    """The process as it is served, with less patience."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(server, "HEAD_SECONDS", 2.0)
        with served(web.process, connections_per_address=FEW) as url:
            yield url


def opened(url: str, source: str = "127.0.0.1") -> socket.socket:
    address = urlsplit(url)
    assert address.hostname and address.port
    return socket.create_connection((address.hostname, address.port), PATIENCE_SECONDS, (source, 0))


def answered(connection: socket.socket) -> bytes:
    """Everything until the server ends the connection."""
    received = b""
    try:
        while piece := connection.recv(65_536):
            received += piece
    except ConnectionResetError:
        pass
    return received


@pytest.mark.parametrize(
    "head",
    [
        b"X-Large: " + b"x" * 40_000 + b"\r\n",
        b"X: x\r\n" * 10_000,
        b"X: x\r\n" * 120,
        b"Cookie: a=" + b"b" * 2_000_000 + b"\r\n",
    ],
    ids=["a long line", "many lines", "101 lines", "a very long line"],
)
def test_a_head_too_large(url: str, head: bytes) -> None:
    with opened(url) as connection:
        try:
            connection.sendall(LIVE + head + b"Connection: close\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            return
        assert answered(connection)[:12] in (b"HTTP/1.1 431", b"HTTP/1.1 400", b"")


def test_a_head_that_never_ends(url: str) -> None:
    with opened(url) as connection, pytest.raises((BrokenPipeError, ConnectionResetError)):
        connection.sendall(LIVE)
        for _ in range(100_000):
            connection.sendall(b"X-More: " + b"x" * 1_000 + b"\r\n")


@pytest.mark.parametrize("first", [b"", LIVE + b"\r\n"], ids=["at once", "after an answer"])
def test_a_head_that_drips_is_not_waited_for(url: str, first: bytes) -> None:
    with opened(url) as connection:
        connection.settimeout(0.05)
        connection.sendall(first)
        answer, is_open = b"", True
        for _ in range(2_000):
            try:
                connection.sendall(b"GET /health/live HTTP/1.1\r\n" if not answer and not first else b"X: y\r\n")
                piece = connection.recv(65_536)
                answer, is_open = answer + piece, piece != b""
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                is_open = False
            if not is_open:
                break
        assert not is_open
        assert answer.startswith(b"HTTP/1.1 200") == bool(first)


def test_a_connection_that_says_nothing_is_closed(url: str) -> None:
    with opened(url) as connection:
        assert answered(connection) == b""


def test_a_websocket_stays_open(web: WholeProcess, url: str) -> None:
    headers = {"Authorization": f"Bearer {web.sign_in('vic')}"}
    address = f"{url}/graphql".replace("http", "ws")
    protocols = [Subprotocol("graphql-ws")]
    with (
        connect(address, additional_headers=headers, subprotocols=protocols) as held,
        opened(url) as other,
    ):
        assert answered(other) == b"", "this one's time is over"
        held.send('{"type": "connection_init"}')
        assert "connection_ack" in str(held.recv(PATIENCE_SECONDS))


def is_answered(url: str, source: str) -> bool:
    with opened(url, source) as connection:
        try:
            connection.sendall(LIVE + b"Connection: close\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            return False
        return answered(connection).startswith(b"HTTP/1.1 200")


def test_an_address_has_so_many_connections(web: WholeProcess) -> None:
    with served(web.process, connections_per_address=FEW) as url:
        with ExitStack() as held:
            for _ in range(FEW):
                held.enter_context(opened(url, "127.0.0.2")).sendall(LIVE)
            assert not is_answered(url, "127.0.0.2")
            assert is_answered(url, "127.0.0.3"), "another address has its own"
        while not is_answered(url, "127.0.0.2"):
            pass


def test_a_process_has_so_many_connections(web: WholeProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", FEW)
    with served(web.process) as url:
        with ExitStack() as held:
            for number in range(FEW):
                held.enter_context(opened(url, f"127.0.0.{number + 2}")).sendall(LIVE)
            assert not is_answered(url, "127.0.0.99")
        while not is_answered(url, "127.0.0.99"):
            pass


def test_connections_of_a_proxy_are_not_counted(web: WholeProcess) -> None:
    trusted = (ip_network("127.0.0.2/32"),)
    with (
        served(web.process, connections_per_address=FEW, trusted_proxies=trusted) as url,
        ExitStack() as held,
    ):
        for _ in range(3 * FEW):
            held.enter_context(opened(url, "127.0.0.2")).sendall(LIVE)
        assert is_answered(url, "127.0.0.2")
