"""Clocks that jump, two machines at once, a source that is down: no posting lost, none twice."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from dagster._core.test_utils import freeze_time

from market_assets.operations.names import CLEANUP, INGESTION, REFRESH
from market_assets.settings import Settings
from market_assets.sources.sample.source import SampleSource
from market_assets_tests.faults.clocks import clock_off_by
from market_assets_tests.faults.soundness import assert_sound
from market_assets_tests.operations.simulated_days import simulated_daemon
from market_assets_tests.pipelines import INGESTED, ListedSource, Pipeline, by_identity, done, failed_checks
from market_assets_tests.store.programs import program

DAYS = [date(2024, 3, 1) + timedelta(days=number) for number in range(2)]
A_YEAR = timedelta(days=365)

MACHINE = """
    import sys
    from datetime import date
    from pathlib import Path
    from market_assets.settings import Settings
    from market_assets.sources.sample.source import SampleSource
    from market_assets_tests.dagster_shortcuts import dagster_shortcuts
    from market_assets_tests.pipelines import Pipeline
    url, folder, *days = sys.argv[1:]
    settings = Settings(DATABASE_URL=url, MARKET_ASSETS_DATA_DIR=Path(folder), _env_file=None)
    sample = SampleSource(postings_per_day=100, seed=5)
    with dagster_shortcuts(), Pipeline(settings, sample) as pipeline:
        print("ready")
        input()
        for day in days:
            pipeline.ingest(date.fromisoformat(day))
        print("done")
"""


def settings_for(url: str, folder: Path) -> Settings:
    return Settings(DATABASE_URL=url, MARKET_ASSETS_DATA_DIR=folder, _env_file=None)


def archived(settings: Settings) -> set[int]:
    files = settings.archive_dir.rglob("*.parquet")
    return {row for file in files for row in pl.read_parquet(file, hive_partitioning=False)["posting_id"]}


@pytest.mark.slow
def test_a_clock_that_goes_back_a_day_and_forward_a_year(settings: Settings) -> None:
    """Days are those of the clock; whatever it says, no posting is lost: clean-up archives before it deletes."""
    url = settings.market_url
    with Pipeline(settings, SampleSource(postings_per_day=30, seed=5)) as pipeline:
        known: set[int] = set()
        for difference in (timedelta(), -timedelta(days=1), A_YEAR, timedelta()):
            with clock_off_by(difference) as now, freeze_time(now):
                done(pipeline.run(INGESTION))
                if difference:
                    pipeline.refresh()
            postings = assert_sound(url)
            assert postings >= known
            known = postings
            days = {row["partition_date"] for row in pipeline.rows("job_postings")}
            assert now.date() in days or now.date() - timedelta(days=1) in days
        rows = {row["posting_id"]: row for row in pipeline.rows("job_postings")}
        assert all(row["partition_date"] <= row["content_date"] for row in rows.values())
        assert all(row["ingested_at"] <= row["last_seen_at"] for row in rows.values())
        assert all(row["posted_at"] <= row["last_seen_at"] for row in rows.values())
        with clock_off_by(A_YEAR):
            done(pipeline.run(CLEANUP))
        left = assert_sound(url)
        assert left < known, "by that clock most are old"
        assert left | archived(settings) == known
        done(pipeline.run(CLEANUP))
        done(pipeline.run(REFRESH))
        assert assert_sound(url) == left


def test_schedules_under_a_clock_that_jumps(tmp_path: Path) -> None:
    """Back a day: nothing starts twice. Forward five days: the days between are made up for, once."""
    monday = datetime(2026, 3, 23, tzinfo=UTC)
    with simulated_daemon(tmp_path, f"sqlite:///{tmp_path / 'market.db'}") as daemon:
        daemon.run(monday, monday + timedelta(days=1, hours=5))
        before = daemon.ticks()
        daemon.run(monday + timedelta(hours=5), monday + timedelta(days=1, hours=5))
        assert daemon.ticks() == before, "the time that comes again is not a new one"
        ahead = monday + timedelta(days=6, hours=5)
        daemon.run(ahead, ahead)
        partitions = [partition for tick in daemon.ticks() for partition, _ in tick.runs if partition]
        assert sorted(partitions) == [(monday.date() + timedelta(days=n)).isoformat() for n in range(7)]


@pytest.mark.parametrize(
    "kind_of_database",
    [
        pytest.param("sqlite", marks=pytest.mark.thorough),
        pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.both_databases]),
    ],
    indirect=True,
)
@pytest.mark.slow
def test_two_machines_ingest_the_same_days_at_once(empty_database_url: str, tmp_path: Path) -> None:
    days = [day.isoformat() for day in DAYS]
    with (
        program(MACHINE, empty_database_url, str(tmp_path / "one"), *days) as one,
        program(MACHINE, empty_database_url, str(tmp_path / "other"), *reversed(days)) as other,
    ):
        for machine in (one, other):
            machine.expect("ready")
        for machine in (one, other):
            machine.go_on()
        for machine in (one, other):
            machine.expect("done")
    assert_sound(empty_database_url)
    alone = settings_for(f"sqlite:///{tmp_path / 'alone.db'}", tmp_path / "alone")
    with Pipeline(alone, SampleSource(postings_per_day=100, seed=5)) as twin:
        for day in DAYS:
            twin.ingest(day)
        together = Pipeline(settings_for(empty_database_url, tmp_path / "one"), SampleSource())
        assert by_identity(together.everything(INGESTED)) == by_identity(twin.everything(INGESTED))


def test_a_source_that_is_down_for_days_changes_nothing_of_the_others(settings: Settings, tmp_path: Path) -> None:
    broken = ListedSource("broken", failure="the board is gone")
    with Pipeline(settings, SampleSource(postings_per_day=30, seed=5), broken) as pipeline:
        for day in DAYS:
            result = pipeline.ingest(day)
            assert failed_checks(result) == {
                ("raw_postings/broken", "fetched", "ERROR"),
                ("job_postings", "every_source_was_read", "ERROR"),
            }
        pipeline.refresh()
        found = pipeline.everything(INGESTED)
    assert_sound(settings.market_url)
    alone = settings_for(f"sqlite:///{tmp_path / 'alone.db'}", tmp_path / "alone")
    with Pipeline(alone, SampleSource(postings_per_day=30, seed=5)) as twin:
        for day in DAYS:
            twin.ingest(day)
        assert found == twin.everything(INGESTED)
