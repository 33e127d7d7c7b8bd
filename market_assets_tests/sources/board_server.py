"""A web server that answers as a test configures it, well or badly, and records its requests.

Also a clock for clients that need not really wait.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Waiting:
    """A clock that moves when somebody waits."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.seconds = 1_000.0

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.seconds += seconds

    def clock(self) -> float:
        return self.seconds


@dataclass
class Asked:
    """A request as it came."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass
class Answer:
    """An answer that is what it says."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(self.status)
        for name, value in {"Content-Length": str(len(self.body)), **self.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(self.body)


Behaviour = Callable[[BaseHTTPRequestHandler], None]


class BoardServer:
    """Answers by path, one after the other, the last one for ever."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        #: Set at the end of the test, so that a stalled answer does not outlive it.
        self.over = threading.Event()
        self.sent = 0
        self._answers: dict[str, list[Behaviour]] = {}
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server._answer(self)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """Clients of these tests hang up when they have had enough."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def serve(self, path: str, *answers: Behaviour) -> str:
        """Say how a path is answered; gives its address."""
        self._answers[path] = list(answers)
        return self.url + path

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self.asked.append(Asked(parts.path, query, {k.lower(): v for k, v in handler.headers.items()}))
        answers = self._answers.get(parts.path, [Answer(b"nothing here", 404)])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        try:
            answer(handler)
        except OSError:
            handler.close_connection = True

    # Ways to misbehave -------------------------------------------------------------------------------------

    def stall(self, handler: BaseHTTPRequestHandler) -> None:
        """Promise a body, send a part of it, and then nothing."""
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"jobs": [')
        handler.wfile.flush()
        self.over.wait(300)
        handler.close_connection = True

    def cut(self, handler: BaseHTTPRequestHandler) -> None:
        """Promise a body and hang up in the midst of it."""
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"jobs": [')
        handler.close_connection = True

    def endless(self, handler: BaseHTTPRequestHandler) -> None:
        """Send for as long as somebody listens, up to 2 GB."""
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        handler.close_connection = True
        while self.sent < 2_000_000_000 and not self.over.is_set():
            handler.wfile.write(chunk)
            self.sent += 0x100000

    def hang_up(self, handler: BaseHTTPRequestHandler) -> None:
        """Close without a word."""
        handler.close_connection = True
