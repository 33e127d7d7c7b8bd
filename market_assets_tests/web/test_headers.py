"""Security headers on every kind of answer, and nothing for other sites."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from market_assets.report.search_script import SEARCH_SCRIPT_HASH
from market_assets.web.auth.cross_site import (
    DATA_POLICY,
    PAGE_POLICY,
    REPORT_POLICY,
    SCRIPT_POLICY,
    SECURITY_HEADERS,
    with_security_headers,
)
from market_assets.web.auth.proxies import behind_proxies
from market_assets_tests.web.whole_process import WholeProcess

DAGSTER_POLICY = "script-src 'nonce-abc'"


async def answer(request: Request) -> Response:
    path = request.url.path
    if path == "/dagster":
        return HTMLResponse("<p>", headers={"Content-Security-Policy": DAGSTER_POLICY})
    if path == "/open":
        return Response(headers={"Access-Control-Allow-Origin": "*", "access-control-allow-credentials": "true"})
    if path == "/api/kept":
        return JSONResponse({}, headers={"Cache-Control": "private, no-cache"})
    pages = ("/login", "/market", "/market/report", "/market/skills/SQL", "/api/docs")
    return HTMLResponse("<p>") if path in pages else JSONResponse({})


def client(scheme: str = "http", peer: str = "127.0.0.1") -> TestClient:
    app = Starlette(routes=[Route("/{path:path}", answer)])
    secured = behind_proxies(with_security_headers(app), [ip_network("10.0.0.0/8")])
    return TestClient(secured, base_url=f"{scheme}://testserver", client=(peer, 1))


@pytest.mark.parametrize(
    ("path", "policy"),
    [
        ("/login", PAGE_POLICY),
        ("/api/docs", PAGE_POLICY),
        ("/api/v1/market/summary", DATA_POLICY),
        ("/market", PAGE_POLICY),
        ("/market/skills/SQL", PAGE_POLICY),
        ("/market/skills/SQL.csv", DATA_POLICY),
        ("/market/report", REPORT_POLICY),
        ("/dagster", DAGSTER_POLICY),
        ("/graphql", DATA_POLICY),
        ("/_next/static/chunks/1.js", SCRIPT_POLICY),
        ("/any/other.html", DATA_POLICY),
    ],
)
def test_every_answer_has_them_and_the_policy_of_its_kind(path: str, policy: str | None) -> None:
    headers = client().get(path).headers
    assert {name: headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert headers.get("Content-Security-Policy") == policy


def test_no_policy_lets_a_script_run_that_is_not_a_file_of_this_process() -> None:
    for policy in (PAGE_POLICY, DATA_POLICY, REPORT_POLICY, SCRIPT_POLICY):
        assert policy.startswith("default-src 'none'")
        assert "unsafe-eval" not in policy
        scripts = [part for part in policy.split("; ") if part.startswith("script-src")]
        assert scripts in ([], ["script-src 'self'"], [f"script-src {SEARCH_SCRIPT_HASH}"])


def test_other_sites_are_never_let_in() -> None:
    headers = client().get("/open", headers={"Origin": "https://elsewhere.example"}).headers
    assert not [name for name in headers if name.startswith("access-control")]


def test_data_is_not_kept_unless_it_says_so() -> None:
    assert client().get("/api/v1/market/x").headers["cache-control"] == "no-store"
    assert client().get("/api/kept").headers["cache-control"] == "private, no-cache"
    assert client().get("/graphql").headers["cache-control"] == "no-store"
    assert "cache-control" not in client().get("/_next/static/chunk.js").headers


def test_https_is_for_good_where_it_is_https() -> None:
    assert "strict-transport-security" in client("https").get("/login").headers
    assert "strict-transport-security" not in client().get("/login").headers
    behind = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}
    assert "strict-transport-security" in client(peer="10.0.0.9").get("/login", headers=behind).headers
    assert "strict-transport-security" not in client(peer="192.0.2.9").get("/login", headers=behind).headers


def test_the_whole_process_has_them_everywhere(web: WholeProcess) -> None:
    viewer = web.signed_in("vic")
    for path in (
        "/",
        "/login",
        "/health",
        "/market",
        "/market/report",
        "/graphql",
        "/api/v1/market/summary",
        "/api/docs",
        "/nothing",
    ):
        headers = viewer.get(path, headers={"Accept": "text/html"}).headers
        assert {name: headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS, path
    refused = web.client().get("/api/v1/market/summary")
    assert refused.status_code == 401
    assert refused.headers["X-Content-Type-Options"] == "nosniff"
