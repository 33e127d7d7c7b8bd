"""`market-assets init` and `new`: a working folder, a task or a source from a template."""

from __future__ import annotations

import io
import re
from importlib.metadata import version
from importlib.resources import files
from keyword import iskeyword
from pathlib import Path
from tokenize import NAME, generate_tokens

import click

import market_assets
from market_assets.cli.command import CommandFailedError, pass_settings
from market_assets.operations.custom_files import packaged_folder
from market_assets.settings import Settings
from market_assets.sources.configuration import ENTRIES
from market_assets.tasks import reason_against_id

_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")
(_PACKAGE,) = map(Path, market_assets.__path__)
_BOARDS = _PACKAGE / "sources" / "boards"
#: Only in a checkout of the project.
_TESTS = _PACKAGE.parent / "market_assets_tests" / "sources"


#: What `init` writes; the templates of hidden files have no dot.
_PROJECT_FILES = (
    *("dagster.yaml", "workspace.yaml", "sources.yaml", ".env.example", "pyproject.toml", ".gitignore"),
    *("custom/__init__.py", "custom/pay_gap.py", "tests/test_pay_gap.py"),
    *("docker-compose.yml", "Dockerfile", ".dockerignore", "requirements.txt"),
    *("deploy/workspace.yaml", "deploy/create_databases.sql", "deploy/keep_superuser_inside.sql"),
)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def init(folder: Path) -> None:
    """Write a working folder with settings, sources, an asset of your own and its test.

    FOLDER is made where it is missing; nothing in it is overwritten.
    """
    for name in _PROJECT_FILES:
        if (folder / name).exists():
            raise CommandFailedError(f"{folder / name} is there already; nothing was written")
    for name in _PROJECT_FILES:
        _write(folder / name, _project_file(name), make_folder=True)
    click.echo(f"Wrote {len(_PROJECT_FILES)} files into {folder}: {', '.join(_PROJECT_FILES)}. Then")
    click.echo(f"  cd {folder}")
    click.echo(
        "  market-assets run      # the whole pipeline, once, on sample postings; custom/pay_gap.py with it"
    )
    click.echo("  market-assets serve    # Dagster's UI, the REST API and the report, until Ctrl-C")
    click.echo("  market-assets doctor   # what is wrong with the set-up, and what to do")


def _project_file(name: str) -> str:
    text = (files("market_assets.cli.templates") / "project" / name.removeprefix(".")).read_text(encoding="utf-8")
    if name == "requirements.txt":
        package = "market-assets[all,scale]"
        return text.replace(f"{package}\n", f"{package}=={version('market-assets')}\n")
    return text.replace("market_assets.cli.templates.project.", "")


@click.group()
def new() -> None:
    """Start a task or a source from a template that works unchanged."""


@new.command()
@click.argument("name")
@pass_settings
def task(settings: Settings, name: str) -> None:
    """Write a scheduled task into MARKET_ASSETS_CUSTOM_DIR, else into market_assets/custom."""
    _check_name(name)
    if reason := reason_against_id(name) or _reason_taken(settings, name):
        raise CommandFailedError(f"{name!r} can't be the name: {reason}")
    path = (settings.custom_folder or packaged_folder()) / f"{name}.py"
    _write(path, _filled("task.py", name, example="example_task"))
    click.echo(f"Wrote {path}: the job {name}, every hour. It works unchanged; edit it. Then")
    click.echo(f"  dagster job execute -m market_assets.definitions -j {name}    # try it")
    click.echo("  market-assets serve                 # it is on the schedule from the next start")


@new.command()
@click.argument("name")
def source(name: str) -> None:
    """Write a job board into market_assets/sources/boards, and its test."""
    write_source(name)


def write_source(name: str, *, boards: Path = _BOARDS, tests: Path = _TESTS) -> None:
    """Write a job board and its test, and print the next steps.

    Raises:
        CommandFailedError: the name is invalid or taken, or a file can't be written.
    """
    _check_name(name)
    path, test = boards / f"{name}.py", tests / f"test_{name}.py"
    if name in ENTRIES:
        raise CommandFailedError(f"there is a source of the type {name} already")
    for taken in (path, path.with_suffix(""), test):
        if taken.exists():
            raise CommandFailedError(f"{taken} is there already: give the source another name")
    _write(path, _filled("source.py", name, example="example_board"))
    click.echo(f"Wrote {path}: a board in pages.")
    if tests.is_dir():
        _write(test, _filled("source_test.py", name, example="example_board"))
        click.echo(
            f"Wrote {test}: a response, and the postings read from it. Both work unchanged; edit them. Then"
        )
    configuration = boards.parent / "configuration.py"
    click.echo(f"  1. Name it in {configuration}: import {_camel(name)}, and add it to ENTRIES.")
    click.echo("  2. Show its settings in docs/sources.md and sources.yaml, and add it to the list there:")
    click.echo(f"       - type: {name}")
    click.echo("  3. market-assets sources check      # one request to the real board")


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or iskeyword(name):
        raise CommandFailedError(
            f"{name!r} can't be the name: 2 to 40 lower case letters, digits and underscores, a letter first"
        )


def _reason_taken(settings: Settings, name: str) -> str | None:
    from market_assets.definitions import build_defs

    repository = build_defs(settings).get_repository_def()
    definitions = repository.assets_defs_by_key.values()
    assets = {asset.node_def.name for asset in definitions if asset.is_executable}
    return "a job or an asset has it already" if name in assets.union(repository.job_names) else None


def _filled(template: str, name: str, *, example: str) -> str:
    """A template with the example's name replaced in each of its spellings."""
    text = (files("market_assets.cli.templates") / template).read_text(encoding="utf-8")
    code = generate_tokens(io.StringIO(text).readline)
    words = {token.string for token in code if token.type == NAME}
    if taken := words.intersection({name, _camel(name)}):
        raise CommandFailedError(f"{name!r} can't be the name: {min(taken)} means something else in the file")
    for spelling in (str, _camel, _words):
        text = text.replace(spelling(example), spelling(name))
    written = text.replace("market_assets.cli.templates.source", f"market_assets.sources.boards.{name}")
    return _sorted_imports(written)


def _sorted_imports(text: str) -> str:
    """Put the imports of this package into order: where the new one belongs depends on its name."""
    lines = text.splitlines(keepends=True)
    ours = [number for number, line in enumerate(lines) if line.startswith("from market_assets.")]
    for number, line in zip(ours, sorted((lines[each] for each in ours), key=str.split), strict=True):
        lines[number] = line
    return "".join(lines)


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _words(name: str) -> str:
    return " ".join(part.capitalize() for part in name.split("_"))


def _write(path: Path, text: str, *, make_folder: bool = False) -> None:
    try:
        if make_folder:
            path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise CommandFailedError(f"{path} is there already, and stays as it is: give another name") from None
    except OSError as error:
        raise CommandFailedError(f"{path}: it can't be written: {error.strerror or error}") from None
