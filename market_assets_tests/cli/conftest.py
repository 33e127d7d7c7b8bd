"""A project folder of the test's own, and `market-assets` in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from market_assets.checked_settings import get_settings
from market_assets.cli.main import main
from market_assets.settings import Settings
from market_assets_tests.cli.programs import make_project

Invoke = Callable[..., Result]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the files that commands expect in the project's own."""
    return make_project(tmp_path / "project")


@pytest.fixture
def invoke(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Invoke]:
    """Run `market-assets` in the project's folder, with settings as keywords; only wanted ends are let through."""
    monkeypatch.chdir(project)
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.validation_alias), raising=False)
    get_settings.cache_clear()

    def run(*arguments: str | Path, stdin: str | bytes = "", **settings: str) -> Result:
        get_settings.cache_clear()
        result = CliRunner().invoke(
            main, [str(each) for each in arguments], input=stdin, env=settings, prog_name="market-assets"
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    yield run
    get_settings.cache_clear()
