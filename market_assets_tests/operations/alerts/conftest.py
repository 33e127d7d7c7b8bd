"""What tests of incidents share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from market_assets_tests.operations.alerts.monitored_location import MonitoredLocation, monitored_location


@pytest.fixture
def location(tmp_path: Path) -> Iterator[MonitoredLocation]:
    with monitored_location(tmp_path / "dagster") as location:
        location.evaluate()
        yield location
