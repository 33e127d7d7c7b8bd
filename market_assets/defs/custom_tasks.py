"""The user's tasks as jobs and schedules, and a sensor that fails while one of the user's files can't be used."""

import asyncio
import contextlib
import inspect
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from market_assets.defs.jobs import job_options
from market_assets.defs.retries import retry_transient_errors
from market_assets.operations.names import TASK_PROBLEMS, TASKS_SENSOR
from market_assets.tasks import Task

_SENSOR_SECONDS = 300
_LONGEST_TEXT = 5_000


def task_job(task: Task) -> dg.JobDefinition:
    """The job of a task: one step, called as its function."""

    @dg.op(
        name=f"{task.id}__task",
        description=task.description,
        out=dg.Out(dg.Nothing),
        required_resource_keys={"store"},
        # One run at a time, however it was started; others wait in the queue.
        pool=task.id,
    )
    @retry_transient_errors
    def call_function(context: dg.OpExecutionContext) -> dg.Output[None]:
        return dg.Output(None, metadata=shown_values(_call(task, context)))

    # Unlike the names of definitions, those of steps may repeat; not every Python name is allowed.
    try:
        step = call_function.alias(task.function_name)
    except dg.DagsterInvalidDefinitionError:
        step = call_function.alias(task.id)

    @dg.job(
        name=task.id,
        description=f"{task.description}\n\nDeclared in {task.place}.",
        **job_options(task.function_name),
    )
    def job() -> None:
        step()

    return job


def shown_values(returned: object) -> dict[str, Any]:
    """What a task returned, as metadata: the values of a dict; nothing for anything else."""
    if not isinstance(returned, Mapping):
        return {}
    return {str(name): _shown(value) for name, value in returned.items() if str(name)}


def problems_sensors(problems: Sequence[str], tasks: Sequence[Task]) -> list[dg.SensorDefinition]:
    """The sensor that fails at every tick while a file has a problem, so that the UI and the alerts show it.

    None where there is neither a problem nor a task.
    """
    if not (problems or tasks):
        return []
    listed = "\n".join(problems)
    found = f"{len(tasks)} task{'' if len(tasks) == 1 else 's'} on the schedule"

    @dg.sensor(
        name=TASKS_SENSOR,
        minimum_interval_seconds=_SENSOR_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Something is wrong with your files:\n{listed}"
        if problems
        else f"Fails while a file of yours, of tasks or assets, can't be used. Now: {found}, no problem.",
        metadata={TASK_PROBLEMS: dg.MetadataValue.json(list(problems))},
    )
    def custom_tasks() -> dg.SkipReason:
        if problems:
            raise CustomFilesError(listed)
        return dg.SkipReason(found)

    return [custom_tasks]


class CustomFilesError(Exception):
    """A file of the user's can't be used; each line names the file, the place and the problem."""


def _call(task: Task, context: dg.OpExecutionContext) -> object:
    """What a task's function returned.

    Raises:
        dg.Failure: it returned `{"success": False, …}`, or called `sys.exit` with an error.
    """
    try:
        returned = task.function(context) if task.takes_context else task.function()
        if inspect.iscoroutine(returned):
            returned = asyncio.run(returned)
    except SystemExit as error:
        if error.code in (None, 0):
            return None
        raise dg.Failure(f"{task.function_name} called sys.exit({error.code!r})") from error
    if isinstance(returned, Mapping) and not returned.get("success", True):
        error_text = returned.get("error")
        raise dg.Failure(
            str(error_text or f"{task.function_name} returned success: {returned['success']!r}, and no error"),
            metadata=shown_values(returned),
        )
    return returned


def _shown(value: object) -> Any:
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, list | tuple | Mapping):
        with contextlib.suppress(TypeError, ValueError):
            value = json.dumps(value, default=str, allow_nan=False)
            if len(value) <= _LONGEST_TEXT:
                return dg.MetadataValue.json(json.loads(value))
    return str(value)[:_LONGEST_TEXT]
