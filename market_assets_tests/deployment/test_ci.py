"""The example workflow for CI: its very steps, one after the other, in a copy of what they need."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from market_assets_tests.cli.programs import PATIENCE_SECONDS, PROGRAMS, PROJECT, environment

WORKFLOW = yaml.safe_load((PROJECT / "docs" / "ci" / "market_assets.yml").read_text(encoding="utf-8"))
JOB = WORKFLOW["jobs"]["jobs"]
STEPS: list[dict[str, Any]] = JOB["steps"]
RUN = [step for step in STEPS if "run" in step]


def test_it_runs_on_every_push_and_installs_from_the_locks() -> None:
    # YAML takes a bare `on` for a truth value.
    assert WORKFLOW[True] == ["push", "pull_request"]
    locks = [word for word in RUN[0]["run"].split() if word.endswith(".lock")]
    assert locks == ["requirements-setup.lock", "requirements.lock"]
    assert all((PROJECT / lock).exists() for lock in locks)


@pytest.mark.thorough
@pytest.mark.slow
def test_its_steps_run_one_after_the_other(tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "docs" / "ci", tmp_path / "docs" / "ci")
    for name in ("dagster.yaml", "workspace.yaml", "pyproject.toml"):
        shutil.copy(PROJECT / name, tmp_path)
    told = environment(**JOB["env"])
    told["PATH"] = f"{PROGRAMS}:{told['PATH']}"
    for step in RUN[1:]:
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", step["run"]],
            cwd=tmp_path,
            env=told,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{step['name']}: {done.stdout}{done.stderr}"
    assert json.loads((tmp_path / "summary.json").read_text())
    uploaded = STEPS[-1]["with"]["path"]
    assert (tmp_path / uploaded).exists()
