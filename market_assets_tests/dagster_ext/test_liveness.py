"""How the process of a run is seen to be alive, and what must not be mistaken for it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import DagsterEvent
from dagster._core.launcher import WorkerStatus

from market_assets.dagster_ext import liveness
from market_assets.dagster_ext.command_runs import execute_job
from market_assets.dagster_ext.instance import LocalLauncher
from market_assets.dagster_ext.liveness import PROCESS_TAG, hold_lock, why_dead, with_liveness
from market_assets_tests.store.programs import program

SHOWING = """
import sys
import dagster as dg
from market_assets.dagster_ext.liveness import hold_lock
with dg.DagsterInstance.local_temp(sys.argv[1]) as instance:
    print(hold_lock(instance, sys.argv[2])[".dagster/market_assets_process"])
    input()
"""


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


@dg.op
def nothing() -> None:
    if "breaks" in dg.OpExecutionContext.get().run.tags:
        raise ValueError("it was asked to")


reported: list[str] = []


def report(_instance: dg.DagsterInstance, run: dg.DagsterRun, failure: dg.DagsterEvent) -> None:
    reported.append(f"{run.run_id} {failure.step_key}")


@dg.job(executor_def=with_liveness(dg.in_process_executor, {"dagster/max_retries": "0"}, report))
def a_job() -> None:
    nothing()


def begun(instance: dg.DagsterInstance, **tags: str) -> dg.DagsterRun:
    """A run that has begun and has not come to its first step."""
    run = instance.create_run_for_job(a_job, tags=tags)
    event = DagsterEvent("PIPELINE_START", job_name=run.job_name, message="begun")
    instance.report_dagster_event(event, run.run_id)
    return again(instance, run)


def again(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRun:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found


def test_a_process_is_alive_until_it_is_killed_however_long_it_is_stopped(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    run = begun(instance)
    with program(SHOWING, str(tmp_path), run.run_id) as other:
        tag = other.expect(run.run_id)
        assert tag.startswith(f"{other.pid} on ")
        instance.add_run_tags(run.run_id, {PROCESS_TAG: tag})
        run = again(instance, run)
        assert why_dead(instance, run) is None
        os.kill(other.pid, signal.SIGSTOP)
        assert why_dead(instance, run) is None
        other.kill()
        reason = why_dead(instance, run)
        assert reason is not None
        assert f"the process {other.pid} on {tag.split()[2].rstrip(':')} that ran it is gone" in reason


def test_another_process_of_the_same_pid_does_not_count(instance: dg.DagsterInstance) -> None:
    run = begun(instance)
    file = Path(instance.root_directory) / "running" / run.run_id
    file.parent.mkdir()
    file.touch()
    instance.add_run_tags(run.run_id, {PROCESS_TAG: f"{os.getpid()} on here: {file}"})
    assert why_dead(instance, again(instance, run)) is not None


def test_what_another_machine_runs_is_left_alone(instance: dg.DagsterInstance) -> None:
    run = begun(instance)
    instance.add_run_tags(run.run_id, {PROCESS_TAG: f"1 on elsewhere: /no/such/folder/{run.run_id}"})
    assert why_dead(instance, again(instance, run)) is None


def test_a_retry_is_not_judged_by_the_run_that_it_retries(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = Path(instance.root_directory) / "running" / "the-run-before"
    dead.parent.mkdir()
    dead.touch()
    run = begun(instance, **{PROCESS_TAG: f"1 on here: {dead}"})
    assert why_dead(instance, run) is None
    monkeypatch.setattr(liveness, "SILENT_SECONDS", 0.0)
    assert why_dead(instance, run) is not None


def test_a_run_without_events_after_its_start_is_dead_and_one_that_goes_on_is_not(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(instance)
    assert why_dead(instance, run) is None, "it has only just begun"
    monkeypatch.setattr(liveness, "SILENT_SECONDS", 0.0)
    reason = why_dead(instance, run)
    assert reason is not None
    assert "before the first step" in reason
    instance.report_engine_event("a step is being started elsewhere", run)
    assert why_dead(instance, run) is None


def test_a_run_is_marked_by_the_process_that_executes_it(instance: dg.DagsterInstance) -> None:
    assert a_job.executor_def.name == "in_process"
    result = dg.execute_job(dg.reconstructable(the_job), instance=instance, tags={"dagster/max_retries": "1"})
    assert result.success
    tags = again(instance, result.dagster_run).tags
    assert tags[PROCESS_TAG].startswith(f"{os.getpid()} on ")
    assert tags["dagster/max_retries"] == "0", "nothing launched it that could launch it again"


def test_a_failed_step_is_reported_where_a_command_runs_it(instance: dg.DagsterInstance) -> None:
    reported.clear()
    with dg.execute_job(dg.reconstructable(the_job), instance=instance) as whole:
        assert whole.success
    assert reported == []
    with dg.execute_job(dg.reconstructable(the_job), instance=instance, tags={"breaks": "yes"}) as broken:
        assert not broken.success
    assert reported == [f"{broken.run_id} nothing"]
    # Whoever looks at the runs of the code location sees this one there.
    shown = execute_job(instance, a_job, tags={"breaks": "yes"}, run_config={})
    assert not shown.success
    assert reported == [f"{broken.run_id} nothing"]


def the_job() -> dg.JobDefinition:
    return a_job


def test_files_of_ended_runs_are_removed(instance: dg.DagsterInstance) -> None:
    ended, going_on = begun(instance), begun(instance)
    folder = Path(instance.root_directory).resolve() / "running"
    for run in (ended, going_on):
        hold_lock(instance, run.run_id)
    assert len(list(folder.iterdir())) == 2
    instance.report_run_failed(ended)
    last = begun(instance)
    hold_lock(instance, last.run_id)
    assert {file.name for file in folder.iterdir()} == {going_on.run_id, last.run_id}


def test_an_ephemeral_instance_has_no_locks() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert hold_lock(instance, "a-run") == {}


def test_a_folder_that_cant_be_written_stops_no_run(instance: dg.DagsterInstance) -> None:
    (Path(instance.root_directory) / "running").write_text("a file where the folder should be")
    assert hold_lock(instance, "a-run") == {}


def test_the_launcher_reports_a_dead_run(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = LocalLauncher()
    launcher.register_instance(instance)
    assert launcher.supports_check_run_worker_health
    run = begun(instance)
    assert launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
    monkeypatch.setattr(liveness, "SILENT_SECONDS", 0.0)
    result = launcher.check_run_worker_health(run)
    assert result.status is WorkerStatus.FAILED
    assert "before the first step" in str(result)
