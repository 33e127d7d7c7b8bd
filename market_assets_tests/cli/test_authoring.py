"""`market-assets new`: what it writes works unchanged, and it overwrites and breaks nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from market_assets.cli.command import CommandFailedError
from market_assets.cli.new import write_source
from market_assets.definitions import build_defs
from market_assets.operations.custom_files import load_custom_files
from market_assets.settings import Settings
from market_assets.skills.matching import skill_matcher
from market_assets.skills.taxonomy import load_taxonomy
from market_assets.sources.configuration import load_sources
from market_assets_tests.cli.conftest import Invoke
from market_assets_tests.cli.programs import PATIENCE_SECONDS, PROJECT, environment, run

TEMPLATES = ("task.py", "source.py", "source_test.py", "sources.yaml", "taxonomy.yaml")


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    folder = tmp_path / "tasks"
    folder.mkdir()
    return folder


def template(name: str) -> Path:
    return Path(str(files("market_assets.cli.templates") / name))


@pytest.mark.slow
def test_a_new_task_appears_and_runs_unchanged_beside_a_broken_one(
    project: Path, tasks: Path, invoke: Invoke
) -> None:
    written = invoke("new", "task", "nightly_count", MARKET_ASSETS_CUSTOM_DIR=str(tasks))
    assert written.exit_code == 0, written.output
    assert [path.name for path in tasks.iterdir()] == ["nightly_count.py"]
    assert "dagster job execute -m market_assets.definitions -j nightly_count" in written.output
    (tasks / "broken.py").write_text("import sys; sys.exit(0)")
    settings = {"MARKET_ASSETS_CUSTOM_DIR": str(tasks)}
    command = ["job", "execute", "-m", "market_assets.definitions", "-j", "nightly_count"]
    ended = run("dagster", *command, cwd=project, **settings)
    assert ended.code == 0, ended.err
    assert "0 postings" in ended.err
    assert f"{tasks / 'broken.py'}, line 1: it calls sys.exit(0) when it is imported" in ended.err
    loaded = build_defs(Settings(MARKET_ASSETS_CUSTOM_DIR=tasks, _env_file=None))
    assert loaded.resolve_schedule_def("nightly_count_schedule").job_name == "nightly_count"


@pytest.mark.thorough
@pytest.mark.slow
def test_a_task_that_fails_ends_with_its_error(project: Path, tasks: Path) -> None:
    (tasks / "failing.py").write_text(
        "@scheduled_job('failing', hours=36)\ndef f(): return {'success': False, 'error': 'the board is closed'}\n"
    )
    settings = {"MARKET_ASSETS_CUSTOM_DIR": str(tasks)}
    ended = run(
        "dagster", "job", "execute", "-m", "market_assets.definitions", "-j", "failing", cwd=project, **settings
    )
    assert ended.code == 1
    assert ended.last_line == "failing: f failed: the board is closed"


@pytest.mark.parametrize("name", ["nightly", "a1", "x" * 40, "print", "json"])
def test_a_new_task_is_a_task_of_that_name(tasks: Path, invoke: Invoke, name: str) -> None:
    written = invoke("new", "task", name, MARKET_ASSETS_CUSTOM_DIR=str(tasks))
    assert written.exit_code == 0, written.output
    loaded = load_custom_files(tasks)
    assert loaded.problems == []
    assert [(task.id, task.function_name) for task in loaded.tasks] == [(name, name)]
    assert "example" not in (tasks / f"{name}.py").read_text().lower()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("My-Task", "2 to 40 lower case letters, digits and underscores"),
        ("", "2 to 40"),
        ("x", "2 to 40"),
        ("x" * 41, "2 to 40"),
        ("../escape", "2 to 40"),
        ("_hidden", "2 to 40"),
        ("1st", "2 to 40"),
        ("größe", "2 to 40"),
        ("class", "2 to 40"),
        ("config", "Dagster keeps this name for itself"),
        ("dg", "dg means something else in the file"),
        ("scheduled_job", "scheduled_job means something else in the file"),
        ("refresh_market_stats", "a job or an asset has it already"),
        ("job_postings", "a job or an asset has it already"),
    ],
)
def test_a_name_that_will_not_do_is_refused(tasks: Path, invoke: Invoke, name: str, message: str) -> None:
    written = invoke("new", "task", "--", name, MARKET_ASSETS_CUSTOM_DIR=str(tasks))
    assert written.exit_code == 1
    assert message in written.output
    assert list(tasks.iterdir()) == []


def test_nothing_is_overwritten(tasks: Path, invoke: Invoke) -> None:
    (tasks / "mine.py").write_text("# mine\n")
    written = invoke("new", "task", "mine", MARKET_ASSETS_CUSTOM_DIR=str(tasks))
    assert written.exit_code == 1
    assert f"{tasks / 'mine.py'} is there already, and stays as it is" in written.output
    assert (tasks / "mine.py").read_text() == "# mine\n"
    (tasks / "mine.py").write_text('@scheduled_job("other", hours=1)\ndef f(): ...\n')
    again = invoke("new", "task", "other", MARKET_ASSETS_CUSTOM_DIR=str(tasks))
    assert again.exit_code == 1
    assert "a job or an asset has it already" in again.output


def test_a_folder_that_is_none_is_reported(tmp_path: Path, invoke: Invoke) -> None:
    (tmp_path / "file").write_text("")
    written = invoke("new", "task", "mine", MARKET_ASSETS_CUSTOM_DIR=str(tmp_path / "file"))
    assert written.exit_code == 2
    assert f"MARKET_ASSETS_CUSTOM_DIR: {tmp_path / 'file'} is no folder" in written.output


# --- sources -------------------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of a checkout, with a new source and its test in it."""
    package, tests = tmp_path / "market_assets", tmp_path / "market_assets_tests" / "sources"
    package.mkdir()
    for entry in (PROJECT / "market_assets").iterdir():
        if entry.name == "sources":
            shutil.copytree(entry, package / "sources", ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (package / entry.name).symlink_to(entry)
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    tests.mkdir(parents=True)
    write_source("acme_jobs", boards=package / "sources" / "boards", tests=tests)
    return tmp_path


def new_files(checkout: Path) -> list[Path]:
    return [
        checkout / "market_assets" / "sources" / "boards" / "acme_jobs.py",
        checkout / "market_assets_tests" / "sources" / "test_acme_jobs.py",
    ]


def test_a_new_source_names_itself_everywhere(checkout: Path) -> None:
    code, test = (path.read_text() for path in new_files(checkout))
    assert "class AcmeJobs(PagedBoard)" in code
    assert 'type: Literal["acme_jobs"] = "acme_jobs"' in code
    assert code.startswith('"""Acme Jobs: ')
    assert "from market_assets.sources.boards.acme_jobs import AcmeJobs" in test
    for text in (code, test):
        assert "example_board" not in text
        assert "Example" not in text
        assert "templates" not in text


def test_the_next_steps_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_source("acme_jobs", boards=tmp_path, tests=tmp_path / "no_checkout")
    message = capsys.readouterr().out
    assert f"Wrote {tmp_path / 'acme_jobs.py'}" in message
    assert "import AcmeJobs, and add it to ENTRIES" in message
    assert "- type: acme_jobs" in message
    assert [path.name for path in tmp_path.iterdir()] == ["acme_jobs.py"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts="],
        ["ruff", "check", "--no-cache"],
        ["ruff", "format", "--check", "--no-cache"],
        pytest.param(["mypy", "--cache-dir", "/dev/null"], marks=pytest.mark.thorough),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_a_new_source_reads_its_answer_and_passes_the_checks(checkout: Path, command: list[str]) -> None:
    checked = subprocess.run(
        [sys.executable, "-m", *command, *new_files(checkout)],
        cwd=checkout,
        env=environment(PYTHONPATH=str(checkout), PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    if command[0] == "pytest":
        assert "1 passed" in checked.stdout


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Acme", "2 to 40 lower case letters"),
        ("remotive", "there is a source of the type remotive already"),
        ("file", "there is a source of the type file already"),
        ("page", "Page means something else in the file"),
        ("any", "Any means something else in the file"),
        ("there", "is there already: give the source another name"),
        ("folder", "is there already: give the source another name"),
        ("tested", "is there already: give the source another name"),
    ],
)
def test_a_source_that_is_there_or_can_not_be_is_refused(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "there.py").write_text("# mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "test_tested.py").write_text("# mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(CommandFailedError, match=message):
        write_source(name, boards=tmp_path, tests=tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_command_refuses_too(invoke: Invoke) -> None:
    refused = invoke("new", "source", "remotive")
    assert refused.exit_code == 1
    assert refused.output.strip() == "market-assets: there is a source of the type remotive already"


# --- templates -----------------------------------------------------------------------------------


def test_the_documentation_shows_the_files_themselves() -> None:
    for name in TEMPLATES:
        shown = PROJECT / "docs" / "templates" / name
        assert shown.resolve() == template(name).resolve()


def test_templates_are_part_of_the_package() -> None:
    for name in TEMPLATES:
        assert (files("market_assets.cli.templates") / name).is_file()


def test_the_templates_of_settings_files_are_valid() -> None:
    configured = load_sources(template("sources.yaml"))
    entries = yaml.safe_load(template("sources.yaml").read_text())["sources"]
    assert [source.name for source in configured] == [entry.get("name", entry["type"]) for entry in entries]
    taxonomy = load_taxonomy(template("taxonomy.yaml"))
    found = skill_matcher(taxonomy).find(
        "We use Python, AcmeQL and the Acme Data Platform, and Anvil beside Acme."
    )
    assert sorted(found) == ["Acme Data Platform", "Acme Query Language", "Anvil", "Python"]


def test_a_folder_that_can_not_be_written_is_reported(tmp_path: Path) -> None:
    with pytest.raises(CommandFailedError, match="it can't be written: No such file or directory"):
        write_source("acme_jobs", boards=tmp_path / "gone", tests=tmp_path / "gone")
