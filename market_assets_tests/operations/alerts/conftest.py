"""What tests of incidents share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from market_assets_tests.operations.alerts.watching import Watching, watching


@pytest.fixture
def seen(tmp_path: Path) -> Iterator[Watching]:
    with watching(tmp_path / "dagster") as watched:
        watched.look()
        yield watched
