"""Floods of sign-ins and guesses: others go on, the owner gets in."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from market_assets_tests.web.whole_process import (
    LOWEST_COST,
    PASSWORD,
    UNLIMITED,
    WholeProcess,
    csrf_of,
    served,
    whole_process,
)

PATIENCE_SECONDS = 300
MANY = 60


def test_a_flood_of_sign_ins_stops_nobody_else(web: WholeProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    class Slow(PasswordHasher):
        def verify(self, *stated: Any, **named: Any) -> Any:
            go_on.wait(PATIENCE_SECONDS)
            return super().verify(*stated, **named)

    bearer = {"Authorization": f"Bearer {web.sign_in('vic')}"}
    monkeypatch.setattr("market_assets.web.auth.credentials._hasher", Slow(**LOWEST_COST))
    credentials = {"username": "ada", "password": PASSWORD}
    limits = httpx.Limits(max_connections=MANY + 10)
    with (
        served(web.process) as url,
        httpx.Client(base_url=url, limits=limits, timeout=PATIENCE_SECONDS) as client,
        ThreadPoolExecutor(MANY) as pool,
    ):
        flood = [pool.submit(client.post, "/api/auth/login", json=credentials) for _ in range(MANY)]
        try:
            while sum(one.done() for one in flood) < MANY - 10:
                time.sleep(0.01)
            assert client.get("/server_info", headers=bearer).status_code == 200
            assert client.post("/graphql", headers=bearer, json={"query": "{ version }"}).status_code == 200
            busy = client.post("/api/auth/login", json=credentials)
            assert (busy.status_code, busy.headers["Retry-After"]) == (503, "2")
            form = {"username": "ada", "password": PASSWORD, "csrf": csrf_of(client.get("/login"))}
            page = client.post("/login", data=form, headers={"Origin": url})
            assert (page.status_code, page.headers["Retry-After"]) == (503, "2")
            assert 'role="alert">Too many sign in at once' in page.text
        finally:
            go_on.set()
        statuses = [one.result().status_code for one in flood]
    # Two are checked and eight wait.
    assert (statuses.count(200), statuses.count(503)) == (10, MANY - 10)


def test_guesses_are_slowed_down_and_the_owner_gets_in(tmp_path: Path) -> None:
    limits = replace(UNLIMITED, account="2/minute", account_delay_seconds=0.5)

    def seconds(web: WholeProcess, name: str, password: str, wanted: int, address: str) -> float:
        started = time.monotonic()
        answer = web.client(address).post("/api/auth/login", json={"username": name, "password": password})
        assert answer.status_code == wanted
        return time.monotonic() - started

    with whole_process(tmp_path, limits) as web:
        for number in range(2):
            seconds(web, "Vic", "wrong password", 401, f"203.0.113.{number}")
            seconds(web, "nobody", "wrong password", 401, f"203.0.113.{number}")
        for name in ("vic", "nobody"):
            assert seconds(web, name, "wrong password", 401, "203.0.113.9") >= 0.5
        assert seconds(web, "vic", PASSWORD, 200, "198.51.100.1") >= 0.5
