"""Processes that die: their runs are marked as failed, say why, and are started again where someone expects it."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import dagster as dg
import httpx
import pytest

from market_assets.operations.names import CLEANUP, REBUILD, REFRESH
from market_assets.store.lock import StoreLock
from market_assets_tests.cli.programs import market_assets
from market_assets_tests.faults.conftest import store_of
from market_assets_tests.faults.machine import Machine, eventually, instance_of, why_it_failed
from market_assets_tests.free_ports import free_port

pytestmark = pytest.mark.slow
PASSWORD = "a long password of the test's own\n"


@pytest.fixture
def held(box: Machine) -> Iterator[StoreLock]:
    """The store's lock, held by someone else: a run waits in its first step until it is let go."""
    lock = StoreLock(store_of(box), "the test")
    with lock.exclusive():
        yield lock


def waits_in_a_step(instance: dg.DagsterInstance) -> dg.DagsterRun | None:
    """The run that has begun its first step."""
    for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
        if instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_START):
            # Before that, it was tagged with its process.
            return instance.get_run_by_id(run.run_id)
    return None


def process_of(run: dg.DagsterRun) -> int:
    return int(run.tags[".dagster/market_assets_process"].split()[0])


def status_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status.value


def will_retry(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str | None:
    """What Dagster has decided about a failed run, which it does after it is marked as failed."""
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.tags.get("dagster/will_retry")


def repetitions(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[dg.DagsterRun]:
    return list(instance.get_runs(dg.RunsFilter(tags={"dagster/parent_run_id": run.run_id})))


def test_a_run_that_dies_with_its_code_server_fails_and_is_started_again(box: Machine, held: StoreLock) -> None:
    with instance_of(box.folder) as instance:
        known = instance.get_runs_count()
        box.launch(instance, REBUILD)
        run = eventually(lambda: waits_in_a_step(instance), "the first step")
        dead = [pid for pid in box.processes() if pid != box.daemon.pid]
        assert {process_of(run), box.code_server.pid} <= set(dead)
        box.kill(*dead)
        held.release()
        box.start_code_server()
        eventually(lambda: status_of(instance, run) == "FAILURE", "the end of the dead run")
        reason = why_it_failed(instance, run.run_id)
        assert f"the process {process_of(run)} on {socket.gethostname()} that ran it is gone" in reason
        (again,) = eventually(lambda: repetitions(instance, run), "the repetition")
        eventually(lambda: status_of(instance, again) == "SUCCESS", "the success of the repetition")
        repeated = instance.get_run_by_id(again.run_id)
        assert repeated is not None and repeated.execution_plan_snapshot_id is not None
        steps = instance.all_logs(again.run_id, of_type=dg.DagsterEventType.STEP_SUCCESS)
        planned = instance.get_execution_plan_snapshot(repeated.execution_plan_snapshot_id)
        assert len(steps) == len(planned.steps) > 4, "it does it all, so that all tables are about one moment"
        assert process_of(repeated) != process_of(run)
        assert instance.get_runs_count() == known + 2


def test_a_run_that_dies_alone_fails_and_is_started_again(box: Machine, held: StoreLock) -> None:
    with instance_of(box.folder) as instance:
        box.launch(instance, CLEANUP)
        run = eventually(lambda: waits_in_a_step(instance), "the first step")
        box.kill(process_of(run))
        held.release()
        eventually(lambda: status_of(instance, run) == "FAILURE", "the end of the dead run")
        # The code server and the daemon both look after it; whichever notices first gives the cause.
        noticed = (
            "was terminated by signal 9 (SIGKILL)",
            f"the process {process_of(run)} on {socket.gethostname()}",
        )
        assert any(cause in why_it_failed(instance, run.run_id) for cause in noticed)
        (again,) = eventually(lambda: repetitions(instance, run), "the repetition")
        eventually(lambda: status_of(instance, again) == "SUCCESS", "the success of the repetition")


def test_a_command_that_dies_fails_and_is_not_started_again(box: Machine, held: StoreLock) -> None:
    with instance_of(box.folder) as instance:
        known = instance.get_runs_count()
        command = box.execute(CLEANUP)
        run = eventually(lambda: waits_in_a_step(instance), "the first step")
        assert process_of(run) == command.pid
        # Whoever works, however long, is left alone: here the daemon has looked, and found it alive.
        eventually(lambda: f"Checking run {run.run_id}" in box.log(), "a look at the run")
        eventually(lambda: box.log().count(f"Checking run {run.run_id}") > 1, "another look at the run")
        assert status_of(instance, run) == "STARTED"
        box.kill(command.pid)
        command.wait()
        held.release()
        eventually(lambda: status_of(instance, run) == "FAILURE", "the end of the dead run")
        assert f"the process {command.pid} on" in why_it_failed(instance, run.run_id)
        assert eventually(lambda: will_retry(instance, run), "the decision about a repetition") == "false"
        # That the next clean-up can begin is seen in test_queue.py, on the same machine.
        assert instance.get_runs_count() == known + 1


@pytest.mark.thorough
def test_a_daemon_that_dies_loses_no_run(box: Machine, held: StoreLock) -> None:
    with instance_of(box.folder) as instance:
        known = instance.get_runs_count()
        box.launch(instance, CLEANUP)
        run = eventually(lambda: waits_in_a_step(instance), "the first step")
        box.kill(box.daemon.pid)
        box.daemon.wait()
        queued = instance.get_run_by_id(box.launch(instance, REBUILD))
        assert queued is not None
        held.release()
        eventually(lambda: status_of(instance, run) == "SUCCESS", "the success of the run without a daemon")
        assert status_of(instance, queued) == "QUEUED"
        box.start_daemon()
        eventually(lambda: status_of(instance, queued) == "SUCCESS", "the success of the queued run")
        assert instance.get_runs_count() == known + 2


@pytest.mark.thorough
def test_a_web_process_that_dies_takes_no_run_with_it(box: Machine, held: StoreLock) -> None:
    added = market_assets(
        "user", "add", "ann", "--role", "admin", "--password-stdin", cwd=box.folder, stdin=PASSWORD
    )
    assert added.code == 0, added.err
    box.settings["MARKET_ASSETS_PORT"] = port = str(free_port())
    with instance_of(box.folder) as instance:
        known = instance.get_runs_count()
        web = box.start("market_assets.web.server", "workspace.yaml")
        status, told = eventually(lambda: triggered(port), "an answer of the web process")
        assert status == 202
        run = eventually(lambda: waits_in_a_step(instance), "the first step")
        assert run.run_id == told["run_id"]
        box.kill(web.pid)
        web.wait()
        box.start("market_assets.web.server", "workspace.yaml")
        status, told = eventually(lambda: triggered(port), "an answer of the next web process")
        assert (status, told["run_id"]) == (409, run.run_id), "it knows what the other has started"
        held.release()
        eventually(lambda: status_of(instance, run) == "SUCCESS", "the success of the run")
        assert instance.get_runs_count() == known + 1


def triggered(port: str) -> tuple[int, dict[str, str]] | None:
    """Sign in and trigger the refresh; None while nobody answers."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=300) as client:
        try:
            signed_in = client.post("/api/auth/login", json={"username": "ann", "password": PASSWORD.strip()})
        except httpx.TransportError:
            return None
        client.headers["Authorization"] = f"Bearer {signed_in.json()['access_token']}"
        answer = client.post(f"/api/admin/scheduler/jobs/{REFRESH}/trigger")
        return answer.status_code, answer.json()
