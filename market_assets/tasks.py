"""Tasks of your own: `@scheduled_job` puts a function on the schedule.

A file in `market_assets/custom/` or in the folder `MARKET_ASSETS_CUSTOM_DIR`:

    from market_assets.tasks import scheduled_job

    @scheduled_job("my_custom_job", hours=1)      # or cron="0 6 * * 1-5", minutes=…, days=…
    def my_custom_ingestion(): ...

`defs.custom` makes a job and its schedule of each declared task.
"""

from __future__ import annotations

import inspect
import re
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import gcd
from pathlib import Path
from typing import Any, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Minutes.
_HOUR, _DAY, _WEEK = 60, 1_440, 10_080
_MINUTES = {"minutes": 1, "hours": _HOUR, "days": _DAY}
_LONGEST_MINUTES = 366 * _DAY
#: 1970-01-01 was a Thursday.
_FIRST_WEEKDAY = 4
#: An interval that divides a week, and not a day, takes one cron expression for each of its times in the week.
_MAX_TIMES_A_WEEK = 14
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")


class TaskError(Exception):
    """A task is declared wrongly; the message names the file, the line, the id and what is wrong."""

    def __init__(self, place: Place, task_id: object, problem: str) -> None:
        super().__init__(f"{place}: task {task_id!r}: {problem}")


@dataclass(frozen=True)
class Place:
    """A line of a file."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}"


@dataclass(frozen=True)
class Interval:
    """Every so many minutes, counted from 1970-01-01 00:00 UTC, so independent of when anything was started."""

    minutes: int

    @property
    def in_words(self) -> str:
        """The interval in words, in the largest unit: every 5 hours."""
        for unit, size in (("day", _DAY), ("hour", _HOUR), ("minute", 1)):
            number, rest = divmod(self.minutes, size)
            if not rest:
                return f"every {unit}" if number == 1 else f"every {number} {unit}s"
        raise AssertionError(self.minutes)

    @property
    def is_exact(self) -> bool:
        """Whether `crons` are exactly this interval: it divides a day, or a week into few parts."""
        return _DAY % self.minutes == 0 or self._divides_week

    @property
    def crons(self) -> list[str]:
        """Cron expressions, in UTC, that include every due time; where not `is_exact`, others too, but few."""
        if _DAY % self.minutes == 0:
            return _daily_crons(self.minutes)
        if self._divides_week:
            return [_weekly_cron(minute) for minute in range(0, _WEEK, self.minutes)]
        return _daily_crons(gcd(self.minutes, _DAY))

    def latest(self, time: datetime) -> datetime:
        """The last due time at or before a time."""
        return _EPOCH + (time - _EPOCH) // timedelta(minutes=self.minutes) * timedelta(minutes=self.minutes)

    def next(self, time: datetime) -> datetime:
        """The first due time after a time."""
        return self.latest(time) + timedelta(minutes=self.minutes)

    @property
    def _divides_week(self) -> bool:
        return _WEEK % self.minutes == 0 and _WEEK // self.minutes <= _MAX_TIMES_A_WEEK


@dataclass(frozen=True)
class Task:
    """A declared task.

    Attributes:
        id: the name of its job.
        function: what it calls.
        takes_context: whether the function takes Dagster's context.
        when: an interval or a cron expression, in UTC.
        description: the text that the UI shows.
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
    """Collect the tasks that are declared in the block; outside of one, a declaration is only checked."""
    tasks: list[Task] = []
    token = _collected.set(tasks)
    try:
        yield tasks
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
    """Put a function on the schedule; the function itself is returned unchanged.

    The function takes no argument, or one: Dagster's `OpExecutionContext`. It may be `async`. An exception, or a
    returned `{"success": False, "error": …}`, fails the run. Any other dict that it returns is shown with the run.

    Args:
        id: the name of the job, in the UI and in the REST API: letters, digits and underscores.
        minutes: run every so many minutes, counted from 1970-01-01 00:00 UTC; so are hours and days.
        hours: run every so many hours.
        days: run every so many days.
        cron: run at the times of a cron expression of five fields, in UTC.
        description: the text that the UI shows for the job; by default the function's docstring.

    Raises:
        TaskError: the arguments or the function are invalid.
    """
    frame = sys._getframe(1)
    place = Place(Path(frame.f_code.co_filename), frame.f_lineno)
    _check_id(id, place)
    when = _when({"minutes": minutes, "hours": hours, "days": days}, cron, place, id)

    def declare(function: _Function) -> _Function:
        takes_context = _takes_context(function, place, id)
        text = description or inspect.getdoc(function) or f"Calls {function.__name__} of {place.file.name}."
        tasks = _collected.get()
        if tasks is not None:
            tasks.append(Task(id, function, takes_context, when, text, place))
        return function

    return declare


def reason_against_id(id: object) -> str | None:
    """Why something can't be the id of a task; None where it can."""
    import dagster as dg

    if not isinstance(id, str) or not _ID.fullmatch(id):
        return "an id is a letter, then letters, digits and underscores, at most 100"
    try:
        dg.GraphDefinition(name=id)
    except dg.DagsterInvalidDefinitionError:
        return "Dagster keeps this name for itself"
    return None


def _check_id(id: object, place: Place) -> None:
    if callable(id):
        name = getattr(id, "__name__", "")
        raise TaskError(place, name, 'it has no id: write @scheduled_job("its_id", hours=1)')
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
    import dagster as dg

    invalid = TaskError(place, id, f"cron={cron!r} is not a cron expression such as '0 6 * * 1-5'")
    if not isinstance(cron, str):
        raise invalid
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "Found a cron schedule with an interval greater", UserWarning)
            dg.ScheduleDefinition(name="any", job_name="any", cron_schedule=cron)
    except dg.DagsterInvalidDefinitionError:
        raise invalid from None
    except UserWarning:
        raise TaskError(place, id, f"cron={cron!r} steps beyond its field: use minutes, hours or days") from None
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


def _daily_crons(step: int) -> list[str]:
    """Every `step` minutes, where that divides a day."""
    if _HOUR % step == 0:
        return ["* * * * *" if step == 1 else "0 * * * *" if step == _HOUR else f"*/{step} * * * *"]
    hours_by_minute: dict[int, list[int]] = defaultdict(list)
    for minute in range(0, _DAY, step):
        hours_by_minute[minute % _HOUR].append(minute // _HOUR)
    return [f"{minute} {','.join(map(str, hours))} * * *" for minute, hours in sorted(hours_by_minute.items())]


def _weekly_cron(minute: int) -> str:
    """A time of the week, in minutes since 00:00 on the epoch's weekday."""
    day, rest = divmod(minute, _DAY)
    return f"{rest % _HOUR} {rest // _HOUR} * * {(day + _FIRST_WEEKDAY) % 7}"
