"""A live `serve` with every schedule each minute, of which a random process is killed again and again."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest

from market_assets.operations.names import PARTITION_TAG
from market_assets.store import schema
from market_assets.store.database import Database
from market_assets.store.users import add_user
from market_assets.web.auth.credentials import hash_password
from market_assets_tests.cli.programs import PROGRAMS, environment, make_project
from market_assets_tests.cli.test_serve import PASSWORD, Server, eventually, free_port, sign_in, signs_in
from market_assets_tests.faults.killing import Market, utc_now
from market_assets_tests.faults.machine import instance_of
from market_assets_tests.faults.soundness import assert_sound
from market_assets_tests.pipelines import read_rows

pytestmark = [pytest.mark.slow, pytest.mark.thorough, pytest.mark.timeout(3_600)]

#: For how long processes are killed, and the seconds between two kills.
SECONDS = float(os.environ.get("KILLING_SECONDS", "600"))
PAUSES = (5.0, 20.0)
#: The processes that `serve` starts again, as often as it does so in ten minutes.
RESTARTED = ("dagster_ext.code_server", "dagster._daemon run", "market_assets.web.server")
MOST_RESTARTS = 5
JOBS = ("INGESTION", "REFRESH", "CLEANUP", "REBUILD", "HISTORY")
#: Of runs of one tick, the first; the others repeat it.
TICK = (".dagster/scheduled_execution_time", "dagster/schedule_name")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


@pytest.fixture
def server(project: Path) -> Iterator[Server]:
    database = Database(f"sqlite:///{project / 'data/market.db'}")
    schema.upgrade(database)
    add_user(database, "tester", "admin", hash_password(PASSWORD))
    port, mark = free_port(), f"mark-{uuid4()}"
    every_minute = {f"MARKET_ASSETS_{job}_CRON": "* * * * *" for job in JOBS}
    with (project / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [PROGRAMS / "market-assets", "serve"],
            cwd=project,
            env=environment(MARKET_ASSETS_PORT=str(port), TEST_MARK=mark, **every_minute),
            stdout=log,
            stderr=log,
            text=True,
        )
    server = Server(project, process, port, mark)
    try:
        yield server
    finally:
        for pid in sorted(server.processes()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def test_nothing_is_lost_or_doubled_whatever_dies(server: Server, project: Path) -> None:
    eventually(lambda: signs_in(server))
    eventually(lambda: is_healthy(server))
    killed = kill_at_random(server, random.Random(14))
    began = time.monotonic()
    eventually(lambda: is_healthy(server))
    print(f"killed: {killed}; healthy {time.monotonic() - began:.1f} s after the last")

    sign_in(server)
    assert server.ask("/api/admin/scheduler/stop", {}, method="POST")[0] == 200
    with instance_of(project) as instance:
        wait_for_the_end_of_all(instance)
        runs = list(instance.get_runs())
        print("runs:", dict(Counter(f"{run.job_name} {run.status.value}" for run in runs)))
        assert_each_tick_has_one_run(runs)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait() == 0
    days = ingested(runs)
    assert days
    assert_nothing_is_missing(project, days)


def kill_at_random(server: Server, draw: random.Random) -> dict[str, int]:
    """Kill processes until the time is over; how many of each kind."""
    killed: Counter[str] = Counter()
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        time.sleep(draw.uniform(*PAUSES))
        victims = {pid: kind_of(line) for pid, line in server.processes().items() if pid != server.process.pid}
        victims = {pid: kind for pid, kind in victims.items() if kind and killed[kind] < limit_of(kind)}
        if not victims:
            continue
        pid = draw.choice(sorted(victims))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            killed[victims[pid]] += 1
        assert server.process.poll() is None
    return dict(killed)


def kind_of(command: str) -> str:
    """What a process is, by its command line: a service, or a run."""
    return next((service for service in RESTARTED if service in command), "run")


def limit_of(kind: str) -> float:
    return MOST_RESTARTS if kind in RESTARTED else float("inf")


def is_healthy(server: Server) -> bool:
    with contextlib.suppress(OSError):
        return server.ask("/health")[0] == 200
    return False


def in_progress(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    ended = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
    return [run for run in instance.get_runs() if run.status not in ended]


def wait_for_the_end_of_all(instance: dg.DagsterInstance) -> None:
    """Wait until every run has ended: one that was killed before it began is given up after ten minutes."""
    deadline = time.monotonic() + 1_200
    while active := in_progress(instance):
        assert time.monotonic() < deadline, [(run.run_id, run.job_name, run.status) for run in active]
        time.sleep(1)


def assert_each_tick_has_one_run(runs: list[dg.DagsterRun]) -> None:
    """Beside the repetitions of a run, no tick of a schedule has started two."""
    ticks = Counter(tuple(run.tags[tag] for tag in TICK) for run in runs if is_first_of_tick(run))
    assert ticks
    assert {tick: number for tick, number in ticks.items() if number > 1} == {}


def is_first_of_tick(run: dg.DagsterRun) -> bool:
    return all(tag in run.tags for tag in TICK) and run.parent_run_id is None


def ingested(runs: list[dg.DagsterRun]) -> list[date]:
    """The days of which a run has succeeded."""
    succeeded = (run.tags.get(PARTITION_TAG) for run in runs if run.status is dg.DagsterRunStatus.SUCCESS)
    return sorted({date.fromisoformat(day) for day in succeeded if day})


def assert_nothing_is_missing(project: Path, days: list[date]) -> None:
    """The store is sound, and has the postings that an undisturbed one has."""
    url = f"sqlite:///{project / 'data/market.db'}"
    assert_sound(url)
    twin = Market(project.parent / "twin", utc_now())
    make_project(twin.folder)
    schema.upgrade(Database(twin.url))
    with twin.pipeline() as pipeline:
        for day in days:
            pipeline.ingest(day)
    assert identities(url) == identities(twin.url)


def identities(url: str) -> list[tuple[str, str]]:
    return sorted((row["source"], row["external_id"]) for row in read_rows(url, "job_postings"))
