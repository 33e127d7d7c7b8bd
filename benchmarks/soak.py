"""Hours of schedules in minutes: `python -m benchmarks.soak [MINUTES]`.

Starts the services of docker-compose.yml as processes, without workers, lets every schedule start each minute, and
asks the web process what a browser with an open page asks. Prints the memory of the services over the time, how
much it grew over the last half, and the most connections that PostgreSQL had open.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from benchmarks.workers import SECRETS, SOURCES, memory_mb
from market_assets_tests.deployment.client import Client
from market_assets_tests.deployment.processes import Deployment, deployment

SERVICES = ("daemon", "code", "web")
JOBS = ("INGESTION", "REFRESH", "CLEANUP", "REBUILD")
#: One round of schedules and samples; in seconds.
ROUND = 10
_PAGE = """{ runsOrError(limit: 25) { ... on Runs { results { runId status } } }
  workspaceOrError { ... on Workspace { locationEntries { name loadStatus } } }
  assetsOrError(limit: 50) { ... on AssetConnection { nodes { key { path } } } } }"""
_CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"


def main(minutes: int = 30) -> None:
    """Measure and print."""
    folder = Path(tempfile.mkdtemp(prefix="market_assets_soak_", dir="/tmp"))
    every_minute = {f"MARKET_ASSETS_{job}_CRON": "* * * * *" for job in JOBS}
    with deployment(folder, SOURCES.format(postings=200), **SECRETS, **every_minute) as composed:
        for name in ("postgres", "migrate", "code", "daemon", "web"):
            composed.start(name)
        memory, most = watch(composed, minutes)
        report(memory, most)
    shutil.rmtree(folder)


def watch(composed: Deployment, minutes: int) -> tuple[dict[str, list[float]], int]:
    """The memory of each service, in MB, at each round, and the most connections at any."""
    client = Client(composed)
    assert composed.postgresql is not None
    memory: dict[str, list[float]] = defaultdict(list)
    most, end = 0, time.monotonic() + minutes * 60
    while time.monotonic() < end:
        time.sleep(ROUND)
        client.ask(_PAGE)
        for name in SERVICES:
            (place,) = composed.running[name]
            assert place.process is not None
            memory[name].append(memory_mb(place.process.pid))
        most = max(most, int(composed.postgresql.ask(_CONNECTIONS)))
    statuses: dict[str, int] = defaultdict(int)
    for run in client.runs():
        statuses[run["status"]] += 1
    print("runs:", dict(statuses))
    client.close()
    return memory, most


def report(memory: dict[str, list[float]], most: int) -> None:
    """Print each service's memory over the time, and its growth from the third quarter to the last."""
    for name, samples in memory.items():
        quarter = max(1, len(samples) // 4)
        parts = [statistics.median(samples[start : start + quarter]) for start in range(0, 4 * quarter, quarter)]
        shown = " ".join(f"{part:.1f}" for part in parts)
        print(f"{name:<8} MB by quarter: {shown}; over the last half {100 * (parts[3] / parts[2] - 1):+.2f} %")
    print(f"PostgreSQL: at most {most} connections")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
