"""The web process beside `dagster-webserver` without a guard: start, and a GraphQL query's latency, in turn."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from market_assets.settings import environment_for_children

ROUNDS, QUERIES = 5, 300
PROGRAMS = Path(sys.executable).parent
QUERY = {"query": "{ assetsOrError { ... on AssetConnection { nodes { key { path } } } } }"}


@contextlib.contextmanager
def served(command: list[str], folder: Path, port: int, ready: str) -> Iterator[tuple[float, httpx.Client]]:
    """Start a server; gives the seconds until it answered, and a client of it."""
    started = time.perf_counter()
    environment = environment_for_children(
        DAGSTER_HOME=str(folder), MARKET_ASSETS_PORT=str(port), DATABASE_URL="", MARKET_ASSETS_DATA_DIR="data"
    )
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
    try:
        while True:
            with contextlib.suppress(httpx.TransportError):
                if client.get(ready).status_code == 200:
                    break
            if process.poll() is not None:
                raise SystemExit(f"{command[0]} ended")
            time.sleep(0.02)
        yield time.perf_counter() - started, client
    finally:
        process.terminate()
        process.wait()
        client.close()


def latency(client: httpx.Client) -> tuple[float, object]:
    answers, took = [], []
    for _ in range(QUERIES):
        started = time.perf_counter()
        answers.append(client.post("/graphql", json=QUERY).json()["data"])
        took.append(time.perf_counter() - started)
    return statistics.median(took), answers[-1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    password = secrets.token_urlsafe(12)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in ("dagster.yaml", "workspace.yaml"):
            shutil.copy(file, folder)
        add = [str(PROGRAMS / "market-assets"), "user", "add", "bench", "--role", "admin", "--password-stdin"]
        environment = environment_for_children(
            DAGSTER_HOME=str(folder), DATABASE_URL="", MARKET_ASSETS_DATA_DIR="data"
        )
        subprocess.run(add, cwd=folder, env=environment, input=password.encode(), check=True, capture_output=True)
        ours, theirs = measure(folder, password)
    for what, unit, scale, place in (("start", "s", 1, 0), ("GraphQL query", "ms", 1_000, 1)):
        mine = statistics.median(round_[place] for round_ in ours) * scale
        plain = statistics.median(round_[place] for round_ in theirs) * scale
        print(f"{what:<14} {mine:6.2f} {unit}, dagster-webserver {plain:6.2f} {unit}: {mine / plain:.2f} ×")


def measure(folder: Path, password: str) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """(seconds to start, seconds a query) of this project's web process and of Dagster's, round by round."""
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        port = free_port()
        plain = [str(PROGRAMS / "dagster-webserver"), "-h", "127.0.0.1", "-p", str(port), "-w", "workspace.yaml"]
        with served(plain, folder, port, "/server_info") as (start, client):
            query, expected = latency(client)
            theirs.append((start, query))
        port = free_port()
        command = [sys.executable, "-m", "market_assets.web.server"]
        with served(command, folder, port, "/login") as (start, client):
            answer = client.post("/api/auth/login", json={"username": "bench", "password": password}).json()
            client.headers["Authorization"] = f"Bearer {answer['access_token']}"
            query, found = latency(client)
            ours.append((start, query))
        assert found == expected, "the answers differ"
    return ours, theirs


if __name__ == "__main__":
    main()
