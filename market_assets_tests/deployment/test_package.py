"""The package as it is built for users and for the image: all that it needs is in it, and it runs anywhere."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
import yaml

from market_assets_tests.cli.programs import PATIENCE_SECONDS, PROJECT, environment

PACKAGE = PROJECT / "market_assets"
DECLARED = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from what a checkout has, without any index."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, source)
    shutil.copytree(PACKAGE, source / "market_assets", ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*pip, "--wheel-dir", target, source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment of its own with the wheel, which finds its dependencies in this one."""
    venv = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (packages,) = venv.glob("lib/python*/site-packages")
    # After the environment's own packages, and without the links of an editable install.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", venv, "install"]
    options = ["--quiet", "--no-compile", "--no-deps", "--no-index"]
    done = subprocess.run([*pip, *options, wheel], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return venv / "bin"


def metadata_of(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


def run(programs: Path, *arguments: str, folder: Path, **settings: str) -> str:
    done = subprocess.run(
        [programs / "market-assets", *arguments],
        cwd=folder,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    needed = {str(path.relative_to(PROJECT)) for path in PACKAGE.rglob("*") if path.is_file()}
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
        licence = next(name for name in archive.namelist() if name.endswith("licenses/LICENSE"))
        assert archive.read(licence) == (PROJECT / "LICENSE").read_bytes()
    assert packed == {path for path in needed if "__pycache__" not in path}


def test_its_metadata_is_what_is_declared(wheel: Path) -> None:
    metadata = metadata_of(wheel)
    assert metadata["Version"] == DECLARED["version"]
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
    # Nothing is said of places that are not known to exist.
    assert metadata.get_all("Project-URL") is None


def test_the_changelog_has_the_version() -> None:
    assert f"\n## {DECLARED['version']} - 20" in (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_locks_name_no_index_and_hold_every_dependency() -> None:
    needed = {line.split(">=")[0].split("==")[0].split("[")[0] for line in DECLARED["dependencies"]}
    for lock in sorted(PROJECT.glob("requirements*.lock")):
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text, lock.name
        assert "--index" not in text.replace("--no-emit-index-url", ""), lock.name
        if lock.name != "requirements-setup.lock":
            assert needed <= {line.split("==")[0].split("[")[0] for line in text.splitlines()}, lock.name


def test_commits_and_editors_are_checked_as_the_project_is() -> None:
    hooks = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    checks = (PROJECT / "scripts" / "check").read_text(encoding="utf-8")
    for hook in hooks:
        assert hook["entry"].removesuffix(" --force-exclude") in checks
    container = json.loads((PROJECT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert "source scripts/setup.sh && set_up dev" in container["postCreateCommand"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "prints"),
    [
        pytest.param(["run", "--help"], "--from", marks=pytest.mark.thorough),
        (["doctor"], "dagster.yaml is in"),
        (["db", "upgrade"], ""),
        (["skills", "explain", "We need Python."], "Python"),
        pytest.param(["run", "--days", "1"], "Market summary", marks=pytest.mark.thorough),
    ],
    ids=lambda value: "_".join(value[:2]) if isinstance(value, list) else "",
)
def test_commands_run_from_the_installed_package(
    programs: Path, tmp_path: Path, arguments: list[str], prints: str
) -> None:
    (tmp_path / "sources.yaml").write_text("sources: [{type: sample, postings_per_day: 20}]")
    shutil.copy(PROJECT / "dagster.yaml", tmp_path)
    assert prints in run(programs, *arguments, folder=tmp_path)


@pytest.mark.slow
def test_a_folder_is_made_and_loads(programs: Path, tmp_path: Path) -> None:
    run(programs, "init", "mine", folder=tmp_path)
    code = [programs / "python", "-m", "dagster", "definitions", "validate"]
    done = subprocess.run(
        code, cwd=tmp_path / "mine", env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "left out" not in done.stderr


def test_it_is_the_wheel_that_runs(programs: Path, tmp_path: Path) -> None:
    shown = [programs / "python", "-c", "import market_assets; print(market_assets.__file__)"]
    done = subprocess.run(shown, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert Path(done.stdout).is_relative_to(programs.parent)
    assert DECLARED["version"] in run(programs, "--version", folder=tmp_path)
