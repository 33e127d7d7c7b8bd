"""Incidents and health with Dagster's storage on PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from market_assets.operations.system_state import read_history
from market_assets_tests.operations.alerts.monitored_location import FAULTS, monitored_location
from market_assets_tests.operations.alerts.receivers import receiver


@pytest.mark.postgresql
def test_a_night_on_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    # Dagster uses psycopg2.
    storage = {"postgres": {"postgres_url": postgresql_url.replace("postgresql://", "postgresql+psycopg2://", 1)}}
    with receiver() as server, monitored_location(tmp_path / "dagster", storage=storage) as location:
        location.urls = (server.url,)
        location.evaluate()
        FAULTS.update(hourly="the well is dry", complete="yes")
        for day in ("2026-03-04", "2026-03-05"):
            location.run("hourly")
            location.run("shop", partition_key=day)
            location.evaluate()
        assert server.titles == ["2 incidents: hourly failed; the check complete of stock failed"]
        noon = location.now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=5)
        location.set_schedule("hourly_schedule", noon)
        location.set_sensor("inbox")
        location.add_tick("inbox", location.now, "FAILURE", "no such folder")
        location.evaluate()
        assert server.titles[1:] == ["the sensor inbox fails"]
        location.add_tick("inbox", location.now, "SKIPPED")
        FAULTS.clear()
        location.run("hourly")
        location.run("shop", partition_key="2026-03-06")
        location.evaluate()
        (title,) = server.titles[2:]
        assert title.startswith("3 incidents: over: ")
        assert all(name in title for name in ("hourly", "the check complete of stock", "the sensor inbox"))
        history = read_history(location.instance, location.monitored, location.now)
        hourly = next(job for job in history.jobs if job.job == "hourly")
        assert (hourly.last_status, hourly.is_late) == ("success", False)
        assert [table.is_stale(location.now + timedelta(hours=27)) for table in history.tables] == [True]
