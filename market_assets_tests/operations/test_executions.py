"""The cause of a failed run is one line, whatever it failed of."""

from __future__ import annotations

import dagster as dg
import pytest

from market_assets.operations.executions import cause_of_event
from market_assets.store.database import StoreUnavailableError


def cause_in_a_run(error: BaseException) -> str:
    """The cause of an error that ends a step of a real run."""

    @dg.op
    def failing_step() -> None:
        raise error

    @dg.job
    def failing() -> None:
        failing_step()

    with dg.DagsterInstance.ephemeral() as instance:
        result = failing.execute_in_process(raise_on_error=False, instance=instance)
        (failure,) = (event for event in result.all_events if event.is_step_failure)
        return cause_of_event(instance, result.run_id, failure)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (dg.Failure("nothing was landed:\n  run it first"), "nothing was landed: run it first"),
        (StoreUnavailableError("the database x failed: no route"), "the database x failed: no route"),
        (ValueError("two\nlines\tand tabs"), "two lines and tabs"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (KeyError("skill"), "'skill'"),
        (dg.Failure(), "Failure"),
    ],
)
def test_the_cause_is_one_line(error: BaseException, cause: str) -> None:
    assert cause_in_a_run(error) == f"failing_step failed: {cause}"


def test_the_worded_error_counts_and_not_what_it_came_from() -> None:
    worded = StoreUnavailableError("the database x failed: it does not answer")
    worded.__cause__ = ConnectionRefusedError(111, "Connection refused")
    assert cause_in_a_run(worded) == "failing_step failed: the database x failed: it does not answer"


@dg.job
def a_job() -> None: ...


def end_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    (entry,) = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    return cause_of_event(instance, run.run_id, entry.get_dagster_event())


def test_the_cause_of_a_run_whose_process_is_gone() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        reported = instance.create_run_for_job(a_job)
        instance.report_run_failed(reported, "the process 12 on box is gone\nmore of it")
        assert end_of(instance, reported) == "the process 12 on box is gone"

        noticed_by_the_code_server = instance.create_run_for_job(a_job)
        instance.report_engine_event("Started process for run", noticed_by_the_code_server)
        instance.report_engine_event("Run execution process was  terminated", noticed_by_the_code_server)
        instance.report_run_failed(noticed_by_the_code_server)
        instance.report_engine_event("Retrying the run", noticed_by_the_code_server)
        assert end_of(instance, noticed_by_the_code_server) == "Run execution process was terminated"

        without_message = instance.create_run_for_job(a_job)
        instance.report_run_failed(without_message)
        assert "marked as failed from outside" in end_of(instance, without_message)
