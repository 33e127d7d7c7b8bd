"""Finding, telling, health and counting with Dagster's own history on PostgreSQL, as in production."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from market_assets.operations.health_readings import read_history
from market_assets.operations.run_counters import advance
from market_assets_tests.operations.alerts.receivers import receiver
from market_assets_tests.operations.alerts.watching import FAULTS, watching


@pytest.mark.postgresql
def test_a_night_on_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    # Dagster speaks to PostgreSQL through psycopg2 alone.
    storage = {"postgres": {"postgres_url": postgresql_url.replace("postgresql://", "postgresql+psycopg2://", 1)}}
    with receiver() as server, watching(tmp_path / "dagster", storage=storage) as seen:
        seen.urls = (server.url,)
        seen.look()
        FAULTS.update(hourly="the well is dry", complete="yes")
        for day in ("2026-03-04", "2026-03-05"):
            seen.run("hourly")
            seen.run("shop", partition_key=day)
            seen.look()
        assert server.titles == ["hourly failed", "the check complete of stock failed"]
        noon = seen.now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=5)
        seen.set_schedule("hourly_schedule", noon)
        seen.set_sensor("inbox")
        seen.add_tick("inbox", seen.now, "FAILURE", "no such folder")
        seen.look()
        assert server.titles[2:] == ["the sensor inbox fails"]
        seen.add_tick("inbox", seen.now, "SKIPPED")
        FAULTS.clear()
        seen.run("hourly")
        seen.run("shop", partition_key="2026-03-06")
        seen.look()
        assert sorted(server.titles[3:]) == [
            "over: hourly failed",
            "over: the check complete of stock failed",
            "over: the sensor inbox fails",
        ]
        tally = advance(seen.instance, ())
        assert tally.runs == {"hourly": {"failed": 2, "success": 1}, "shop": {"success": 3}}
        assert advance(seen.instance, ()) == tally
        history = read_history(seen.instance, seen.watched, seen.now)
        hourly = next(job for job in history.jobs if job.job == "hourly")
        assert (hourly.last_status, hourly.is_late) == ("success", False)
        assert [table.is_stale(seen.now + timedelta(hours=27)) for table in history.tables] == [True]
