"""Custom tasks as jobs of the code location: how runs end, and what the UI shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from market_assets.defs.custom import CustomFilesError
from market_assets.operations.names import TASKS_SENSOR
from market_assets_tests.operations.own_tasks import code_location, task


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """An instance that forgets, for runs."""
    with dg.DagsterInstance.ephemeral() as instance:
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
    assert not job.hook_defs, "a hook would add an event to every step"
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
    with pytest.raises(CustomFilesError, match=f"task '{id}': a job or an asset has that name already"):
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
    ("body", "expected"),
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
def test_the_cause_of_a_task_that_fails(
    tmp_path: Path, instance: dg.DagsterInstance, body: str, expected: str
) -> None:
    assert cause(run(tmp_path, task(body), instance)) == expected


def test_what_a_failed_task_returned_is_kept(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    result = run(tmp_path, task("return {'success': False, 'error': 'half', 'done': 7}"), instance)
    (event,) = [event for event in result.all_events if event.is_step_failure]
    kept = event.step_failure_data.user_failure_data
    assert kept is not None
    assert kept.metadata["done"].value == 7
    assert kept.description == "half"


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


# --- what is wrong -------------------------------------------------------------------------------


def sensor_of(defs: dg.Definitions) -> dg.SensorDefinition:
    sensor = defs.get_repository_def().get_sensor_def(TASKS_SENSOR)
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
    assert sensor.description == "Something is wrong with your files:\n" + "\n".join(problems)
    assert sensor.metadata["problems"].value == problems
    with pytest.raises(CustomFilesError) as caught:
        tick_of_sensor(defs)
    assert str(caught.value) == "\n".join(problems)
    assert defs.resolve_job_def("mine").name == "mine"


def test_without_problems_the_sensor_is_content(tmp_path: Path) -> None:
    defs = code_location(tmp_path, task("..."))
    assert tick_of_sensor(defs) == "1 task on the schedule"
    assert sensor_of(defs).metadata["problems"].value == []


def test_a_problem_is_in_the_log_of_the_code_location(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    code_location(tmp_path, "1 / 0")
    assert f"left out: {tmp_path / 'mine.py'}, line 1: ZeroDivisionError" in caplog.text
