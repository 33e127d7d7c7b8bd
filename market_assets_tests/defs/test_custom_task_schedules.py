"""When custom tasks start, and the reason where they do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
    TickData,
    TickStatus,
)

from market_assets.operations.scheduling import due_time
from market_assets.tasks import Interval
from market_assets_tests.operations.own_tasks import code_location, task

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
LOCATION = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("market_assets"), "__repository__")


def tick(
    defs: dg.Definitions, instance: dg.DagsterInstance, time: datetime = NOON
) -> tuple[str | None, str | None]:
    """The run key that a tick of the task's schedule asks for, or the reason why it asks for none."""
    schedule = defs.resolve_schedule_def("mine_schedule")
    assert isinstance(schedule, dg.ScheduleDefinition)
    context = dg.build_schedule_context(
        instance, scheduled_execution_time=time, repository_def=defs.get_repository_def()
    )
    answer = schedule.evaluate_tick(context)
    keys = [request.run_key for request in answer.run_requests or []]
    assert len(keys) <= 1
    return (keys[0] if keys else None), answer.skip_message


def test_a_task_never_overlaps_itself(tmp_path: Path, ticking: dg.DagsterInstance) -> None:
    defs = code_location(tmp_path, task("..."))
    active = ticking.add_run(
        dg.DagsterRun(
            job_name="mine",
            status=dg.DagsterRunStatus.STARTED,
            remote_job_origin=RemoteJobOrigin(LOCATION, "mine"),
        )
    )
    key, reason = tick(defs, ticking)
    assert key is None
    assert reason == f"mine is still active: run {active.run_id} is started"
    ticking.delete_run(active.run_id)
    assert tick(defs, ticking) == ("mine:2026-03-04T12:00:00+00:00", None)
    # Started by hand at the same time, a second run waits in the queue.
    (node,) = defs.resolve_job_def("mine").nodes
    assert node.definition.pools == {"mine"}


def test_between_its_due_times_an_interval_says_when_it_is_due(
    tmp_path: Path, ticking: dg.DagsterInstance
) -> None:
    defs = code_location(tmp_path, task("...", "hours=5"))
    interval = Interval(300)
    due = interval.latest(NOON)
    for hour in range(-1, 6):
        time = due + timedelta(hours=hour)
        key, reason = tick(defs, ticking, time)
        if hour in (0, 5):
            assert key == f"mine:{time.isoformat()}"
        else:
            assert key is None
            assert reason == f"mine runs every 5 hours, next at {interval.next(time):%Y-%m-%d %H:%M} UTC"
    schedule = defs.resolve_schedule_def("mine_schedule")
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert schedule.tags == {"market_assets/every_minutes": "300"}
    assert schedule.description is not None
    assert "due every 5 hours, counted from 1970-01-01 00:00 UTC." in schedule.description


def add_ticks(instance: dg.DagsterInstance, started: datetime, *ticks: datetime) -> None:
    """Note that a schedule was started, and ticked since."""
    origin = RemoteInstigatorOrigin(LOCATION, "mine_schedule")
    data = ScheduleInstigatorData("0 * * * *", started.timestamp())
    state = InstigatorState(origin, InstigatorType.SCHEDULE, InstigatorStatus.RUNNING, data)
    instance.add_instigator_state(state)
    for time in ticks:
        instance.create_tick(
            TickData(
                instigator_origin_id=state.instigator_origin_id,
                instigator_name="mine_schedule",
                instigator_type=InstigatorType.SCHEDULE,
                status=TickStatus.SKIPPED,
                timestamp=time.timestamp(),
                selector_id=state.selector_id,
            )
        )


DUE = Interval(300).latest(NOON)


@pytest.mark.parametrize(
    ("started", "last_tick", "now", "expected"),
    [
        # An outage over the due time: the tick after it makes up for it.
        (-10, -1, 3, DUE),
        (-10, -1, 1, DUE),
        # The due time had its tick, however that ended.
        (-10, 0, 1, None),
        (-10, 0, 3, None),
        (-10, 2, 3, None),
        # The schedule was started, or resumed, after the due time.
        (2, None, 3, None),
        (2, -1, 3, None),
        (0, None, 3, DUE),
        (-2, None, 3, DUE),
        # An outage over two due times: once.
        (-10, -1, 7, DUE + timedelta(hours=5)),
        (-10, -1, 5, DUE + timedelta(hours=5)),
    ],
)
def test_a_missed_due_time_is_made_up_for_once(
    tmp_path: Path,
    ticking: dg.DagsterInstance,
    started: int,
    last_tick: int | None,
    now: int,
    expected: datetime | None,
) -> None:
    ticks = [] if last_tick is None else [DUE + timedelta(hours=last_tick)]
    time = DUE + timedelta(hours=now)
    # Dagster notes a tick before it is evaluated.
    add_ticks(ticking, DUE + timedelta(hours=started), *ticks, time)
    assert due_time(ticking, "mine_schedule", Interval(300), time) == expected
    key, reason = tick(code_location(tmp_path, task("...", "hours=5")), ticking, time)
    assert key == (f"mine:{expected.isoformat()}" if expected else None)
    assert bool(reason) == (expected is None)
