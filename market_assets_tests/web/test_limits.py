"""Limits of rate by address and user, and of the time of an answer."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from market_assets.web.auth.limits import (
    LONGEST_WAIT_SECONDS,
    RequestLimits,
    _longest_answer,
    with_limits,
)
from market_assets_tests.web.whole_process import whole_process

PATIENCE_SECONDS = 300
FEW = RequestLimits(sign_in="2/minute", address="4/minute", seconds=PATIENCE_SECONDS)
#: For what never answers.
BRIEF = RequestLimits(seconds=0.05)


async def echo(request: Request) -> Response:
    return JSONResponse({"length": len(await request.body())})


async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


def application() -> ASGIApp:
    methods = ["GET", "POST"]
    return Starlette(routes=[WebSocketRoute("/socket", socket), Route("/{path:path}", echo, methods=methods)])


def client_of(app: ASGIApp, address: str = "192.0.2.1") -> TestClient:
    return TestClient(app, client=(address, 1), raise_server_exceptions=False)


def statuses(client: TestClient, method: str, path: str, times: int) -> list[int]:
    return [client.request(method, path).status_code for _ in range(times)]


def test_an_address_has_its_share_and_others_have_theirs() -> None:
    app = with_limits(application(), FEW)
    assert statuses(client_of(app), "GET", "/graphql", 5) == [200] * 4 + [429]
    refused = client_of(app).get("/api/v1/market/summary")
    assert refused.status_code == 429
    wait = int(refused.headers["retry-after"])
    assert 1 <= wait <= 60
    assert refused.json()["error"] == f"Too many requests: try again in {wait} s"
    assert client_of(app, "192.0.2.2").get("/graphql").status_code == 200


def test_files_of_the_ui_and_monitors_do_not_count() -> None:
    app = with_limits(application(), FEW)
    for path in ("/_next/static/app.js", "/health", "/metrics"):
        assert set(statuses(client_of(app), "GET", path, 9)) == {200}


@pytest.mark.parametrize("path", ["/login", "/api/auth/login"])
def test_signing_in_is_stricter(path: str) -> None:
    app = with_limits(application(), FEW)
    assert statuses(client_of(app), "POST", path, 3) == [200, 200, 429]
    assert client_of(app).get("/login").status_code == 200
    assert client_of(app, "192.0.2.2").post(path).status_code == 200


def test_signing_in_by_both_ways_counts_together() -> None:
    app = with_limits(application(), FEW)
    assert client_of(app).post("/login").status_code == 200
    assert statuses(client_of(app), "POST", "/api/auth/login", 2) == [200, 429]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("not an address", "not an address", True),
    ],
)
def test_who_counts_as_one_address(one: str, other: str, same: bool) -> None:
    app = with_limits(application(), FEW)
    statuses(client_of(app, one), "GET", "/graphql", 4)
    assert client_of(app, other).get("/graphql").status_code == (429 if same else 200)


def test_a_site_has_as_much_as_four_of_its_networks() -> None:
    app = with_limits(application(), FEW)
    for network in range(4):
        assert statuses(client_of(app, f"2001:db8:0:{network}::1"), "GET", "/graphql", 4) == [200] * 4
    assert client_of(app, "2001:db8:0:4::1").get("/graphql").status_code == 429
    assert client_of(app, "2001:db8:1:4::1").get("/graphql").status_code == 200


@pytest.mark.parametrize(("path", "most"), [("/graphql", 1 << 16), ("/api/x", 1 << 20), ("/anything", 1 << 20)])
def test_a_request_too_large(path: str, most: int) -> None:
    client = client_of(with_limits(application()))
    assert client.post(path, content=b"x" * most).json() == {"length": most}
    refused = client.post(path, content=b"x" * (most + 1))
    assert (refused.status_code, refused.json()["error"]) == (413, f"The request is larger than {most} bytes")
    assert client.post(path, content=iter([b"x" * most, b"x"])).status_code == 413
    assert client.post(path, headers={"Content-Length": "9" * 30}).status_code == 413


def test_more_headers_than_a_request_has() -> None:
    headers = [(f"x-{number}", "") for number in range(101)]
    assert client_of(with_limits(application())).get("/graphql", headers=headers).status_code == 431


def test_a_websocket_too_many_is_not_opened() -> None:
    client = client_of(with_limits(application(), FEW))
    for _ in range(4):
        with client.websocket_connect("/socket"):
            pass
    with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect("/socket"):
        pass
    assert refused.value.status_code == 429


def test_an_answer_that_takes_too_long_is_504() -> None:
    async def never(_scope: Scope, _receive: Receive, _send: Send) -> None:
        await asyncio.Event().wait()

    refused = client_of(with_limits(never, BRIEF)).get("/api/x")
    assert (refused.status_code, refused.json()["error"]) == (504, "This took longer than 0.05 seconds")


def test_what_does_not_let_itself_be_ended_is_not_waited_for() -> None:
    went_on = []

    async def stubborn(_scope: Scope, _receive: Receive, _send: Send) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(PATIENCE_SECONDS)
            went_on.append(True)

    assert client_of(with_limits(stubborn, BRIEF)).get("/api/x").status_code == 504
    assert not went_on


def test_a_thread_that_hangs_is_not_waited_for() -> None:
    started, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def hang(_request: Request) -> Response:
        started.set()
        go_on.wait(PATIENCE_SECONDS)
        ended.set()
        return JSONResponse({})

    limited = with_limits(Starlette(routes=[Route("/api/x", hang)]), replace(BRIEF, seconds=0.5))
    with TestClient(limited) as client:  # One event loop for all, as in a server.
        # On a busy machine a thread may not have been started in that time, and then never is.
        while not started.is_set():
            assert client.get("/api/x").status_code == 504
        assert not ended.is_set()
        go_on.set()
        assert ended.wait(PATIENCE_SECONDS)


def test_an_answer_that_had_begun_is_cut_off_not_completed() -> None:
    async def drip(_request: Request) -> Response:
        async def body() -> object:
            yield b"a"
            await asyncio.Event().wait()

        return StreamingResponse(body())  # type: ignore[arg-type]

    app = with_limits(Starlette(routes=[Route("/api/x", drip)]), BRIEF)
    with pytest.raises(TimeoutError, match="cut off"):
        # On a busy machine the answer may not have begun in that time.
        while TestClient(app).get("/api/x").status_code == 504:
            pass


@pytest.mark.parametrize(
    ("path", "query", "seconds"),
    [
        ("/api/admin/scheduler/jobs/x/trigger", b"wait=20", 30 + LONGEST_WAIT_SECONDS),
        ("/api/admin/scheduler/jobs/x/trigger", b"", 30),
        ("/api/v1/market/skills", b"wait=20", 30),
    ],
)
def test_only_the_trigger_of_a_run_may_take_longer(path: str, query: bytes, seconds: float) -> None:
    assert _longest_answer({"path": path, "query_string": query}, 30) == seconds


def test_guessing_passwords_is_ended_by_the_whole_process(tmp_path_factory: pytest.TempPathFactory) -> None:
    limits = RequestLimits(sign_in="3/minute", user="2/minute")
    with whole_process(tmp_path_factory.mktemp("limited"), limits) as web:
        guesses = [
            web.client("192.0.2.7").post("/api/auth/login", json={"username": "ada", "password": "?"})
            for _ in range(4)
        ]
        assert [guess.status_code for guess in guesses] == [401, 401, 401, 429]
        viewer = web.signed_in("vic")
        assert statuses(viewer, "GET", "/api/v1/market/summary", 3) == [200, 200, 429]
