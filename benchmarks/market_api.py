"""The market API beside a bare FastAPI "hello", in one run: `python -m benchmarks.market_api [POSTINGS [FOLDER]]`.

A store of 2,000 skills is made up; a server process with one worker serves both applications, and clients ask one
after the other, then 50 at once. Prints milliseconds, the ratio to the baseline and the server's CPU time. With a
number of postings, they are in the store too, and pages and parts of the market are asked for as well: the same
again and again; such as nobody has asked for; the same by everybody right after a refresh; and a small call beside
pages that count. A folder keeps the store for the next time.
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
from collections.abc import Iterator, Sequence
from itertools import cycle, product
from pathlib import Path
from typing import Any

from benchmarks.market_pages import DRAWN, store_postings
from market_assets.settings import Settings
from market_assets.store import schema
from market_assets.store.database import Database
from market_assets.store.revisions import count_up_table
from market_assets.store.tables.results import market_summary
from market_assets_tests.web.market_tables import fill, made_up_window

SKILLS, POSTINGS = 2_000, 40_000
REQUESTS, CLIENTS = 1_500, 50
#: Requests for what nobody has asked for: each is counted.
NEW_REQUESTS = 100
HELLO = "GET /hello"
API = "/api/v1/market"
NEVER = "never the same"
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
HELD = {"skills": ["C#", "CI/CD", "Skill 3", "Skill 9"]}
OTHERS = [{"skills": [f"Skill {number}", f"Skill {number + 7}", "C#", "CI/CD"]} for number in range(1_900)]
PERIODS, SENIORITIES = range(1, 90), ("junior", "senior")


def main() -> None:
    postings = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[2] if len(sys.argv) > 2 else temporary)
        database = Database(f"sqlite:///{folder / 'market.db'}")
        if not (folder / "market.db").exists():
            _make(database, postings)
        calls = {name: cycle(asked) for name, asked in (_calls() | (_with_postings() if postings else {})).items()}
        port = _free_port()
        context = multiprocessing.get_context("spawn")
        server = context.Process(
            target=_serve, args=(database.url.render_as_string(False), str(folder), port), daemon=True
        )
        server.start()
        try:
            asyncio.run(_measure(calls, port, server.pid or 0))
            if postings:
                asyncio.run(_measure_refresh(calls, database, port))
                asyncio.run(_measure_beside(calls, port))
        finally:
            server.terminate()
            server.join()


def _make(database: Database, postings: int) -> None:
    schema.upgrade(database)
    window = made_up_window(SKILLS, DRAWN if postings else POSTINGS)
    fill(database, window)
    database.pooled_engine().dispose()
    if postings:
        store_postings(database, window, postings // DRAWN)


def _calls() -> dict[str, Sequence[bytes]]:
    """Requests by their name, which are sent in turn."""
    paths = {
        "GET /summary": "/summary",
        "GET /skills": "/skills",
        "GET /skills?limit=500": "/skills?limit=500",
        "GET /skills?industry&category": "/skills?industry=finance&category=category%201",
        "GET /skills/CI%2FCD": "/skills/CI%2FCD",
        "GET …/trend": "/skills/C%23/trend",
        "GET …/related": "/skills/C%23/related",
        "GET …/recommendations": "/skills/C%23/recommendations",
        "GET /salaries": "/salaries?skill=C%23",
        "GET /industries/…/skills": "/industries/Finance/skills",
        "GET /trending": "/trending",
    }
    return {
        HELLO: [_get("/hello")],
        **{name: [_get(API + path)] for name, path in paths.items()},
        f"GET /skills?limit=500, {NEVER}": [_get(f"{API}/skills?limit=500&offset={n}") for n in range(1_800)],
        **{
            f"POST {path}{kind}": [_request("POST", API + path, body) for body in bodies]
            for path in ("/skill-gap", "/recommendations")
            for kind, bodies in (("", [HELD]), (f", {NEVER}", OTHERS))
        },
    }


def _with_postings() -> dict[str, Sequence[bytes]]:
    """What needs the postings, and pages."""
    same = (
        f"{API}/skills?country=US&limit=10",
        f"{API}/industries?skill=Skill%203",
        "/market",
        "/market?country=US",
        "/market/skills/Skill%203",
        "/market/skills/Skill%203?country=DE",
        "/market/places/Berlin%2C%20DE",
        "/market/compare?skill=Skill%203&skill=CI%2FCD&country=DE",
    )
    filters = [f"country={c}&seniority={s}&period={p}" for p, s, c in product(PERIODS, SENIORITIES, ("US", "DE"))]
    skills = [f"Skill%20{number}" for number in range(1_900)]
    return {
        **{f"GET {path}": [_get(path)] for path in same},
        f"GET {API}/skills?country&seniority&period, {NEVER}": [_get(f"{API}/skills?{each}") for each in filters],
        f"GET /market?country&seniority&period, {NEVER}": [_get(f"/market?{each}&sort=skill") for each in filters],
        f"GET /market/skills/…?country, {NEVER}": [_get(f"/market/skills/{each}?country=DE") for each in skills],
        f"GET /market/industries/…?country&seniority&period, {NEVER}": [
            _get(f"/market/industries/Finance?{each}") for each in filters
        ],
    }


def _serve(url: str, folder: str, port: int) -> None:
    """One core, one worker: the baseline and the API in the same process."""
    import uvicorn
    from fastapi import FastAPI
    from starlette.applications import Starlette

    from market_assets.web.application import build_api
    from market_assets.web.explorer.routes import explorer_routes
    from market_assets.web.explorer.view import Explorer

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


Calls = dict[str, Iterator[bytes]]


async def _measure(calls: Calls, port: int, server: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(range(os.cpu_count() or 1)) - {0} or {0})
    await _until_ready(port)
    for clients, asks, part in ((1, "one client", 5), (CLIENTS, f"{CLIENTS} clients at once", 1)):
        print(f"{SKILLS} skills; {asks}: milliseconds, and ratio to {HELLO}", flush=True)
        print(f"{'':62}{'median':>9}{'p99':>9}{'ratio':>8}{'req/s':>8}{'CPU':>8}")
        baseline = 0.0
        for name, asked in calls.items():
            counts = NEVER in name and name not in _calls()
            requests = (NEW_REQUESTS if counts else REQUESTS) // part
            started, used = time.perf_counter(), _cpu_seconds(server)
            times = await _times(port, clients, requests, asked)
            rate, cpu = requests / (time.perf_counter() - started), (_cpu_seconds(server) - used) / requests
            median = statistics.median(times)
            baseline = baseline or median
            print(
                f"{name:62}{median:9.2f}{_p99(times):9.2f}{median / baseline:8.2f}{rate:8.0f}{cpu * 1000:8.2f}",
                flush=True,
            )


async def _measure_refresh(calls: Calls, database: Database, port: int) -> None:
    """All ask for the same page, of which a refresh has just changed every figure."""
    for name in ("GET /market", "GET /market/skills/Skill%203?country=DE"):
        with database.engine().begin() as connection:
            count_up_table(connection, market_summary)
        times = await _times(port, CLIENTS, CLIENTS, calls[name])
        print(f"{name}, {CLIENTS} clients at once right after a refresh: the last after {max(times):.0f} ms")


async def _measure_beside(calls: Calls, port: int) -> None:
    """One client asks for something small while others let figures be counted."""
    [name] = [name for name in calls if name.startswith("GET /market/industries/…")]
    counting = asyncio.ensure_future(_times(port, 4, NEW_REQUESTS, calls[name]))
    times: list[float] = []
    while not counting.done():
        times += await _times(port, 1, 10, calls["GET /summary"])
    median, slowest = statistics.median(times), _p99(times)
    print(f"GET /summary beside 4 clients of {name}: median {median:.1f}, p99 {slowest:.1f} ms")


def _p99(times: Sequence[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


def _cpu_seconds(process: int) -> float:
    """What a process has used; 0 where the system does not say it."""
    path = Path(f"/proc/{process}/stat")
    fields = path.read_text().rpartition(")")[2].split() if path.exists() else ["0"] * 13
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _times(port: int, clients: int, requests: int, asked: Iterator[bytes]) -> Sequence[float]:
    """Milliseconds from the first byte sent to the last received, without a client library's own time."""
    times: list[float] = []

    async def one_client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(requests // clients):
            started = time.perf_counter()
            writer.write(next(asked))
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(_LENGTH.search(head)[1]))  # type: ignore[index]
            times.append((time.perf_counter() - started) * 1_000)
            assert head.startswith(b"HTTP/1.1 200"), head
        writer.close()

    await asyncio.gather(*(one_client() for _ in range(clients)))
    return times


def _get(path: str) -> bytes:
    return _request("GET", path, None)


def _request(method: str, path: str, body: dict[str, Any] | None) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    described = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n" if content else ""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{described}\r\n".encode() + content


async def _until_ready(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            await _times(port, 1, 1, iter([_get(f"{API}/summary")]))
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
