"""`market-assets init`: a folder in which everything works, and whose files are those of this project.

`python -m market_assets_tests.cli.test_init` copies the files that both have from the project into the templates.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from market_assets import read
from market_assets.checked_settings import get_settings
from market_assets.sources.configuration import load_sources
from market_assets_tests.cli.conftest import Invoke
from market_assets_tests.cli.programs import PATIENCE_SECONDS, PROGRAMS, PROJECT, environment, run
from market_assets_tests.deployment.composition import stages

TEMPLATES = PROJECT / "market_assets" / "cli" / "templates" / "project"
#: A file of the project → the template that is the same.
COPIES = {
    name: name.removeprefix(".")
    for name in (
        *("dagster.yaml", "workspace.yaml", "sources.yaml", ".env.example", "docker-compose.yml"),
        *("deploy/workspace.yaml", "deploy/create_databases.sql", "deploy/keep_superuser_inside.sql"),
    )
}


@pytest.fixture
def folder(tmp_path: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that the command has written, and in which the test is."""
    written = invoke("init", tmp_path / "my market")
    assert written.exit_code == 0, written.output
    monkeypatch.chdir(tmp_path / "my market")
    return tmp_path / "my market"


@pytest.mark.parametrize("name", COPIES)
def test_a_file_that_the_project_has_too_is_the_same(name: str) -> None:
    same = (PROJECT / name).read_bytes() == (TEMPLATES / COPIES[name]).read_bytes()
    assert same, f"run python -m {__name__}"


def test_the_image_has_all_that_the_projects_own_has() -> None:
    ours, theirs = stages()[-1], stages(TEMPLATES / "Dockerfile")[-1]
    steps = {
        (word, re.sub(r"PATH=\S+ +", "", rest)) for word, rest in ours.instructions if "--from=build" not in rest
    }
    assert steps <= set(theirs.instructions)
    bases = [
        re.findall(r"^ARG .*$", (place / "Dockerfile").read_text(), re.MULTILINE) for place in (PROJECT, TEMPLATES)
    ]
    assert bases[0] == bases[1]
    ignored = (TEMPLATES / "dockerignore").read_text(encoding="utf-8").splitlines()
    copied = {source for sources, _ in theirs.copies() for source in sources}
    assert copied == {line[1:] for line in ignored if line.startswith("!")}


def test_every_template_is_written(tmp_path: Path, invoke: Invoke) -> None:
    written = invoke("init", tmp_path / "new" / "folder")
    assert written.exit_code == 0, written.output
    found = {str(path.relative_to(tmp_path / "new" / "folder")) for path in (tmp_path / "new").rglob("*.*")}
    templates = {str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.*")}
    templates = {name for name in templates if "__pycache__" not in name and "__init__" not in name}
    assert {name.removeprefix(".") for name in found} >= templates
    pinned = (tmp_path / "new" / "folder" / "requirements.txt").read_text().splitlines()[-1]
    assert pinned == f"market-assets[all,scale]=={version('market-assets')}"


def test_what_the_compose_file_mounts_is_written(tmp_path: Path, invoke: Invoke) -> None:
    assert invoke("init", tmp_path / "mine").exit_code == 0
    mounted = re.findall(r"- \./([^:]+):", (tmp_path / "mine" / "docker-compose.yml").read_text())
    assert "sources.yaml" in mounted
    assert [name for name in mounted if not (tmp_path / "mine" / name).is_file()] == []


def test_the_uncommented_settings_are_valid_there(
    tmp_path: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert invoke("init", tmp_path / "mine").exit_code == 0
    monkeypatch.chdir(tmp_path / "mine")
    uncommented = re.sub(r"^#([A-Z_]+=)", r"\1", Path(".env.example").read_text(), flags=re.MULTILINE)
    Path(".env").write_text(uncommented)
    get_settings.cache_clear()
    assert get_settings().custom_folder == Path("custom")
    assert [source.name for source in load_sources(get_settings().sources)] == ["sample"]


def test_nothing_is_overwritten(tmp_path: Path, invoke: Invoke) -> None:
    (tmp_path / "sources.yaml").write_text("mine")
    refused = invoke("init", tmp_path)
    assert refused.exit_code == 1
    assert f"{tmp_path / 'sources.yaml'} is there already; nothing was written" in refused.output
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["sources.yaml"]
    (tmp_path / "file").write_text("")
    assert invoke("init", tmp_path / "file").exit_code == 2


@pytest.mark.slow
def test_the_pipeline_and_the_asset_run_in_the_folder(folder: Path, invoke: Invoke) -> None:
    (folder / "sources.yaml").write_text("sources: [{type: sample, postings_per_day: 300}]")
    ran = invoke("run", "--days", "1")
    assert ran.exit_code == 0, ran.stderr
    assert len(read("pay_gap", "polars")) > 0


def dg_in(folder: Path, command: str) -> str:
    """What a command of dg prints; it must succeed."""
    ended = run("dg", *command.split(), cwd=folder, PATH=f"{PROGRAMS}:{os.environ['PATH']}")
    assert ended.code == 0, f"{command}: {ended.err}"
    return ended.out


@pytest.mark.thorough
@pytest.mark.slow
def test_the_programs_of_dagster_work_in_the_folder(folder: Path) -> None:
    assert "pay_gap" in dg_in(folder, "list defs")
    assert "market_assets.MarketStatistic" in dg_in(folder, "list components --json")
    dg_in(folder, "check defs")
    dg_in(folder, "check yaml")
    dg_in(folder, "scaffold defs dagster.asset other.py")
    assert (folder / "custom" / "other.py").exists()
    assert run("dagster", "definitions", "validate", cwd=folder).code == 0


@pytest.mark.slow
def test_a_statistic_in_yaml_is_scaffolded_and_launched(folder: Path, invoke: Invoke) -> None:
    assert invoke("db", "upgrade").exit_code == 0
    dg_in(folder, "scaffold defs market_assets.MarketStatistic by_country")
    assert (folder / "custom" / "by_country" / "defs.yaml").exists()
    dg_in(folder, "launch --assets by_country")
    rows = invoke("sql", "SELECT country, postings FROM by_country", "--csv")
    assert rows.output.split() == ["country,postings"]


@pytest.mark.slow
def test_the_tests_in_the_folder_pass(folder: Path) -> None:
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        tests,
        cwd=folder,
        env=environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


if __name__ == "__main__":
    for name, template in COPIES.items():
        shutil.copyfile(PROJECT / name, TEMPLATES / template)
