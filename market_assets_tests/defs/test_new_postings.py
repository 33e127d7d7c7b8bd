"""When the sensor for new postings starts a refresh, with real ingestion and refreshes between its ticks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, ScheduleInstigatorData

from market_assets.defs.sensors import NEW_POSTINGS_SENSOR, new_postings_sensor
from market_assets.operations.names import REFRESH
from market_assets.settings import Settings
from market_assets.store import schedule_overrides
from market_assets.store.database import Database
from market_assets.store.schedule_overrides import Change, Pause
from market_assets_tests.pipelines import ListedSource, Pipeline, done
from market_assets_tests.store.migrating import copied

FIRST = datetime(2026, 3, 4, tzinfo=UTC).date()


@dataclass
class World:
    """A pipeline over an instance on disk, and the sensor with its cursor."""

    pipeline: Pipeline
    source: ListedSource
    cursor: str | None = None
    posted: int = 0

    def tick(self) -> str | None:
        """The reason why a tick starts nothing; None where it starts a refresh."""
        context = dg.build_sensor_context(self.pipeline.instance, cursor=self.cursor)
        answer = new_postings_sensor(self.pipeline.settings).evaluate_tick(context)
        self.cursor = answer.cursor
        if not answer.run_requests:
            assert answer.skip_message
            return answer.skip_message
        (request,) = answer.run_requests
        assert request.partition_key is None
        return None

    def post(self, number: int, day: int = 0) -> None:
        """Ingest so many postings that were never seen before."""
        date = FIRST + timedelta(days=day)
        listed = self.source.days.setdefault(date, [])
        listed += [{"title": f"Job {self.posted + each}", "company": "Inn"} for each in range(number)]
        self.posted += number
        self.pipeline.ingest(date, refetch=True)


@pytest.fixture
def world(tmp_path: Path, migrated_sqlite: Path, ticking: dg.DagsterInstance) -> Iterator[World]:
    copied(migrated_sqlite, tmp_path / "market.db")
    settings = Settings(
        DATABASE_URL=f"sqlite:///{tmp_path / 'market.db'}",
        MARKET_ASSETS_DATA_DIR=tmp_path / "data",
        MARKET_ASSETS_REFRESH_AFTER_POSTINGS="5",
        _env_file=None,
    )
    source = ListedSource()
    with Pipeline(settings, source) as pipeline:
        pipeline.instance.dispose()
        pipeline.instance = ticking
        yield World(pipeline, source)


def test_a_refresh_comes_with_enough_new_postings_since_the_last(world: World) -> None:
    assert world.tick() == "0 new postings since the last refresh, of 5"
    world.post(4)
    assert world.tick() == "4 new postings since the last refresh, of 5"
    world.post(1, day=1)
    assert world.tick() is None
    world.pipeline.refresh(datetime(2026, 3, 6, tzinfo=UTC))
    assert world.tick() == "0 new postings since the last refresh, of 5"
    world.post(6)
    assert world.tick() is None


def test_each_posting_of_a_run_over_many_days_is_new_once(world: World) -> None:
    for day in range(4):
        date = FIRST + timedelta(days=day)
        world.source.days[date] = [{"title": f"Job of {date}", "company": "Inn"}]
    world.pipeline.ingest(FIRST, FIRST + timedelta(days=3))
    assert world.tick() == "4 new postings since the last refresh, of 5"
    world.pipeline.ingest(FIRST, refetch=True)
    assert world.tick() == "4 new postings since the last refresh, of 5", "they were seen before"


def test_a_summary_by_any_other_run_starts_the_count_again(world: World) -> None:
    world.post(9)
    done(world.pipeline.materialize("market_summary"))
    assert world.tick() == "0 new postings since the last refresh, of 5"


def test_a_refresh_that_fails_is_not_started_every_minute(world: World) -> None:
    world.post(5)
    assert world.tick() is None
    # No refresh has succeeded since.
    assert world.tick() == "0 new postings since the last refresh, of 5"
    world.post(4)
    assert world.tick() == "4 new postings since the last refresh, of 5"
    world.post(1)
    assert world.tick() is None


def test_a_refresh_that_is_active_is_waited_for(world: World) -> None:
    world.post(5)
    for status in ("not_started", "started"):
        run = dg.DagsterRun(job_name=REFRESH, status=dg.DagsterRunStatus[status.upper()])
        active = world.pipeline.instance.add_run(run)
        reason = f"5 new postings, but {REFRESH} is still active: run {active.run_id} is {status}"
        assert world.tick() == reason
        world.pipeline.instance.delete_run(active.run_id)
    assert world.tick() is None


def test_what_people_decided_holds(world: World) -> None:
    engine = Database(world.pipeline.settings.market_url).engine()
    now = datetime.now(UTC)
    world.post(5)
    for decision in ("pause", "deletion", "stop"):
        if decision == "pause":
            schedule_overrides.pause(engine, REFRESH, Pause(now, "alice", "moving"))
        elif decision == "deletion":
            schedule_overrides.delete(engine, REFRESH, Change(now, "alice"), resumes=False)
        else:
            schedule_overrides.stop(engine, Change(now, "alice"), [])
        reason = world.tick()
        assert reason is not None, decision
        assert reason.startswith("5 new postings, but "), decision
        assert "alice" in reason, decision
        schedule_overrides.end_pause(engine, REFRESH)
        schedule_overrides.restore(engine, REFRESH)
        schedule_overrides.start(engine)
    assert world.tick() is None


def test_a_schedule_that_was_stopped_in_the_ui_holds(world: World) -> None:
    world.post(5)
    location = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("market_assets"), "__repository__")
    origin = RemoteInstigatorOrigin(location, f"{REFRESH}_schedule")
    data = ScheduleInstigatorData("30 2 * * *")
    state = InstigatorState(origin, InstigatorType.SCHEDULE, InstigatorStatus.STOPPED, data)
    world.pipeline.instance.add_instigator_state(state)
    assert world.tick() == f"5 new postings, but {REFRESH}_schedule is stopped"
    world.pipeline.instance.update_instigator_state(state.with_status(InstigatorStatus.RUNNING))
    assert world.tick() is None


def test_the_sensor_runs_where_the_number_is_set(world: World) -> None:
    on = new_postings_sensor(world.pipeline.settings)
    assert on.default_status is dg.DefaultSensorStatus.RUNNING
    assert (on.name, on.job_name) == (NEW_POSTINGS_SENSOR, REFRESH)


@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_a_wrong_number_is_told(value: str) -> None:
    with pytest.raises(ValueError, match="MARKET_ASSETS_REFRESH_AFTER_POSTINGS"):
        Settings(MARKET_ASSETS_REFRESH_AFTER_POSTINGS=value, _env_file=None)
