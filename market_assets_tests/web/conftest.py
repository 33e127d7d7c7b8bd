"""The whole web process in this one, with users of every role, for the tests of its parts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from market_assets_tests.web.whole_process import WholeProcess, whole_process


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeProcess]:
    """The web process over an SQLite database and a Dagster instance of the module's own."""
    folder: Path = tmp_path_factory.mktemp("web")
    with whole_process(folder) as process:
        yield process
