"""Runs that are killed again and again, and what must hold after each: nothing lost, doubled or half-written."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pyarrow.parquet as pq
import sqlalchemy as sa

from market_assets.checked_settings import configured_sources
from market_assets.dagster_ext.liveness import why_dead
from market_assets.operations.names import AS_OF_TAG, CLEANUP, INGESTION, PARTITION_TAG, REBUILD, REFRESH
from market_assets.settings import Settings
from market_assets.store import schema
from market_assets.store.database import Database
from market_assets_tests.cli.programs import PROJECT, environment, make_project
from market_assets_tests.faults.dying_run import counting
from market_assets_tests.faults.machine import PATIENCE_SECONDS
from market_assets_tests.pipelines import INGESTED, RESULTS, Pipeline, Row, done, read_rows

JOBS = (INGESTION, REFRESH, CLEANUP, REBUILD)
_DAYS = 6
_LIMITS = {"RETENTION_DAYS": "3", "LANDING_DAYS": "3", "WINDOW_DAYS": "30", "TREND_DAYS": "60"}


@dataclass(frozen=True)
class Moment:
    """When a run is killed: before a numbered statement of its data path, or seconds after the first one."""

    kind: str
    number: float


@dataclass(frozen=True)
class Undisturbed:
    """What a job makes of a market when nobody kills it, and what it takes for that."""

    tables: Mapping[str, list[Row]]
    archived: list[int]
    statements: int
    seconds: float

    def moments(self, draw: random.Random, statements: int, seconds: int) -> list[Moment]:
        """Random moments of the run, of either kind."""
        numbered = [Moment("statement", draw.randint(1, self.statements)) for _ in range(statements)]
        return numbered + [Moment("seconds", round(draw.random() * self.seconds, 3)) for _ in range(seconds)]


class Market:
    """A project folder with a market of some days, on SQLite or on a PostgreSQL server, that can be copied."""

    def __init__(self, folder: Path, now: datetime, server: str | None = None) -> None:
        self.folder, self.now, self._server = folder, now, server
        if server is None:
            self.url = f"sqlite:///{folder / 'data' / 'market.db'}"
        else:
            name = f"market_{uuid4().hex}"
            self.url = sa.make_url(server).set(database=name).render_as_string(hide_password=False)

    @property
    def settings(self) -> Settings:
        limits = {f"MARKET_ASSETS_{name}": value for name, value in _LIMITS.items()}
        sources = {"MARKET_ASSETS_SOURCES": self.folder / "sources.yaml"}
        return Settings(
            DATABASE_URL=self.url, MARKET_ASSETS_DATA_DIR=self.folder / "data", _env_file=None, **limits, **sources
        )

    def fill(self) -> Market:
        """Make it: some days of the sample, with every result."""
        make_project(self.folder)
        if self._server is not None:
            self._on_server(f"CREATE DATABASE {self._name}")
        schema.make_folder(Database(self.url))
        schema.upgrade(Database(self.url))
        first, last = ((self.now - timedelta(days=days)).date() for days in (_DAYS, 1))
        with self.pipeline() as pipeline:
            pipeline.ingest(first, last)
            pipeline.refresh(self.now - timedelta(days=1))
        return self

    def copy(self, folder: Path) -> Market:
        copied = Market(folder, self.now, self._server)
        shutil.copytree(self.folder, folder)
        if self._server is not None:
            copied._on_server(f"CREATE DATABASE {copied._name} TEMPLATE {self._name}")
        return copied

    def remove(self) -> None:
        shutil.rmtree(self.folder)
        if self._server is not None:
            self._on_server(f"DROP DATABASE {self._name} WITH (FORCE)")

    def pipeline(self) -> Pipeline:
        return Pipeline(self.settings, *configured_sources(self.settings))

    def tags(self, job: str) -> dict[str, str]:
        if job == INGESTION:
            return {PARTITION_TAG: self.now.date().isoformat()}
        return {} if job == CLEANUP else {AS_OF_TAG: self.now.isoformat()}

    def tables(self) -> dict[str, list[Row]]:
        return {table: read_rows(self.url, table) for table in (*INGESTED, *RESULTS)}

    def archived(self) -> list[int]:
        """The postings in the archive; one that is there twice is listed twice."""
        files = sorted(self.settings.archive_dir.rglob("*.parquet"))
        return sorted(row for file in files for row in pq.ParquetFile(file).read()["posting_id"].to_pylist())

    def run(self, job: str) -> Undisturbed:
        """Run a job to its end, in this process."""
        statements, begun = 0, 0.0

        def count(seen: int) -> None:
            nonlocal statements, begun
            statements, begun = seen, begun or time.monotonic()

        with self.pipeline() as pipeline, counting(count):
            done(pipeline.run(job, self.tags(job)))
        return Undisturbed(self.tables(), self.archived(), statements, time.monotonic() - begun)

    def run_killed(self, job: str, moment: Moment) -> None:
        """Run a job in a process of its own that is killed, unless it comes to its end before that."""
        program = [sys.executable, "-m", "market_assets_tests.faults.dying_run", job, json.dumps(self.tags(job))]
        changes = {f"MARKET_ASSETS_{name}": value for name, value in _LIMITS.items()}
        # The tests are not installed, and the process is in another folder.
        changes["PYTHONPATH"] = os.pathsep.join((str(PROJECT), os.environ["PYTHONPATH"]))
        ended = subprocess.run(
            [*program, moment.kind, str(moment.number)],
            cwd=self.folder,
            env=environment(DATABASE_URL=self.url, DAGSTER_HOME=str(self.folder), **changes),
            capture_output=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert ended.returncode in (0, -signal.SIGKILL), ended.stderr.decode()[-2000:]

    @property
    def _name(self) -> str:
        return str(sa.make_url(self.url).database)

    def _on_server(self, statement: str) -> None:
        assert self._server is not None
        engine = Database(self._server).engine().execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text(statement))


def torment(
    market: Market, job: str, moments: Sequence[Moment], twin: Undisturbed, instance: dg.DagsterInstance
) -> int:
    """Kill a job at each moment, then let it run: what must hold is asserted after each.

    Args:
        market: the market; it is spent afterwards.
        job: the job.
        moments: when its run is killed, one run after the other.
        twin: what the job makes of the same market undisturbed.
        instance: the instance of the market's folder.

    Returns:
        How many of the runs were killed before they came to their end.
    """
    before, archived = market.tables(), market.archived()
    for moment in moments:
        market.run_killed(job, moment)
        _assert_whole(market, job, before, archived, twin)
    dead = _dead_runs(instance)
    market.run(job)
    assert market.tables() == twin.tables
    assert market.archived() == twin.archived
    return dead


def _assert_whole(
    market: Market, job: str, before: Mapping[str, list[Row]], archived: list[int], twin: Undisturbed
) -> None:
    """Each table is as before the run or as after it, and no posting is lost or doubled."""
    found = market.tables()
    for table in RESULTS:
        assert found[table] in (before[table], twin.tables[table]), f"{table} is half-written"
    if job == CLEANUP:
        assert {*_ids(found), *market.archived()} == {*_ids(before), *archived}, "postings were lost"
        assert set(_ids(found)) >= set(_ids(twin.tables))
        return
    for table in ("job_postings", "rejected_postings"):
        assert found[table] in (before[table], twin.tables[table]), f"{table} is half-written"
    assert market.archived() == archived


def _ids(tables: Mapping[str, list[Row]]) -> list[int]:
    ids = [row["posting_id"] for row in tables["job_postings"]]
    assert len(ids) == len(set(ids))
    return ids


def _dead_runs(instance: dg.DagsterInstance) -> int:
    """How many runs were killed; each can be seen to be gone, and says which process it was."""
    begun = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    reasons = [why_dead(instance, run) for run in begun]
    assert all(reason and "is gone" in reason for reason in reasons), reasons
    return len(reasons)


def utc_now() -> datetime:
    return datetime.now(UTC)
