"""The user's own tasks as jobs and schedules, and a sensor that is red while one of their files can't be used."""

import asyncio
import inspect
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.utils import is_valid_name

from market_assets.defs.retries import retry_transient_errors, run_retry_tags
from market_assets.defs.schedules import guarded_schedule
from market_assets.operations.failure_cause import say_why_it_failed
from market_assets.settings import Settings
from market_assets.tasks import Task

#: The sensor that fails while a file of tasks has a problem.
SENSOR = "custom_tasks"
#: Where its definition keeps the problems, for whoever can't import the files.
PROBLEMS_METADATA = "problems"
_SENSOR_SECONDS = 300
_LONGEST_TEXT = 5_000


def task_job(task: Task) -> dg.JobDefinition:
    """The job of a task: one step, called as its function."""

    @dg.op(
        name=f"{task.id}__task",
        description=task.description,
        out=dg.Out(dg.Nothing),
        required_resource_keys={"store"},
        # One run at a time, however it was started: a further one waits in the queue.
        pool=task.id,
    )
    @retry_transient_errors
    def call_function(context: dg.OpExecutionContext) -> dg.Output[None]:
        return dg.Output(None, metadata=shown_values(_call(task, context)))

    # The name of a definition must be its alone in a code location, that of a step in a job need not.
    step = task.function_name if is_valid_name(task.function_name) else task.id

    @dg.job(
        name=task.id,
        description=f"{task.description}\n\nDeclared in {task.place}.",
        hooks={say_why_it_failed},
        tags=run_retry_tags(),
    )
    def job() -> None:
        call_function.alias(step)()

    return job


def task_schedule(task: Task, settings: Settings) -> dg.ScheduleDefinition:
    """The schedule of a task's job."""
    return guarded_schedule(settings, task.id, task.when)


def shown_values(returned: object) -> dict[str, Any]:
    """What a task returned, as metadata: the values of a dict; nothing for anything else."""
    if not isinstance(returned, Mapping):
        return {}
    return {str(name): _shown(value) for name, value in returned.items() if str(name)}


def problems_sensor(problems: Sequence[str], tasks: Sequence[Task]) -> dg.SensorDefinition:
    """Fails at every tick while something is wrong with the files, so that the UI and the alerts show it."""
    told = "\n".join(problems)
    found = f"{len(tasks)} task{'' if len(tasks) == 1 else 's'} on the schedule"

    @dg.sensor(
        name=SENSOR,
        minimum_interval_seconds=_SENSOR_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Something is wrong with your tasks:\n{told}"
        if problems
        else f"Fails while a file of your tasks can't be used. Now: {found}, no problem.",
        metadata={PROBLEMS_METADATA: dg.MetadataValue.json(list(problems))},
    )
    def custom_tasks() -> dg.SkipReason:
        if problems:
            raise TaskFilesError(told)
        return dg.SkipReason(found)

    return custom_tasks


class TaskFilesError(Exception):
    """Some file of tasks can't be used; each line says which, where, and what is wrong."""


def _call(task: Task, context: dg.OpExecutionContext) -> object:
    """What a task's function returned; what it says of a failure is raised."""
    try:
        returned = task.function(context) if task.takes_context else task.function()
        if inspect.iscoroutine(returned):
            returned = asyncio.run(returned)
    except SystemExit as error:
        if error.code in (None, 0):
            return None
        raise dg.Failure(f"{task.function_name} called sys.exit({error.code!r})") from error
    if isinstance(returned, Mapping) and not returned.get("success", True):
        said = returned.get("error")
        raise dg.Failure(
            str(said or f"{task.function_name} returned success: {returned['success']!r}, and no error"),
            metadata=shown_values(returned),
        )
    return returned


def _shown(value: object) -> Any:
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, list | tuple | Mapping):
        try:
            text = json.dumps(value, default=str, allow_nan=False)
        except (TypeError, ValueError):
            text = str(value)
        else:
            if len(text) <= _LONGEST_TEXT:
                return dg.MetadataValue.json(json.loads(text))
        value = text
    return str(value)[:_LONGEST_TEXT]
