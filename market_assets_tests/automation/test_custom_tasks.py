"""Tasks of the user's own as jobs of the code location: what a run says, when it starts, and what the UI shows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

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

from market_assets.automation.custom_tasks import SENSOR, TaskFilesError
from market_assets.automation.failure import cause_of, forget_causes
from market_assets.automation.intervals import Interval
from market_assets.automation.schedules import due_moment
from market_assets.definitions import build_defs
from market_assets.settings import Settings
from market_assets.sources.sample.source import SampleSource

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
LOCATION = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("market_assets"), "__repository__")


def code_location(folder: Path, content: str, **settings: Any) -> dg.Definitions:
    (folder / "mine.py").write_text(content)
    return build_defs(
        Settings(
            MARKET_ASSETS_CUSTOM_DIR=folder,
            MARKET_ASSETS_DATA_DIR=folder / "data",
            _env_file=None,
            **settings,
        ),
        [SampleSource()],
    )


def task(body: str, when: str = "hours=1", signature: str = "def my_function():") -> str:
    return f"import sys, asyncio, math\n@scheduled_job('mine', {when})\n{signature}\n    {body}\n"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """An instance that forgets, for runs."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance
    forget_causes()


@pytest.fixture
def ticking(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance on disk, which the evaluation of a schedule insists on."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


def run(folder: Path, content: str, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    job = code_location(folder, content).resolve_job_def("mine")
    return job.execute_in_process(instance=instance, raise_on_error=False)


def shown(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (event,) = [event for event in result.all_events if event.event_type_value == "STEP_OUTPUT"]
    return {name: value.value for name, value in event.step_output_data.metadata.items()}


def cause(result: dg.ExecuteInProcessResult) -> str:
    assert not result.success
    event = next(event for event in result.all_events if event.is_step_failure)
    failure = event.step_failure_data
    if failure.user_failure_data and failure.user_failure_data.description:
        return str(failure.user_failure_data.description)
    assert failure.error is not None
    assert failure.error.cause is not None
    return failure.error.cause.message.strip()


def test_a_task_is_a_job_with_a_schedule(tmp_path: Path) -> None:
    content = task('"""Does mine."""', "cron='0 6 * * 1-5'")
    defs = code_location(tmp_path, content)
    dg.Definitions.validate_loadable(defs)
    job = defs.resolve_job_def("mine")
    assert job.description == f"Does mine.\n\nDeclared in {tmp_path / 'mine.py'}, line 2."
    assert [node.name for node in job.nodes] == ["my_function"]
    assert {hook.name for hook in job.hook_defs} == {"say_why_it_failed"}
    schedule = defs.resolve_schedule_def("mine_schedule")
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert (schedule.job_name, schedule.cron_schedule, schedule.execution_timezone) == (
        "mine",
        "0 6 * * 1-5",
        "UTC",
    )
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


@pytest.mark.parametrize(
    "name", ["posting_skills", "my_function", "config", "größe", "daily_sample_ingestion", "mine__task"]
)
def test_a_function_may_be_called_like_anything(tmp_path: Path, instance: dg.DagsterInstance, name: str) -> None:
    content = (
        f"@scheduled_job('mine', hours=1)\ndef {name}(): return {{'called': 1}}\n"
        f"@scheduled_job('other', hours=1)\ndef {name}(): return {{'called': 2}}\n"
    )
    defs = code_location(tmp_path, content)
    dg.Definitions.validate_loadable(defs)
    for number, job in enumerate(["mine", "other"], 1):
        result = defs.resolve_job_def(job).execute_in_process(instance=instance)
        assert shown(result) == {"called": number}


@pytest.mark.parametrize(
    "id", ["job_postings", "raw_postings__sample", "refresh_market_stats", "skill_demand", "market_report"]
)
def test_a_name_that_is_taken_is_refused_and_the_rest_loads(tmp_path: Path, id: str) -> None:
    defs = code_location(tmp_path, task("...").replace("'mine'", f"'{id}'"))
    dg.Definitions.validate_loadable(defs)
    with pytest.raises(TaskFilesError, match=f"task '{id}': a job or an asset has that name already"):
        tick_of_sensor(defs)


def test_what_a_task_returns_is_shown(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    returned = (
        "{'success': True, 'rows': 3, 'share': 0.5, 'names': ['a', 1, None], 'nothing': None, 'text': 'x' * 9000,"
        " 'where': {'a': (1,)}, 'nan': math.nan, 'nans': [math.nan], 'type': sys, 5: 'five', '': 'no name',"
        " 'big': 2**80, 'long': ['x' * 9000]}"
    )
    result = run(tmp_path, task(f"return {returned}"), instance)
    assert result.success
    found = shown(result)
    assert found.pop("type").startswith("<module 'sys'")
    assert found.pop("long") == ('["' + "x" * 9000)[:5000]
    assert found == {
        "success": True,
        "rows": 3,
        "share": 0.5,
        "names": ["a", 1, None],
        "nothing": None,
        "text": "x" * 5000,
        "where": {"a": [1]},
        "nan": "nan",
        "nans": "[nan]",
        "5": "five",
        "big": 2**80,
    }


@pytest.mark.parametrize("returned", ["None", "5", "'text'", "[1]", "object()", "{}", "(i for i in ())"])
def test_anything_else_that_a_task_returns_is_fine(
    tmp_path: Path, instance: dg.DagsterInstance, returned: str
) -> None:
    result = run(tmp_path, task(f"return {returned}"), instance)
    assert result.success
    assert shown(result) == {}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise ValueError('no luck')", "ValueError: no luck"),
        ("return {'success': False, 'error': 'the board is closed'}", "the board is closed"),
        ("return {'success': False}", "my_function returned success: False, and no error"),
        ("return {'success': None, 'error': ''}", "my_function returned success: None, and no error"),
        ("return {'success': False, 'error': ['a', 'b']}", "['a', 'b']"),
        ("sys.exit(3)", "my_function called sys.exit(3)"),
        ("sys.exit('bye')", "my_function called sys.exit('bye')"),
        ("raise SystemExit(True)", "my_function called sys.exit(True)"),
    ],
)
def test_a_task_that_fails_says_why(tmp_path: Path, instance: dg.DagsterInstance, body: str, said: str) -> None:
    assert cause(run(tmp_path, task(body), instance)) == said


def test_what_a_failed_task_returned_is_kept(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    result = run(tmp_path, task("return {'success': False, 'error': 'half', 'done': 7}"), instance)
    (event,) = [event for event in result.all_events if event.is_step_failure]
    kept = event.step_failure_data.user_failure_data
    assert kept is not None
    assert kept.metadata["done"].value == 7
    assert cause_of(dg.Failure(kept.description)) == "half"


@pytest.mark.parametrize("code", ["", "0", "None"])
def test_a_polite_exit_is_a_success(tmp_path: Path, instance: dg.DagsterInstance, code: str) -> None:
    assert run(tmp_path, task(f"sys.exit({code})"), instance).success


def test_an_async_task(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    content = task("await asyncio.sleep(0); return {'run': context.run_id}", signature="async def f(context):")
    result = run(tmp_path, content, instance)
    assert shown(result) == {"run": result.run_id}


def test_a_task_reads_and_writes_the_store(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    body = (
        "with context.resources.store.ingesting() as connection:\n"
        "        return {'postings': connection.scalar('SELECT count(*) FROM job_postings')}"
    )
    result = run(tmp_path, task(body, signature="def f(context):"), instance)
    assert result.success, cause(result)
    assert shown(result) == {"postings": 0}


def test_a_store_that_cannot_be_reached_does_not_matter_to_a_task_without_it(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    defs = code_location(tmp_path, task("..."), DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    assert defs.resolve_job_def("mine").execute_in_process(instance=instance).success


def test_one_task_that_fails_leaves_the_others_alone(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    defs = code_location(tmp_path, task("1 / 0") + "@scheduled_job('other', hours=1)\ndef f(): ...\n")
    assert not defs.resolve_job_def("mine").execute_in_process(instance=instance, raise_on_error=False).success
    assert defs.resolve_job_def("other").execute_in_process(instance=instance).success


# --- when ----------------------------------------------------------------------------------------


def tick(
    defs: dg.Definitions, instance: dg.DagsterInstance, moment: datetime = NOON
) -> tuple[str | None, str | None]:
    """The run key that a tick of the task's schedule asks for, or the reason why it asks for none."""
    schedule = defs.resolve_schedule_def("mine_schedule")
    assert isinstance(schedule, dg.ScheduleDefinition)
    context = dg.build_schedule_context(
        instance, scheduled_execution_time=moment, repository_def=defs.get_repository_def()
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
        moment = due + timedelta(hours=hour)
        key, reason = tick(defs, ticking, moment)
        if hour in (0, 5):
            assert key == f"mine:{moment.isoformat()}"
        else:
            assert key is None
            assert (
                reason == f"mine runs every 5 hours: the next time is {interval.next(moment):%Y-%m-%d %H:%M} UTC"
            )
    schedule = defs.resolve_schedule_def("mine_schedule")
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert schedule.tags == {"market_assets/every_minutes": "300"}
    assert schedule.description is not None
    assert "due every 5 hours, counted from 1970-01-01 00:00 UTC. Cron can't say that" in schedule.description


def remember(instance: dg.DagsterInstance, started: datetime, *ticks: datetime) -> None:
    """Note that a schedule was started, and ticked since."""
    origin = RemoteInstigatorOrigin(LOCATION, "mine_schedule")
    data = ScheduleInstigatorData("0 * * * *", started.timestamp())
    state = InstigatorState(origin, InstigatorType.SCHEDULE, InstigatorStatus.RUNNING, data)
    instance.add_instigator_state(state)
    for moment in ticks:
        instance.create_tick(
            TickData(
                instigator_origin_id=state.instigator_origin_id,
                instigator_name="mine_schedule",
                instigator_type=InstigatorType.SCHEDULE,
                status=TickStatus.SKIPPED,
                timestamp=moment.timestamp(),
                selector_id=state.selector_id,
            )
        )


DUE = Interval(300).latest(NOON)


@pytest.mark.parametrize(
    ("started", "last_tick", "now", "expected"),
    [
        # An outage over the due moment: the tick after it stands for it.
        (-10, -1, 3, DUE),
        (-10, -1, 1, DUE),
        # The due moment had its tick, whatever came of it.
        (-10, 0, 1, None),
        (-10, 0, 3, None),
        (-10, 2, 3, None),
        # The schedule was started, or resumed, after the due moment.
        (2, None, 3, None),
        (2, -1, 3, None),
        (0, None, 3, DUE),
        (-2, None, 3, DUE),
        # An outage over two due moments: once.
        (-10, -1, 7, DUE + timedelta(hours=5)),
        (-10, -1, 5, DUE + timedelta(hours=5)),
    ],
)
def test_a_missed_due_moment_is_made_up_for_once(
    tmp_path: Path,
    ticking: dg.DagsterInstance,
    started: int,
    last_tick: int | None,
    now: int,
    expected: datetime | None,
) -> None:
    ticks = [] if last_tick is None else [DUE + timedelta(hours=last_tick)]
    moment = DUE + timedelta(hours=now)
    # Dagster notes a tick before it is evaluated.
    remember(ticking, DUE + timedelta(hours=started), *ticks, moment)
    assert due_moment(ticking, "mine_schedule", Interval(300), moment) == expected
    key, reason = tick(code_location(tmp_path, task("...", "hours=5")), ticking, moment)
    assert key == (f"mine:{expected.isoformat()}" if expected else None)
    assert bool(reason) == (expected is None)


# --- what is wrong -------------------------------------------------------------------------------


def sensor_of(defs: dg.Definitions) -> dg.SensorDefinition:
    sensor = defs.get_repository_def().get_sensor_def(SENSOR)
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    return sensor


def tick_of_sensor(defs: dg.Definitions) -> str | None:
    with dg.DagsterInstance.ephemeral() as instance:
        return sensor_of(defs).evaluate_tick(dg.build_sensor_context(instance)).skip_message


def test_a_problem_is_on_the_sensor_and_makes_it_fail(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "worse.py").write_text("import sys; sys.exit(1)")
    defs = code_location(tmp_path, task("..."))
    problems = [
        f"{tmp_path / 'broken.py'}, line 1: ZeroDivisionError: division by zero",
        f"{tmp_path / 'worse.py'}, line 1: it calls sys.exit(1) when it is imported",
    ]
    sensor = sensor_of(defs)
    assert sensor.description == "Something is wrong with your tasks:\n" + "\n".join(problems)
    assert sensor.metadata["problems"].value == problems
    with pytest.raises(TaskFilesError) as caught:
        tick_of_sensor(defs)
    assert str(caught.value) == "\n".join(problems)
    assert defs.resolve_job_def("mine").name == "mine"


def test_without_problems_the_sensor_is_content(tmp_path: Path) -> None:
    defs = code_location(tmp_path, task("..."))
    assert tick_of_sensor(defs) == "1 task on the schedule"
    assert sensor_of(defs).metadata["problems"].value == []


def test_a_problem_is_in_the_log_of_the_code_location(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    code_location(tmp_path, "1 / 0")
    assert f"a task is left out: {tmp_path / 'mine.py'}, line 1: ZeroDivisionError" in caplog.text
