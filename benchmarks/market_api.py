"""The market API beside a bare FastAPI "hello", in one run: `python -m benchmarks.market_api [POSTINGS]`.

A store of 2,000 skills is made up; a server process with one worker serves both applications, and client
processes ask one after the other, then 50 at once. Prints milliseconds and ratios to the baseline. With a number
of postings, they are in the store too, and pages and parts of the market are asked for as well.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import re
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

from benchmarks.market_pages import DRAWN, store_postings
from market_assets.settings import Settings
from market_assets.store import schema
from market_assets.store.database import Database
from market_assets_tests.web.market_tables import fill, made_up_window

SKILLS, POSTINGS = 2_000, 40_000
REQUESTS, CLIENTS = 1_500, 50
HELLO = "GET /hello"
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
HELD = {"skills": ["C#", "CI/CD", "Skill 3", "Skill 9"]}
CALLS: dict[str, tuple[str, str, dict[str, Any] | None]] = {
    HELLO: ("GET", "/hello", None),
    "GET /summary": ("GET", "/api/v1/market/summary", None),
    "GET /skills": ("GET", "/api/v1/market/skills", None),
    "GET /skills?limit=500": ("GET", "/api/v1/market/skills?limit=500", None),
    "GET /skills?industry&category": ("GET", "/api/v1/market/skills?industry=finance&category=category%201", None),
    "GET /skills/CI%2FCD": ("GET", "/api/v1/market/skills/CI%2FCD", None),
    "GET …/trend": ("GET", "/api/v1/market/skills/C%23/trend", None),
    "GET …/related": ("GET", "/api/v1/market/skills/C%23/related", None),
    "GET …/recommendations": ("GET", "/api/v1/market/skills/C%23/recommendations", None),
    "GET /salaries": ("GET", "/api/v1/market/salaries?skill=C%23", None),
    "GET /industries/…/skills": ("GET", "/api/v1/market/industries/Finance/skills", None),
    "GET /trending": ("GET", "/api/v1/market/trending", None),
    "POST /skill-gap": ("POST", "/api/v1/market/skill-gap", HELD),
    "POST /skill-gap, never the same": ("POST", "/api/v1/market/skill-gap", HELD),
    "POST /recommendations": ("POST", "/api/v1/market/recommendations", HELD),
    "POST /recommendations, never the same": ("POST", "/api/v1/market/recommendations", HELD),
}

#: What needs the postings, and pages.
WITH_POSTINGS: dict[str, tuple[str, str, dict[str, Any] | None]] = {
    f"GET {path}": ("GET", path, None)
    for path in (
        "/api/v1/market/skills?country=US&limit=10",
        "/api/v1/market/industries?skill=Skill%203",
        "/market",
        "/market?country=US",
        "/market/skills/Skill%203",
        "/market/skills/Skill%203?country=DE",
        "/market/places/Berlin%2C%20DE",
        "/market/compare?skill=Skill%203&skill=CI%2FCD&country=DE",
    )
}

NEVER_THE_SAME = {name for name in CALLS if "never" in name}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'market.db'}")
        schema.upgrade(database)
        postings = int(sys.argv[1]) if len(sys.argv) > 1 else 0
        window = made_up_window(SKILLS, DRAWN if postings else POSTINGS)
        fill(database, window)
        if postings:
            database.pooled_engine().dispose()
            store_postings(database, window, postings // DRAWN)
            CALLS.update(WITH_POSTINGS)
        port = _free_port()
        context = multiprocessing.get_context("spawn")
        server = context.Process(
            target=_serve, args=(database.url.render_as_string(False), folder, port), daemon=True
        )
        server.start()
        try:
            asyncio.run(_measure(port))
        finally:
            server.terminate()
            server.join()


def _serve(url: str, folder: str, port: int) -> None:
    """One core, one worker: the baseline and the API in the same process."""
    import uvicorn
    from fastapi import FastAPI
    from starlette.applications import Starlette

    from market_assets.web.explorer.routes import explorer_routes
    from market_assets.web.explorer.view import Explorer
    from market_assets.web.server import build_api

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {0})
    hello = FastAPI()

    @hello.get("/hello")
    async def say_hello() -> dict[str, str]:
        return {"hello": "world"}

    settings = Settings(DATABASE_URL=url, MARKET_ASSETS_DATA_DIR=Path(folder), _env_file=None)
    database = Database(url)
    api = build_api(None, settings, database)
    pages = Starlette(routes=explorer_routes(Explorer(api.state, settings, database)))

    async def both(scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        chosen = hello if path == "/hello" else pages if path.startswith("/market") else api
        await chosen(scope, receive, send)

    uvicorn.run(both, host="127.0.0.1", port=port, log_level="warning", access_log=False, lifespan="off")


async def _measure(port: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(range(os.cpu_count() or 1)) - {0} or {0})
    await _until_ready(port)
    print(f"{SKILLS} skills; one client, {REQUESTS // 5} requests each: milliseconds, and ratio to {HELLO}")
    await _table(port, 1, REQUESTS // 5)
    print(f"\n{CLIENTS} clients at once, {REQUESTS} requests each")
    await _table(port, CLIENTS, REQUESTS)


async def _table(port: int, clients: int, requests: int) -> None:
    print(f"{'':62}{'median':>9}{'p99':>9}{'ratio':>8}{'req/s':>8}")
    baseline = 0.0
    for name, call in CALLS.items():
        started = time.perf_counter()
        asked = (
            [_request(*call)]
            if name not in NEVER_THE_SAME
            else [
                _request(call[0], call[1], {"skills": [f"Skill {number}", f"Skill {number + 7}", "C#", "CI/CD"]})
                for number in range(requests)
            ]
        )
        times = await _times(port, clients, requests, asked)
        rate = requests / (time.perf_counter() - started)
        median, p99 = statistics.median(times), statistics.quantiles(times, n=100)[98]
        baseline = baseline or median
        print(f"{name:62}{median:9.2f}{p99:9.2f}{median / baseline:8.2f}{rate:8.0f}")


async def _times(port: int, clients: int, requests: int, asked: Sequence[bytes]) -> Sequence[float]:
    """Milliseconds from the first byte sent to the last received, without a client library's own time."""
    times: list[float] = []
    next_of = cycle(asked)

    async def one_client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(requests // clients):
            started = time.perf_counter()
            writer.write(next(next_of))
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(_LENGTH.search(head)[1]))  # type: ignore[index]
            times.append((time.perf_counter() - started) * 1_000)
            assert head.startswith(b"HTTP/1.1 200"), head
        writer.close()

    await asyncio.gather(*(one_client() for _ in range(clients)))
    return times


def _request(method: str, path: str, body: dict[str, Any] | None) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    described = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n" if content else ""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{described}\r\n".encode() + content


async def _until_ready(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            await _times(port, 1, 1, [_request("GET", "/api/v1/market/summary", None)])
            return
        except OSError:
            await asyncio.sleep(0.1)
    sys.exit("the server did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
