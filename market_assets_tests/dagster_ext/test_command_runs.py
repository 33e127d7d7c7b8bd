"""Runs of commands, by the queries with which Dagster's UI draws its timeline and the bars of jobs."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster_graphql.schema import create_schema

from market_assets.dagster_ext.command_runs import execute_job

SHOWN = """
query {
  runsOrError { ... on Runs { results {
    pipelineName status tags { key value } repositoryOrigin { repositoryName repositoryLocationName }
  } } }
  repositoryOrError(repositorySelector: {
    repositoryLocationName: "market_assets", repositoryName: "__repository__"
  }) { ... on Repository { pipelines { name runs(limit: 5) { status } } } }
}
"""


@dg.op(config_schema={"fails": bool})
def work(context: dg.OpExecutionContext) -> None:
    if "interrupted" in context.run.tags:
        os.kill(os.getpid(), signal.SIGINT)
    if context.op_config["fails"]:
        raise ValueError("it was asked to")


@dg.job(tags={"of": "the job", "kept": "yes"})
def working() -> None:
    work()


DEFS = dg.Definitions(jobs=[working], executor=dg.in_process_executor)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[WorkspaceProcessContext]:
    loadable = LoadableTargetOrigin(executable_path=sys.executable, python_file=__file__, attribute="DEFS")
    target = InProcessWorkspaceLoadTarget(InProcessCodeLocationOrigin(loadable, location_name="market_assets"))
    with (
        dg.DagsterInstance.local_temp(str(tmp_path)) as instance,
        WorkspaceProcessContext(instance, target, version=dg.__version__) as context,
    ):
        yield context


def shown(workspace: WorkspaceProcessContext) -> dict[str, Any]:
    with workspace.create_request_context() as request:
        answer = asyncio.run(create_schema().execute_async(SHOWN, context_value=request))
    assert answer.errors is None, answer.errors
    return dict(answer.data)


def test_the_run_of_a_command_is_shown_as_one_of_the_code_location(workspace: WorkspaceProcessContext) -> None:
    for fails in (False, True):
        result = execute_job(
            workspace.instance,
            DEFS.resolve_job_def("working"),
            tags={"of": "the run"},
            run_config={"ops": {"work": {"config": {"fails": fails}}}},
        )
        assert result.success is not fails
    answers = shown(workspace)
    statuses = ["FAILURE", "SUCCESS"]
    runs = answers["runsOrError"]["results"]
    assert [run["status"] for run in runs] == statuses
    for run in runs:
        assert run["pipelineName"] == "working"
        assert run["repositoryOrigin"] == {
            "repositoryName": "__repository__",
            "repositoryLocationName": "market_assets",
        }
        tags = {tag["key"]: tag["value"] for tag in run["tags"]}
        assert (tags["of"], tags["kept"]) == ("the run", "yes")
    (job,) = (each for each in answers["repositoryOrError"]["pipelines"] if each["name"] == "working")
    assert [run["status"] for run in job["runs"]] == statuses


def test_ctrl_c_cancels_the_run(workspace: WorkspaceProcessContext) -> None:
    job = DEFS.resolve_job_def("working")
    config = {"ops": {"work": {"config": {"fails": False}}}}
    with pytest.raises(KeyboardInterrupt):
        execute_job(workspace.instance, job, tags={"interrupted": "yes"}, run_config=config)
    (run,) = workspace.instance.get_runs()
    assert run.status is dg.DagsterRunStatus.CANCELED
    assert execute_job(workspace.instance, job, tags={}, run_config=config).success
