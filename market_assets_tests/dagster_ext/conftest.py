"""An instance of each kind in turn, and a workspace that shows it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget

from market_assets_tests.dagster_ext.instances import history_instance


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def instance(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance whose history is in a database of each kind in turn."""
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else None
    with history_instance(tmp_path, url) as instance:
        yield instance


@pytest.fixture
def workspace(instance: dg.DagsterInstance) -> Iterator[WorkspaceProcessContext]:
    """What the UI would show of the instance and of the assets of these tests."""
    here = Path(__file__).with_name("instances.py")
    loadable = LoadableTargetOrigin(executable_path=sys.executable, python_file=str(here), attribute="DEFS")
    target = InProcessWorkspaceLoadTarget(InProcessCodeLocationOrigin(loadable, location_name="tests"))
    with WorkspaceProcessContext(instance, target, version=dg.__version__) as context:
        yield context
