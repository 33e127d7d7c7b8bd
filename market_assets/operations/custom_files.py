"""The user's own files, with tasks and Dagster's definitions: each is imported, and their problems are collected.

Each file is a module of a package for its folder, so that files of a folder can share code
(`from ._shared import …`) without a change of `sys.path`. Files whose name begins with `_` are for that alone.
A folder inside with a `defs.yaml` is loaded as Dagster loads a component.
"""

from __future__ import annotations

import importlib.util
import sys
import traceback
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg

from market_assets.tasks import Place, Task, TaskError, collecting, scheduled_job

#: The package of such files inside this one, and the package for the folder MARKET_ASSETS_CUSTOM_DIR.
_PACKAGED = "market_assets.custom"
_CUSTOM_DIR = "market_assets_custom_dir"
_PYDANTICS_LINK = "For further information visit"


@dataclass(frozen=True)
class CustomFiles:
    """Tasks in the order of the files, other definitions by their file, and a line for each problem."""

    tasks: list[Task] = field(default_factory=list)
    definitions: dict[Path, dg.Definitions] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def packaged_folder() -> Path:
    """The folder for such files inside this package."""
    (folder,) = importlib.import_module(_PACKAGED).__path__
    return Path(folder)


def load_custom_files(custom_dir: Path | None, reserved: Collection[str] = ()) -> CustomFiles:
    """Import every file, again where it was imported before.

    Args:
        custom_dir: the user's folder, beside the one inside this package.
        reserved: ids that no task may have, because a job or an asset has that name.
    """
    loaded = CustomFiles()
    packaged = packaged_folder()
    _load_folder(packaged, _PACKAGED, loaded)
    if custom_dir is not None and custom_dir.resolve() != packaged.resolve():
        _make_package(_CUSTOM_DIR, custom_dir.resolve())
        _load_folder(custom_dir.resolve(), _CUSTOM_DIR, loaded)
    tasks, problems = _usable(loaded, reserved)
    return CustomFiles(tasks, loaded.definitions, problems)


def _usable(loaded: CustomFiles, reserved: Collection[str]) -> tuple[list[Task], list[str]]:
    """The tasks with a unique id, and all problems."""
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


def _make_package(name: str, folder: Path) -> ModuleType:
    package = ModuleType(name, f"The files in {folder}.")
    package.__path__ = [str(folder)]
    package.__file__ = None
    sys.modules[name] = package
    return package


def _load_folder(folder: Path, package: str, loaded: CustomFiles) -> None:
    try:
        paths = sorted(path for path in folder.iterdir() if path.name[0] not in "_.")
    except OSError as error:
        loaded.problems.append(f"{folder}: it can't be read: {error.strerror or error}")
        return
    _unload(f"{package}.")
    seen: set[int] = set()
    for file in [path for path in paths if path.suffix == ".py"]:
        with collecting() as declared:
            try:
                module = _import(file, f"{package}.{file.stem}")
                own = _own_names(module, package, seen)
                definitions = _definitions_in(module.__name__, own)
            # A file may do anything when it is imported; sys.exit() must not end this process.
            except (Exception, SystemExit) as error:
                loaded.problems.append(_problem(file, error))
                continue
        loaded.tasks.extend(task for task in declared if task.place.file == file)
        seen.update(map(id, own.values()))
        if definitions is not None:
            loaded.definitions[file] = definitions
    for part in [path for path in paths if path.is_dir() and any(path.rglob("defs.yaml"))]:
        try:
            tree = dg.ComponentTree.from_module(_make_package(f"{package}.{part.name}", part), part)
            loaded.definitions[part] = tree.build_defs(part)
        # A component may do anything when it is loaded.
        except (Exception, SystemExit) as error:
            loaded.problems.append(_problem(part, error.__cause__ or error))


def _own_names(module: ModuleType, package: str, seen: Collection[int]) -> dict[str, Any]:
    """What a file defines: without what it has imported from another file that is loaded by itself."""
    others = [
        vars(each)
        for name, each in sys.modules.items()
        if name.startswith(f"{package}.") and name != module.__name__ and not name.startswith(f"{package}._")
    ]
    elsewhere = {id(value) for names in others for value in names.values()}.union(seen)
    return {name: value for name, value in vars(module).items() if id(value) not in elsewhere}


def _definitions_in(name: str, names: Mapping[str, Any]) -> dg.Definitions | None:
    """Everything of Dagster's under some names: definitions, lists of them, `dg.Definitions`; None without any."""
    own = ModuleType(name)
    own.__dict__.update(names)
    with warnings.catch_warnings(action="ignore", category=dg.PreviewWarning):
        found = dg.load_definitions_from_module(own)
    whole = [value for value in names.values() if isinstance(value, dg.Definitions)]
    if not (whole or found.assets or found.asset_checks or found.jobs or found.schedules or found.sensors):
        return None
    return dg.Definitions.merge(found, *whole)


def _import(file: Path, name: str) -> ModuleType:
    """Run a file as a module in which `scheduled_job` is defined even where it is not imported."""
    # A file that another one has imported is run again, so that its tasks are collected.
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
    return module


def _unload(prefix: str) -> None:
    for name in [name for name in sys.modules if name.startswith(prefix)]:
        del sys.modules[name]


def _problem(file: Path, error: BaseException) -> str:
    """What is wrong with a file that can't be imported, with the line of that file where it went wrong."""
    if isinstance(error, TaskError):
        return str(error)
    if isinstance(error, SystemExit):
        what = f"it calls sys.exit({'' if error.code is None else repr(error.code)}) when it is imported"
    else:
        lines = [line for line in str(error).splitlines() if not line.strip().startswith(_PYDANTICS_LINK)]
        what = " ".join(f"{type(error).__name__}: {' '.join(lines)}".split())
    line = _line(file, error)
    return f"{file}{f', line {line}' if line else ''}: {what}"


def _line(file: Path, error: BaseException) -> int | None:
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return error.lineno
    frames: Sequence[traceback.FrameSummary] = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename == str(file)), None)
