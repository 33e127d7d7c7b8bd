"""Servers that alerts are sent to: over HTTP and SMTP, working, failing or silent, on ports of this machine."""

from __future__ import annotations

import contextlib
import json
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """What an HTTP server received. `status` is how it answers; None: it keeps the caller waiting."""

    port: int
    status: int | None = 200
    #: Everything that arrived, however it was answered.
    arrived: list[dict[str, Any]] = field(default_factory=list)
    #: What was answered with success.
    messages: list[dict[str, Any]] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"json://alice:open-sesame@127.0.0.1:{self.port}/hook/s3cret-t0ken"

    @property
    def titles(self) -> list[str]:
        return [message["title"].removeprefix("market_assets: ") for message in self.messages]


@contextlib.contextmanager
def receiver() -> Iterator[Receiver]:
    """An HTTP server that takes what apprise sends as JSON."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["content-length"])))
            received.arrived.append(content)
            status = received.status
            if status is None:
                received.let_go.wait(60)
                return
            if status < 400:
                received.messages.append(content)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    received = Receiver(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield received
    finally:
        received.let_go.set()
        server.shutdown()
        server.server_close()
        thread.join(30)


@contextlib.contextmanager
def mail_server() -> Iterator[tuple[int, list[str]]]:
    """An SMTP server without a password: its port and the mails that it took."""
    mails: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 ready")
            while line := self.rfile.readline().decode().strip():
                verb = line.split()[0].upper()
                if verb == "QUIT":
                    self._say("221 bye")
                    return
                if verb == "DATA":
                    self._say("354 go on")
                    mails.append(self._until_dot())
                self._say("250 fine")

        def _say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def _until_dot(self) -> str:
            lines: list[str] = []
            while (line := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                lines.append(line)
            return "\n".join(lines)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], mails
        server.shutdown()
