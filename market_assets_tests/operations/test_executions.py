"""The cause of a failed run is one line, whatever it failed of."""

from __future__ import annotations

import dagster as dg
import pytest

from market_assets.operations.executions import cause_of, cause_of_event
from market_assets.store.database import StoreUnavailableError


def cause_in_a_run(error: BaseException) -> str:
    """The cause of an error that ends a step of a real run."""
    causes: list[str] = []

    @dg.failure_hook
    def note(context: dg.HookContext) -> None:
        causes.append(cause_of(context.op_exception))

    @dg.op
    def failing_step() -> None:
        raise error

    @dg.job(hooks={note})
    def failing() -> None:
        failing_step()

    assert not failing.execute_in_process(raise_on_error=False).success
    (cause,) = causes
    return cause


def test_the_cause_of_a_failure_is_its_description() -> None:
    assert cause_of(dg.Failure("nothing was landed:\n  run it first")) == "nothing was landed: run it first"


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (StoreUnavailableError("the database x failed: no route"), "the database x failed: no route"),
        (ValueError("two\nlines\tand tabs"), "two lines and tabs"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (KeyError("skill"), "'skill'"),
        (dg.Failure(), "Failure"),
    ],
)
def test_the_cause_is_one_line_inside_and_outside_of_a_run(error: BaseException, cause: str) -> None:
    assert cause_of(error) == cause
    assert cause_in_a_run(error) == cause


def test_the_worded_error_counts_and_not_what_it_came_from() -> None:
    worded = StoreUnavailableError("the database x failed: it does not answer")
    worded.__cause__ = ConnectionRefusedError(111, "Connection refused")
    assert cause_in_a_run(worded) == "the database x failed: it does not answer"


def test_without_an_error_the_cause_is_unknown() -> None:
    assert cause_of(None) == "unknown cause"


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
