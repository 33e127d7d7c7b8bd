"""The user's own files in the code location: tasks as jobs, other definitions, and a sensor for problems."""

import asyncio
import contextlib
import inspect
import json
import logging
import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import dagster as dg

from market_assets.defs.jobs import job_options
from market_assets.defs.retries import retry_transient_errors
from market_assets.operations.custom_files import CustomFiles
from market_assets.operations.names import TASK_PROBLEMS, TASKS_SENSOR
from market_assets.tasks import Task

_LONGEST_TEXT = 5_000
_log = logging.getLogger(__name__)


def with_custom_definitions(ours: dg.Definitions, files: CustomFiles) -> dg.Definitions:
    """Our definitions with those of the user's files, and the sensor that fails while a file has a problem.

    A file whose definitions can't be loaded beside ours and those of the files before it is left out as a whole:
    it names an asset that exists already, for example, or needs a resource that nobody provides.
    """
    problems = list(files.problems)
    accepted = list(files.definitions.values())
    if accepted:
        ours = dg.Definitions.merge(ours, _tables_read(ours, accepted))
    if accepted and _reason_against(ours, *accepted):
        accepted = []
        for file, definitions in files.definitions.items():
            if reason := _reason_against(ours, *accepted, definitions):
                problems.append(f"{file}: {reason}")
            else:
                accepted.append(definitions)
    for problem in problems:
        _log_once(problem)
    return dg.Definitions.merge(ours, *accepted, dg.Definitions(sensors=problems_sensors(problems, files.tasks)))


@cache
def _log_once(problem: str) -> None:
    """Commands put the definitions together several times."""
    _log.warning("left out: %s", problem)


def _tables_read(ours: dg.Definitions, own: Sequence[dg.Definitions]) -> dg.Definitions:
    """The tables of the store that no asset makes by itself, such as `skills`, where an asset reads them."""
    assets = [each for part in own for each in part.assets or () if isinstance(each, dg.AssetsDefinition)]
    made = {key for asset in assets for key in asset.keys}.union(
        spec.key for spec in ours.resolve_all_asset_specs()
    )
    read = {key for asset in assets for key in asset.dependency_keys} - made
    if not read:
        return dg.Definitions()
    from market_assets.store.own_tables import declared_tables
    from market_assets.store.tables import administration

    tables = {dg.AssetKey(name) for name in declared_tables() if not hasattr(administration, name)}
    return dg.Definitions(
        assets=[
            dg.AssetSpec(key, group_name="store", kinds={"sql", "table"}, description="A table of the store.")
            for key in sorted(read & tables)
        ]
    )


def _reason_against(*parts: dg.Definitions) -> str | None:
    """Why definitions can't be loaded together, in one line; None where they can."""
    try:
        dg.Definitions.merge(*parts).get_repository_def()
    # Dagster raises errors of many kinds for wrong definitions.
    except Exception as error:
        return " ".join(f"{type(error).__name__}: {error}".split())
    return None


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
        minimum_interval_seconds=300,
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
