"""Batches that are computed in processes of their own."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from market_assets.parallel import Processes

#: Prints the processes that computed, and waits to be killed.
PROGRAM = """
import os, signal
from market_assets.parallel import Processes
from market_assets_tests.test_parallel import computed_in

each = Processes(computed_in, 2).results(iter(int, 1))
print(*{next(each) for _ in range(8)} - {os.getpid()}, flush=True)
signal.pause()
"""


def computed_in(_batch: object) -> int:
    return os.getpid()


def reciprocal(number: int) -> float:
    return 1 / number


def killed_by_two(number: int) -> int:
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("first", [1, 3, 4, 8])
@pytest.mark.parametrize("most", [1, 2, 3])
def test_results_are_those_of_a_loop_in_its_order(first: int, most: int) -> None:
    with Processes(reciprocal, most) as processes:
        for batches in (first, *range(9)):
            numbers = range(1, batches + 1)
            assert list(processes.results(numbers)) == [reciprocal(number) for number in numbers]


def test_few_batches_start_no_process_and_later_ones_use_those_that_are_there() -> None:
    with Processes(computed_in, 2) as processes:
        assert set(processes.results(range(2))) == {os.getpid()}
        assert os.getpid() not in set(processes.results([3]))
        first = set(processes.results(range(9)))
        assert len(first) == 2
        assert set(processes.results(range(9))) == first
    assert os.getpid() not in first


def test_of_much_work_nothing_is_done_here() -> None:
    with Processes(computed_in, 2) as processes:
        assert os.getpid() not in set(processes.results(range(3)))


def test_a_process_is_used_again_though_nobody_asks_for_what_follows_its_result() -> None:
    with Processes(computed_in, 2, little=0) as processes:
        assert len({next(processes.results([batch])) for batch in range(3)}) == 1


def test_errors_are_those_of_the_function() -> None:
    with Processes(reciprocal, 2) as processes, pytest.raises(ZeroDivisionError):
        list(processes.results([1, 2, 3, 0]))


def test_a_killed_process_is_a_passing_error() -> None:
    with Processes(killed_by_two, 2) as processes, pytest.raises(ConnectionError, match="was killed"):
        list(processes.results([0, 1, 2, 3, 4, 5]))


def test_results_that_nobody_takes_go_to_no_later_batch() -> None:
    with Processes(reciprocal, 2) as processes:
        results = processes.results([1, 2, 4, 8, 16, 32])
        assert [next(results) for _ in range(3)] == [1, 1 / 2, 1 / 4]
        assert list(processes.results([5, 10, 20])) == [1 / 5, 1 / 10, 1 / 20]


def test_processes_end_with_the_one_that_started_them() -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        processes = [int(process) for process in program.stdout.readline().split()]
        program.kill()
    assert len(processes) == 2
    for process in processes:
        wait_until_gone(process)


def wait_until_gone(process: int) -> None:
    """Wait for the end of a process that is no child of this one."""
    with contextlib.suppress(ProcessLookupError):
        waiting = os.pidfd_open(process)
        try:
            poll = select.poll()
            poll.register(waiting)
            assert poll.poll(60_000), f"{process} still runs, from {Path(f'/proc/{process}/cmdline').read_text()}"
        finally:
            os.close(waiting)
