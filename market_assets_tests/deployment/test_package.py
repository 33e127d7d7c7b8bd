"""The package as it is built for the image and for users: everything that it needs is in it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from market_assets_tests.cli.programs import PATIENCE_SECONDS, PROJECT, environment


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the package, built from the checkout, was installed without what it depends on."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(PROJECT / name, source)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT / "market_assets", source / "market_assets", ignore=ignored)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*pip, "--target", target, source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


def test_every_file_of_the_package_is_installed(installed: Path) -> None:
    source = PROJECT / "market_assets"
    needed = {path.relative_to(source) for path in source.rglob("*") if path.is_file()}
    needed = {path for path in needed if "__pycache__" not in path.parts}
    assert {path for path in needed if not (installed / "market_assets" / path).exists()} == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "prints"),
    [
        (["db", "upgrade"], ""),
        (["skills", "explain", "We need Python."], "Python"),
        pytest.param(["run", "--days", "1"], "Market summary", marks=pytest.mark.thorough),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_commands_run_from_the_installed_package(
    installed: Path, tmp_path: Path, arguments: list[str], prints: str
) -> None:
    (tmp_path / "sources.yaml").write_text("sources: [{type: sample, postings_per_day: 20}]")
    shutil.copy(PROJECT / "dagster.yaml", tmp_path)
    program = f"""
import market_assets.cli.main
print(market_assets.__file__)
market_assets.cli.main.main({arguments})
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment(PYTHONPATH=str(installed)),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert Path(done.stdout.splitlines()[0]).is_relative_to(installed)
    assert prints in done.stdout
