"""Tasks of your own: `@scheduled_job` puts a function on the schedule.

A file in `market_assets/custom/` or in the folder `MARKET_ASSETS_CUSTOM_DIR`:

    from market_assets.tasks import scheduled_job

    @scheduled_job("my_custom_job", hours=1)      # or cron="0 6 * * 1-5", minutes=…, days=…
    def my_custom_ingestion(): ...

What is declared here becomes a job and its schedule in `defs.custom_tasks`.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from market_assets.operations.intervals import Interval

_Function = TypeVar("_Function", bound=Callable[..., Any])
_MINUTES = {"minutes": 1, "hours": 60, "days": 1_440}
_LONGEST_MINUTES = 366 * 1_440
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")


class TaskError(Exception):
    """A task is declared wrongly; the message names the file, the line, the id and what is wrong."""

    def __init__(self, place: Place, task_id: object, problem: str) -> None:
        super().__init__(f"{place}: task {task_id!r}: {problem}")
        self.place = place


@dataclass(frozen=True)
class Place:
    """A line of a file."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}"


@dataclass(frozen=True)
class Task:
    """A declared task.

    Attributes:
        id: the name of its job.
        function: what it calls.
        takes_context: whether the function wants Dagster's context.
        when: an interval or a cron expression, in UTC.
        description: what the UI says about it.
        place: where it is declared.
    """

    id: str
    function: Callable[..., Any]
    takes_context: bool
    when: Interval | str
    description: str
    place: Place

    @property
    def function_name(self) -> str:
        return self.function.__name__


_collected: ContextVar[list[Task] | None] = ContextVar("collected_tasks", default=None)


@contextmanager
def collecting() -> Iterator[list[Task]]:
    """Gather the tasks that are declared meanwhile; elsewhere a declaration is checked and nothing more."""
    gathered: list[Task] = []
    token = _collected.set(gathered)
    try:
        yield gathered
    finally:
        _collected.reset(token)


def scheduled_job(
    id: str,
    *,
    minutes: int | None = None,
    hours: int | None = None,
    days: int | None = None,
    cron: str | None = None,
    description: str | None = None,
) -> Callable[[_Function], _Function]:
    """Put a function on the schedule; the function itself stays as it is.

    The function takes no argument, or one: Dagster's `OpExecutionContext`. It may be `async`. An exception, or a
    returned `{"success": False, "error": …}`, fails the run. Any other dict that it returns is shown with the run.

    Args:
        id: the name of the job, in the UI and in the REST API: letters, digits and underscores.
        minutes: run every so many minutes, counted from 1970-01-01 00:00 UTC; so are hours and days.
        hours: run every so many hours.
        days: run every so many days.
        cron: run at the times of a cron expression of five fields, in UTC.
        description: what the UI says about the job; by default the function's docstring.

    Raises:
        TaskError: the arguments, or the function, won't do.
    """
    frame = sys._getframe(1)
    place = Place(Path(frame.f_code.co_filename), frame.f_lineno)
    _check_id(id, place)
    when = _when({"minutes": minutes, "hours": hours, "days": days}, cron, place, id)

    def declare(function: _Function) -> _Function:
        takes_context = _takes_context(function, place, id)
        said = description or inspect.getdoc(function) or f"Calls {function.__name__} of {place.file.name}."
        tasks = _collected.get()
        if tasks is not None:
            tasks.append(Task(id, function, takes_context, when, said, place))
        return function

    return declare


def reason_against_id(id: object) -> str | None:
    """Why something can't be the id of a task; None where it can."""
    from dagster._core.definitions.utils import DISALLOWED_NAMES

    if not isinstance(id, str) or not _ID.fullmatch(id):
        return "an id is a letter, then letters, digits and underscores, at most 100"
    return "Dagster keeps this name for itself" if id in DISALLOWED_NAMES else None


def _check_id(id: object, place: Place) -> None:
    if callable(id):
        raise TaskError(place, getattr(id, "__name__", ""), 'it has no id: say @scheduled_job("its_id", hours=1)')
    if reason := reason_against_id(id):
        raise TaskError(place, id, reason)


def _when(intervals: dict[str, int | None], cron: str | None, place: Place, id: str) -> Interval | str:
    stated = {unit: number for unit, number in intervals.items() if number is not None}
    if len(stated) + (cron is not None) != 1:
        found = ", ".join([*stated, *(["cron"] if cron is not None else [])]) or "none"
        raise TaskError(place, id, f"it needs exactly one of minutes, hours, days and cron, and has {found}")
    if cron is not None:
        return _cron(cron, place, id)
    ((unit, number),) = stated.items()
    most = _LONGEST_MINUTES // _MINUTES[unit]
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= most:
        raise TaskError(place, id, f"{unit} must be a whole number from 1 to {most:,}, not {number!r}")
    return Interval(number * _MINUTES[unit])


def _cron(cron: object, place: Place, id: str) -> str:
    from dagster._utils.schedules import has_out_of_range_cron_interval, is_valid_cron_string

    if not isinstance(cron, str) or not is_valid_cron_string(cron):
        raise TaskError(place, id, f"cron={cron!r} is not a cron expression such as '0 6 * * 1-5'")
    if has_out_of_range_cron_interval(cron):
        raise TaskError(place, id, f"cron={cron!r} steps beyond its field: use minutes, hours or days")
    return cron


def _takes_context(function: Callable[..., Any], place: Place, id: str) -> bool:
    if not inspect.isroutine(function):
        raise TaskError(place, id, f"it is put on a {type(function).__name__}, and not on a function")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TaskError(place, id, f"{function.__name__} yields: a task returns")
    needed = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if len(needed) > 1 or any(parameter.kind is parameter.KEYWORD_ONLY for parameter in needed):
        names = ", ".join(parameter.name for parameter in needed)
        raise TaskError(place, id, f"{function.__name__} may take Dagster's context alone, and takes {names}")
    return bool(needed)
