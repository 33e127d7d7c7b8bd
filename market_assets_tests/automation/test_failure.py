"""What a failed run says last: one line with the cause, whatever it failed of."""

from __future__ import annotations

import dagster as dg
import pytest

from market_assets.automation.failure import cause_of
from market_assets.storage.database import StoreUnavailableError


def cause_in_a_run(error: BaseException) -> str:
    """What is said of an error that ends a step of a real run."""
    said: list[str] = []

    @dg.failure_hook
    def say(context: dg.HookContext) -> None:
        said.append(cause_of(context.op_exception))

    @dg.op
    def failing_step() -> None:
        raise error

    @dg.job(hooks={say})
    def failing() -> None:
        failing_step()

    assert not failing.execute_in_process(raise_on_error=False).success
    (cause,) = said
    return cause


def test_a_failure_says_its_description() -> None:
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


def test_even_without_an_error_something_is_said() -> None:
    assert cause_of(None) == "unknown cause"
