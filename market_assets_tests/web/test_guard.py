"""The door: who gets in where, over HTTP and WebSocket, and whose word about addresses is taken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from market_assets.store import audit, users
from market_assets_tests.web.whole_process import SITE, WholeProcess, whole_process

MUTATION = "mutation { setNuxSeen }"
#: The client sends cookies to the site alone that set them.
SOCKETS = SITE.replace("http", "ws")
WS = {"subprotocols": ["graphql-ws"]}


def test_a_browser_is_sent_to_sign_in_and_a_program_gets_401(web: WholeProcess) -> None:
    client = web.client()
    for path in ("/", "/runs/1?a=b&c=d", "/market", "/api/docs", "/graphql"):
        answer = client.get(path, headers={"Accept": "text/html,application/xhtml+xml"})
        assert answer.status_code == 303 and answer.headers["location"].startswith("/login?next=/")
        plain = client.get(path, headers={"Accept": "*/*"})
        assert (plain.status_code, plain.json()["error"]) == (401, "Sign in first")
    assert client.post("/graphql", headers={"Accept": "text/html"}).status_code == 401


def test_what_is_open(web: WholeProcess) -> None:
    client = web.client()
    assert client.get("/health/live").json() == {"status": "ok"}
    assert client.get("/login").status_code == 200
    assert client.head("/health/live").status_code == 200
    assert client.get("/health").status_code == client.head("/health").status_code == 503


@pytest.mark.parametrize(
    "path",
    [
        *("/health/", "/health/../runs", "//health", "/health%2f..%2fruns", "/Health", "/login/", "/login/x"),
        *(
            "/login/../server_info",
            "/api/auth/login/",
            "/api/auth/login/../../admin/audit",
            "/api/auth",
            "/loginx",
        ),
        *("//server_info", "/./server_info", "/metrics/", "/%2e%2e/server_info", "/health;/server_info"),
    ],
)
def test_what_looks_like_an_open_path_is_not(web: WholeProcess, path: str) -> None:
    assert web.client("203.0.113.9").get(path).status_code in (400, 401)


@pytest.mark.parametrize("path", ["/logs/%2e%2e/%2e%2e/env", "/logs/..%2f..%2fa/b", "/logs/..\\a"])
def test_nobody_climbs_out_of_a_folder(web: WholeProcess, path: str) -> None:
    answer = web.signed_in("ada").get(path)
    assert (answer.status_code, answer.json()["error"]) == (400, "There is no such path")


@pytest.mark.parametrize(
    "stated", ["Basic YWRhOmFkYQ==", "Bearer", "Bearer ", "bearer x", "", "Token x", "x" * 9_000]
)
def test_a_bad_header_is_not_made_good_by_a_cookie(web: WholeProcess, stated: str) -> None:
    browser = web.browser("ada")
    assert browser.get("/server_info", headers={"Authorization": stated}).status_code == 401


@pytest.mark.parametrize("name", ["ada", "vic", None])
def test_no_query_by_get(web: WholeProcess, name: str | None) -> None:
    client = web.signed_in(name)
    for query in ("{ __typename }", MUTATION):
        for accept in ("*/*", "application/json", "text/*"):
            answer = client.get("/graphql", params={"query": query}, headers={"Accept": accept})
            assert answer.status_code == (405 if name else 401)
    for method in ("HEAD", "PUT", "DELETE", "OPTIONS"):
        assert client.request(method, "/graphql", params={"query": MUTATION}).status_code in (401, 403, 405)
    if name:
        page = client.get("/graphql", params={"query": MUTATION}, headers={"Accept": "text/html"})
        assert page.status_code == 200 and "graphiql" in page.text.lower()
        assert "setNuxSeen" not in page.text


def test_a_store_that_fails_lets_nobody_in_and_shuts_nobody_out(tmp_path: Path) -> None:
    with whole_process(tmp_path) as web:
        client = web.signed_in("ada")
        browser = web.browser("ada")
        users.remove_user(web.engine, "vic")
        with web.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE users RENAME TO users_elsewhere")
        for one in (client, browser):
            answer = one.get("/server_info")
            assert (answer.status_code, answer.json()["error"]) == (503, "The store of users does not answer")
            assert one.get("/health/live").status_code == 200
            assert one.get("/health").json()["status"] == "failing"
        with web.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE users_elsewhere RENAME TO users")
        assert client.get("/server_info").status_code == browser.get("/server_info").status_code == 200


# --- addresses ---------------------------------------------------------------------------------

PROXIED = {
    "Forwarded": "for=127.0.0.1",
    "X-Forwarded-For": "127.0.0.1",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "localhost",
    "X-Forwarded-Anything": "",
    "X-Real-IP": "127.0.0.1",
    "Via": "1.1 proxy",
}


def test_metrics_from_this_machine_alone(web: WholeProcess) -> None:
    for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "127.3.2.1"):
        assert web.client(address).get("/metrics").status_code == 200
    for address in ("203.0.113.9", "10.0.0.1", "fe80::1", "localhost", "testclient", "128.0.0.1"):
        assert web.client(address).get("/metrics").status_code == 401
    assert web.client().post("/metrics").status_code == 401


@pytest.mark.parametrize("header", PROXIED)
def test_what_came_through_a_proxy_is_never_of_this_machine(web: WholeProcess, header: str) -> None:
    for address in ("127.0.0.1", "::1"):
        assert web.client(address).get("/metrics", headers={header: PROXIED[header]}).status_code == 401


def test_a_page_that_points_its_name_at_this_machine_reads_nothing(web: WholeProcess) -> None:
    for host in ("localhost:3000", "127.0.0.1:3000", "[::1]:3000", "[::1]", "localhost"):
        assert web.client().get("/metrics", headers={"Host": host}).status_code == 200, host
    for host in ("evil.example:3000", "localhost.evil.example", "", "127.0.0.1.evil.example"):
        assert web.client().get("/metrics", headers={"Host": host}).status_code == 401, host


def test_metrics_by_token(web: WholeProcess, tmp_path: Path) -> None:
    far = "203.0.113.9"
    assert web.signed_in("vic", far).get("/metrics").status_code == 200
    with whole_process(tmp_path, MARKET_ASSETS_METRICS_TOKEN="scraper's own") as own:
        assert own.client(far, Authorization="Bearer scraper's own").get("/metrics").status_code == 200
        assert own.client(far, Authorization="Bearer scraper's").get("/metrics").status_code == 401
        assert own.client(far, Authorization="Bearer scraper's own").get("/server_info").status_code == 401


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeProcess]:
    """A process behind proxies at 10.0.0.1 and on this machine."""
    key = "Zx8-vQ1_pLm3Rt7_aSd9Fg2-hJk5Wq0nB"
    trusted = "10.0.0.0/24, 127.0.0.1"
    folder = tmp_path_factory.mktemp("proxied")
    with whole_process(folder, MARKET_ASSETS_TRUSTED_PROXIES=trusted, JWT_SECRET_KEY=key) as web:
        yield web


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "127.0.0.1, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, 10.0.0.7", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", "203.0.113.9, made up", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.1.1", "203.0.113.9", "10.0.1.1"),
        ("203.0.113.5", "127.0.0.1", "203.0.113.5"),
        ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
    ],
)
def test_the_address_that_is_believed(proxied: WholeProcess, peer: str, forwarded: str, client: str) -> None:
    asked = proxied.client(peer, X_Forwarded_For=forwarded)
    asked.post("/api/auth/login", json={"username": "vic", "password": "wrong password"})
    assert audit.read(proxied.engine, limit=1)[0]["address"] == client
    assert asked.get("/metrics").status_code == 401


def test_a_trusted_proxy_that_does_not_say_for_whom_it_asks_is_not_this_machine(proxied: WholeProcess) -> None:
    for peer in ("127.0.0.1", "10.0.0.1"):
        assert proxied.client(peer).get("/metrics").status_code == 401
    assert proxied.client("127.9.9.9").get("/metrics").status_code == 200, "no proxy is there"


def test_without_trusted_proxies_nobodys_word_is_taken(web: WholeProcess) -> None:
    asked = web.client("127.0.0.1", X_Forwarded_For="203.0.113.9", X_Forwarded_Proto="https")
    asked.post("/api/auth/login", json={"username": "vic", "password": "wrong password"})
    assert audit.read(web.engine, limit=1)[0]["address"] == "127.0.0.1"
    assert "secure" not in asked.get("/login").headers["set-cookie"].lower()


def test_over_https_the_cookies_are_secure(proxied: WholeProcess) -> None:
    for client in (
        proxied.client("10.0.0.1", X_Forwarded_Proto="https"),
        proxied.client("203.0.113.9", site="https://market.example"),
    ):
        assert "secure" in client.get("/login").headers["set-cookie"].lower()
    assert (
        "secure"
        not in proxied.client("203.0.113.9", X_Forwarded_Proto="https").get("/login").headers["set-cookie"].lower()
    )


# --- WebSocket ---------------------------------------------------------------------------------


@contextmanager
def opened(client: TestClient, path: str = "/graphql", **headers: str) -> Iterator[None]:
    with client.websocket_connect(f"{SOCKETS}{path}", headers=headers, **WS) as socket:
        socket.send_json({"type": "connection_init"})
        assert socket.receive_json() == {"type": "connection_ack"}
        yield


def refusal(client: TestClient, path: str = "/graphql", **headers: str) -> int:
    with (
        pytest.raises(WebSocketDenialResponse) as denied,
        client.websocket_connect(f"{SOCKETS}{path}", headers=headers, **WS),
    ):
        pass
    return denied.value.status_code


def test_a_websocket_needs_a_sign_in(web: WholeProcess) -> None:
    assert refusal(web.client()) == 401
    assert refusal(web.client(), Authorization="Bearer made-up") == 401
    for client in (web.signed_in("vic"), web.browser("vic")):
        with opened(client):
            pass
    with opened(web.browser("vic"), Origin=SITE):
        pass


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3001"])
def test_a_websocket_of_another_sites_page(web: WholeProcess, origin: str) -> None:
    for client in (web.browser("ada"), web.signed_in("ada"), web.client()):
        assert refusal(client, Origin=origin) == 403


def test_admins_websockets_are_for_admins(web: WholeProcess) -> None:
    path = "/api/admin/scheduler/events"
    assert refusal(web.client(), path) == 401
    assert refusal(web.signed_in("vic"), path) == 403
    with web.signed_in("ada").websocket_connect(path):
        pass


def test_a_websocket_ends_with_the_sign_in(web: WholeProcess) -> None:
    name = f"zoe-{uuid4().hex[:8]}"
    web.add_user(name, "viewer")
    with web.browser(name).websocket_connect(f"{SOCKETS}/graphql", **WS) as socket:
        socket.send_json({"type": "connection_init"})
        assert socket.receive_json() == {"type": "connection_ack"}
        users.remove_user(web.engine, name)
        with pytest.raises(WebSocketDisconnect) as ended:
            socket.receive_json()
    assert (ended.value.code, ended.value.reason) == (1008, "Sign in again")
