"""The Dockerfile's steps, run in a fresh folder as far as that goes without a container engine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from market_assets_tests.cli.programs import PROJECT
from market_assets_tests.deployment.composition import Composition, Stage, stages

pytestmark = [pytest.mark.slow, pytest.mark.deployment, pytest.mark.thorough]

#: Packages are fetched and unpacked; only a network that hangs meets it.
PATIENCE_SECONDS = 1800


def run(command: str, folder: Path, **environment: str) -> str:
    """Run a line as `RUN` does; of this process's environment, only what pip needs to find packages."""
    kept = {
        name: value for name, value in os.environ.items() if name == "HOME" or name.startswith(("PIP_", "SSL_"))
    }
    kept |= {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    done = subprocess.run(
        ["sh", "-ec", command],
        cwd=folder,
        env={**kept, "DAGSTER_HOME": str(folder), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}"
    return done.stdout


def copy(stage: Stage, folder: Path) -> None:
    for sources, destination in stage.copies():
        for source in sources:
            target = folder / (Path(source).name if destination.endswith("/") else destination)
            if (PROJECT / source).is_dir():
                shutil.copytree(PROJECT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(PROJECT / source, target)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image has at /app, with its programs in a neighbouring folder for /opt/venv."""
    build, last = stages()
    root = tmp_path_factory.mktemp("image")
    venv, source, app = root / "venv", root / "build", root / "app"
    source.mkdir()
    app.mkdir()
    copy(build, source)
    path = f"{venv}/bin:{Path(sys.executable).resolve().parent}:/usr/bin:/bin"
    for step in build.all("RUN"):
        # What was fetched before need not be fetched again for a test.
        line = step.replace("/opt/venv", str(venv)).replace(" --no-cache-dir", "")
        run(line.replace("python -m venv", f"{sys.executable} -m venv"), source, PATH=path, PIP_NO_INPUT="1")
    shutil.rmtree(source)
    copy(last, app)
    return app


def program(app: Path, command: str, **environment: str) -> str:
    return run(command, app, PATH=f"{app.parent / 'venv' / 'bin'}:/usr/bin:/bin", **environment)


def test_the_package_is_installed_whole_and_not_linked_to_its_source(app: Path) -> None:
    found = program(app, "python -c 'import market_assets; print(market_assets.__path__[0])'").strip()
    installed = Path(found)
    assert installed.is_relative_to(app.parent / "venv")
    source = PROJECT / "market_assets"
    needed = {path.relative_to(source) for path in source.rglob("*") if path.is_file()}
    needed = {path for path in needed if "__pycache__" not in path.parts}
    assert {path for path in needed if not (installed / path).exists()} == set()


def test_the_programs_of_every_service_start(app: Path) -> None:
    services = list(
        Composition({"POSTGRES_PASSWORD": "x", "REDIS_PASSWORD": "z", "JWT_SECRET_KEY": "y"}).services.values()
    )
    commands = [service.command for service in services if service.is_ours]
    programs = {" ".join(words[: 3 if words[1] == "-m" else 1]) for words in commands} - {"sh"}
    code_server = "python -m market_assets.dagster_ext.code_server"
    assert programs == {code_server, "dagster-daemon", "market-assets", "celery"}
    for name in programs:
        assert "Usage" in program(app, f"{name} --help")
    broker = {"MARKET_ASSETS_BROKER_URL": "redis://127.0.0.1:1/0"}
    assert "worker" in program(app, "celery --app market_assets.dagster_ext.celery_app --help", **broker)


def test_the_pipeline_runs_there(app: Path) -> None:
    (app / "sources.yaml").write_text("sources: [{type: sample, postings_per_day: 20}]")
    assert "Market summary" in program(app, "market-assets run --days 1")
    program(app, "dagster definitions validate -m market_assets.definitions")
