"""A backfill on one Celery worker and on two: `python -m benchmarks.workers [DAYS] [POSTINGS [CORES]]`.

Starts the services of docker-compose.yml as processes, ingests the same days (16 of 20,000 sample postings each)
with one worker and then with two, each into a landing and a database of its own, and compares the tables row by
row, but for the times of fetching. Prints seconds, the CPU seconds of each service, and what each takes of memory.

All services share the cores of this machine. CORES, a part of a core such as 0.4, is what each worker may use, as
on a small machine of its own: so it shows what workers do to one another in the database rather than on the cores.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.core_shares import core_share
from market_assets_tests.deployment.client import Client
from market_assets_tests.deployment.processes import Deployment, deployment
from market_assets_tests.deployment.test_backfills import NUMBERED, TABLES, content

SOURCES = "sources:\n  - type: sample\n    postings_per_day: {postings}\n"
SECRETS = {
    "POSTGRES_PASSWORD": "made-up",
    "REDIS_PASSWORD": "made-up",
    "JWT_SECRET_KEY": "s7dJk29dkw83nfJWl39dkEjwn38dnwlqmzpA1sdf",
}
_OTHER_EACH_TIME = (*NUMBERED, "ingested_at", "last_seen_at")
_TICKS = os.sysconf("SC_CLK_TCK")


def main(days: int = 16, postings: int = 20_000, cores: float | None = None) -> None:
    """Measure and print."""
    left: dict[int, list[str]] = {}
    seconds: dict[int, float] = {}
    for workers in (1, 2):
        folder = Path(tempfile.mkdtemp(prefix="market_assets_workers_", dir="/tmp"))
        landed = folder / "landed"
        settings = {**SECRETS, "MARKET_ASSETS_WORKERS": str(workers), "MARKET_ASSETS_LANDING_URL": str(landed)}
        with deployment(folder, SOURCES.format(postings=postings), **settings) as composed:
            composed.start_all()
            with shares_of_workers(composed, cores):
                seconds[workers] = measure(composed, days)
            left[workers] = rows_of(composed)
        shutil.rmtree(folder)
    print(f"two workers: {seconds[1] / seconds[2]:.2f} × one; the same tables: {left[1] == left[2]}")


@contextlib.contextmanager
def shares_of_workers(composed: Deployment, cores: float | None) -> Iterator[None]:
    """Give each worker its part of a core, where there is to be one."""
    with contextlib.ExitStack() as shares:
        for place in composed.running["worker"] if cores else ():
            assert place.process is not None
            pids = processes({place.process.pid})
            shares.enter_context(core_share(f"worker{place.number}", cores, pids))
        yield


def rows_of(composed: Deployment) -> list[str]:
    """All rows of the tables, as text."""
    return [row for table in TABLES for row in content(composed, table, leaving_out=_OTHER_EACH_TIME)]


def measure(composed: Deployment, days: int) -> float:
    """The seconds of a backfill, after two days that warm the workers up."""
    client = Client(composed)
    today = datetime.now(UTC).date()
    partitions = [(today - timedelta(days=back)).isoformat() for back in range(days + 2)]
    workers = len(composed.running["worker"])
    client.backfill("daily_sample_ingestion", partitions[:2])
    before = {name: cpu_seconds(composed, name) for name in ("postgres", *composed.running)}
    runs = client.backfill("daily_sample_ingestion", partitions[2:])
    took = max(run["endTime"] for run in runs) - min(run["startTime"] for run in runs)
    cpu = {name: cpu_seconds(composed, name) - then for name, then in before.items()}
    assert {run["status"] for run in runs} == {"SUCCESS"}
    spent = ", ".join(f"{name} {used:.1f}" for name, used in cpu.items())
    print(f"{workers} worker(s): {took:.1f} s; CPU seconds: {spent}")
    for name in composed.running:
        largest = max(memory_mb(pid) for pid in processes_of(composed, name))
        print(f"    {name}: {largest:.0f} MB in its largest process")
    print(f"    {sizes(composed)}")
    client.close()
    return float(took)


def sizes(composed: Deployment) -> str:
    """What a posting takes on disk."""
    assert composed.postgresql is not None
    postings = int(composed.postgresql.ask("SELECT count(*) FROM job_postings"))
    stored = int(composed.postgresql.ask("SELECT pg_database_size('market')"))
    landing = Path(composed.environment["MARKET_ASSETS_LANDING_URL"])
    landed = sum(path.stat().st_size for path in landing.rglob("*") if path.is_file())
    return (
        f"{postings:,} postings: {stored / postings:.0f} bytes each in PostgreSQL, {landed / postings:.0f} landed"
    )


def processes_of(composed: Deployment, name: str) -> Iterator[int]:
    """The processes of a service."""
    if name == "postgres":
        assert composed.postgresql is not None
        return processes({composed.postgresql.pid})
    return processes({place.process.pid for place in composed.running[name] if place.process})


def processes(sessions: set[int]) -> Iterator[int]:
    """The processes of some sessions and the leaders' children, since PostgreSQL's have sessions of their own."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[3]) in sessions or int(folder.name) in sessions or int(fields[1]) in sessions:
                yield int(folder.name)


def cpu_seconds(composed: Deployment, name: str) -> float:
    """What a service has computed so far, with its processes that have ended and were waited for."""
    total = 0.0
    for pid in processes_of(composed, name):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += sum(map(int, fields[11:15]))
    return total / _TICKS


def memory_mb(pid: int) -> float:
    """What a process takes that it shares with nobody, and its share of the rest."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]), *map(float, sys.argv[3:4]))
