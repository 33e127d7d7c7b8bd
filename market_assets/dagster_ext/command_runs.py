"""Runs that a command executes in its own process, and that Dagster's UI shows among those of the code location.

`JobDefinition.execute_in_process` records no code location with a run, and the UI then shows the run neither in
its timeline nor as the last one of its job. `market_assets_tests/dagster_ext/test_command_runs.py` asks for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._utils.interrupts import capture_interrupts

#: As `workspace.yaml` names it, and as Dagster names the repository of a `dg.Definitions`.
_LOCATION = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("market_assets"), "__repository__")


def execute_job(
    instance: dg.DagsterInstance, job: dg.JobDefinition, *, tags: Mapping[str, str], run_config: Mapping[str, Any]
) -> dg.JobExecutionResult:
    """Execute a job in this process; a failure is in the result.

    Args:
        instance: where the run is recorded.
        job: one whose executor works in one process.
        tags: of the run, besides those of the job.
        run_config: of the run.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; the run is canceled.
    """
    # Ctrl-C is noticed where our own code runs, so that the end of the run is recorded.
    with capture_interrupts():
        run = instance.create_run_for_job(
            job,
            run_config=run_config,
            tags={**job.run_tags, **tags},
            remote_job_origin=RemoteJobOrigin(_LOCATION, job.name),
        )
        try:
            result = execute_run(InMemoryJob(job), run, instance)
            interrupted = any(map(is_interruption, result.all_events))
        except dg.DagsterExecutionInterruptedError:
            interrupted = True
        if interrupted:
            instance.report_run_canceled(run, "It was interrupted in the terminal.")
            raise KeyboardInterrupt
    return result


def is_interruption(failure: dg.DagsterEvent) -> bool:
    """Whether a step or a run failed because someone ended it."""
    if failure.is_step_failure:
        error = failure.step_failure_data.error
    elif failure.event_type is dg.DagsterEventType.RUN_FAILURE:
        error = failure.job_failure_data.error
    else:
        return False
    return error is not None and error.cls_name == dg.DagsterExecutionInterruptedError.__name__
