"""The files with tasks of the user's own: found, imported one by one, and what is wrong with them told.

Each file is a module of a package that stands for its folder, so that files of a folder can share code
(`from ._shared import …`) and `sys.path` stays as it is. Files whose name begins with `_` hold no tasks.
"""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import market_assets.custom
from market_assets.tasks import Place, Task, TaskError, collecting, scheduled_job

#: The package that stands for the folder MARKET_ASSETS_CUSTOM_DIR.
_OWN_PACKAGE = "market_assets_own_tasks"


@dataclass(frozen=True)
class TaskFiles:
    """What the files gave: tasks in the order of the files, and a line for each thing that is wrong."""

    tasks: list[Task] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def packaged_folder() -> Path:
    """The folder of tasks inside this package."""
    (folder,) = market_assets.custom.__path__
    return Path(folder)


def load_task_files(own_folder: Path | None, reserved: Collection[str] = ()) -> TaskFiles:
    """Import every file of tasks anew.

    Args:
        own_folder: the user's folder, beside the one inside this package.
        reserved: names that no task may have, since something else in the code location has them.
    """
    loaded = TaskFiles()
    packaged = packaged_folder()
    _load_folder(packaged, market_assets.custom.__name__, loaded)
    if own_folder is not None and own_folder.resolve() != packaged.resolve():
        _make_package(own_folder.resolve())
        _load_folder(own_folder.resolve(), _OWN_PACKAGE, loaded)
    return TaskFiles(*_usable(loaded, reserved))


def _usable(loaded: TaskFiles, reserved: Collection[str]) -> tuple[list[Task], list[str]]:
    """The tasks whose id is theirs alone, and all problems."""
    places: dict[str, Place] = {}
    tasks, problems = [], list(loaded.problems)
    for task in loaded.tasks:
        if task.id in reserved:
            problems.append(str(TaskError(task.place, task.id, "a job or an asset has that name already")))
        elif task.id in places:
            problems.append(str(TaskError(task.place, task.id, f"{places[task.id]} has that id already")))
        else:
            places[task.id] = task.place
            tasks.append(task)
    return tasks, problems


def _make_package(folder: Path) -> None:
    package = ModuleType(_OWN_PACKAGE, f"The tasks in {folder}.")
    package.__path__ = [str(folder)]
    sys.modules[_OWN_PACKAGE] = package


def _load_folder(folder: Path, package: str, loaded: TaskFiles) -> None:
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix == ".py" and path.name[0] not in "_.")
    except OSError as error:
        loaded.problems.append(f"{folder}: it can't be read: {error.strerror or error}")
        return
    _forget(f"{package}.")
    for file in files:
        with collecting() as declared:
            try:
                _import(file, f"{package}.{file.stem}")
            # A file may do anything when it is imported; sys.exit() is no reason to end this process.
            except (Exception, SystemExit) as error:
                loaded.problems.append(_worded(file, error))
                continue
        loaded.tasks.extend(task for task in declared if task.place.file == file)


def _import(file: Path, name: str) -> None:
    """Run a file as a module, with `scheduled_job` at hand even where it is not imported."""
    # What another file imported already is run again: only so are its tasks gathered.
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    module.__dict__[scheduled_job.__name__] = scheduled_job
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise


def _forget(prefix: str) -> None:
    for name in [name for name in sys.modules if name.startswith(prefix)]:
        del sys.modules[name]


def _worded(file: Path, error: BaseException) -> str:
    """What is wrong with a file that can't be imported, with the line of that file where it went wrong."""
    if isinstance(error, TaskError):
        return str(error)
    if isinstance(error, SystemExit):
        what = f"it calls sys.exit({'' if error.code is None else repr(error.code)}) when it is imported"
    else:
        what = " ".join(f"{type(error).__name__}: {error}".split())
    line = _line(file, error)
    return f"{file}{f', line {line}' if line else ''}: {what}"


def _line(file: Path, error: BaseException) -> int | None:
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return error.lineno
    frames: Sequence[traceback.FrameSummary] = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename == str(file)), None)
