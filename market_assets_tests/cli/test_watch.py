"""`market-assets watch` and the job prune_history, as programs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from queue import Queue
from typing import Any

import dagster as dg
import pytest

from market_assets.definitions import build_defs
from market_assets.operations.executions import changes
from market_assets.operations.names import CLEANUP, PRUNE
from market_assets.settings import Settings
from market_assets.sources.sample.source import SampleSource
from market_assets.store import schema
from market_assets.store.database import Database
from market_assets.store.executions import Execution
from market_assets_tests.cli.conftest import Invoke
from market_assets_tests.cli.programs import PATIENCE_SECONDS, PROGRAMS, environment
from market_assets_tests.dagster_ext.instances import age


def observed(run_id: str, status: Any, error: str | None = None) -> Execution:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Execution(run_id, "job", "", status, at, at, None, None, None, error, "cli")


def test_each_change_is_shown_once() -> None:
    first = [observed("b", "queued"), observed("a", "success")]
    second = [observed("b", "running"), observed("a", "success")]
    third = [observed("c", "failed", error="x"), observed("b", "success"), observed("a", "success")]
    looks = iter([first, second, second, third])

    def shown() -> Iterator[Execution]:
        with pytest.raises(RuntimeError):
            yield from changes(lambda: next(looks), lambda: None)

    assert list(shown()) == [first[0], second[0], third[1], third[0]]


def test_a_history_that_does_not_answer_is_a_line(invoke: Invoke) -> None:
    ended = invoke("watch", DAGSTER_POSTGRES_URL="postgresql://nobody@127.0.0.1:1/dagster")
    assert ended.exit_code == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("market-assets: Dagster's history does not answer: connection to server at")


@pytest.fixture
def project(project: Path) -> Path:
    schema.upgrade(Database(f"sqlite:///{project / 'data/market.db'}"))
    return project


def watch(project: Path, *arguments: str, **streams: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [PROGRAMS / "market-assets", "watch", "--every", "0.2", *arguments],
        cwd=project,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
        **streams,
    )


@pytest.mark.slow
def test_changes_are_printed_as_json_until_ctrl_c(project: Path) -> None:
    # Runs that are active from the start are printed at once, which shows that the command has begun to watch.
    home = (project / "dagster.yaml").parent
    with working(home) as instance:
        waiting = instance.add_run(dg.DagsterRun("waiting", status=dg.DagsterRunStatus.STARTED)).run_id
    process = watch(project, "--json", stdout=subprocess.PIPE)
    lines: Queue[dict[str, Any]] = Queue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(json.loads(line))

    threading.Thread(target=read, daemon=True).start()
    try:
        assert lines.get(timeout=PATIENCE_SECONDS)["run_id"] == waiting
        with working(home) as instance:
            assert job_of(project, CLEANUP).execute_in_process(instance=instance).success
        shown: list[dict[str, Any]] = []
        while not shown or shown[-1]["status"] != "success":
            shown.append(lines.get(timeout=PATIENCE_SECONDS))
        assert {message["job_id"] for message in shown} == {CLEANUP}
        assert shown[-1].keys() >= {"type", "run_id", "started_at", "duration", "rows", "error", "triggered_by"}
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    finally:
        process.kill()


def working(project: Path) -> Any:
    """The instance of a project, whose paths are relative to its folder."""
    before = Path.cwd()
    os.chdir(project)
    try:
        return dg.DagsterInstance.from_config(str(project))
    finally:
        os.chdir(before)


def job_of(project: Path, name: str) -> dg.JobDefinition:
    settings = Settings(MARKET_ASSETS_DATA_DIR=project / "data", _env_file=None)
    return build_defs(settings, [SampleSource()]).resolve_job_def(name)


@pytest.mark.slow
def test_old_runs_are_pruned(project: Path) -> None:
    job = job_of(project, CLEANUP)
    with working(project) as instance:
        for _ in range(3):
            assert job.execute_in_process(instance=instance).success
        records = instance.get_run_records(dg.RunsFilter(job_name=CLEANUP))
        old = [record.dagster_run.run_id for record in records][-2:]
        age(instance, old, 100)
    for dry_run, done in ((True, "would prune: 2 runs"), (False, "pruned: 2 runs")):
        with working(project) as instance:
            config = {"dry_run": dry_run}
            by_job = job_of(project, PRUNE).execute_in_process(instance=instance, run_config=config)
            printed = [event.user_message for event in instance.all_logs(by_job.run_id)]
        assert any(message.startswith(done) for message in printed)
    with working(project) as instance:
        assert not instance.get_run_records(dg.RunsFilter(run_ids=old))
