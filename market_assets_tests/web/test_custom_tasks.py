"""Tasks of the user's own over the admin API and GraphQL, with a daemon that runs them; and days of ticks."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import TickStatus
from dagster._core.storage.dagster_run import RunRecord
from dagster._scheduler.scheduler import launch_scheduled_runs

from market_assets.dagster_ext.workspace import load_failure
from market_assets.operations.scheduling import schedule_states
from market_assets.tasks import Interval
from market_assets_tests.web.admin_calls import PATIENCE, executions, trigger, until
from market_assets_tests.web.admin_process import JOBS, REFRESH, SCHEDULER, AdminProcess, admin_process

pytestmark = pytest.mark.slow


TASKS = """
from market_assets.tasks import scheduled_job

@scheduled_job("my_custom_job", hours=5)
def my_custom_ingestion(context):
    '''Fetches mine.'''
    return {"rows": 3}

@scheduled_job("my_failing_job", cron="0 6 * * 1-5")
def my_failing_ingestion():
    return {"success": False, "error": "the board is closed"}
"""


def own_tasks(folder: Path) -> Path:
    tasks = folder / "tasks"
    tasks.mkdir()
    (tasks / "mine.py").write_text(TASKS)
    (tasks / "broken.py").write_text("import sys\nsys.exit(1)\n")
    return tasks


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdminProcess]:
    folder = tmp_path_factory.mktemp("admin")
    with admin_process(folder, MARKET_ASSETS_CUSTOM_DIR=str(own_tasks(folder))) as process:
        yield process


def test_tasks_are_on_the_list_beside_the_other_jobs(process: AdminProcess) -> None:
    now = datetime.now(UTC)
    content = process.client().get(f"{SCHEDULER}/jobs").json()
    jobs = {job["id"]: job for job in content["jobs"]}
    assert list(jobs) == sorted([*JOBS, "my_custom_job", "my_failing_job"])
    mine, failing = jobs["my_custom_job"], jobs["my_failing_job"]
    assert (mine["func_name"], failing["func_name"]) == ("my_custom_ingestion", "my_failing_ingestion")
    assert (mine["schedule"], failing["schedule"]) == ("every 5 hours", "0 6 * * 1-5")
    assert mine["description"].startswith("Fetches mine.")
    next_run = datetime.fromisoformat(mine["next_run"])
    assert next_run in (Interval(300).next(now), Interval(300).next(datetime.now(UTC)))
    weekday = datetime.fromisoformat(failing["next_run"])
    assert (weekday.hour, weekday.minute, weekday.weekday() < 5) == (6, 0, True)
    assert content["task_problems"] == [
        f"{process.folder / 'tasks' / 'broken.py'}, line 2: it calls sys.exit(1) when it is imported"
    ]


def test_the_ui_shows_the_problem_and_the_schedule(process: AdminProcess) -> None:
    answer = process.graphql(
        "query ($sensor: SensorSelector!) { sensorOrError(sensorSelector: $sensor)"
        " { ... on Sensor { description sensorState { status } } } }",
        {
            "sensor": {
                "repositoryLocationName": "market_assets",
                "repositoryName": "__repository__",
                "sensorName": "custom_tasks",
            }
        },
    )["sensorOrError"]
    assert "broken.py, line 2: it calls sys.exit(1)" in answer["description"]
    assert answer["sensorState"]["status"] == "RUNNING"
    assert process.schedule_runs("my_custom_job")


def test_a_task_is_paused_resumed_deleted_and_restored(process: AdminProcess) -> None:
    alice = process.client()
    job = f"{SCHEDULER}/jobs/my_custom_job"
    assert alice.post(f"{job}/pause", json={"reason": "moving"}).status_code == 200
    shown = alice.get(job).json()["job"]
    assert (shown["status"], shown["next_run"], shown["pause"]["reason"]) == ("paused", None, "moving")
    assert not process.schedule_runs("my_custom_job")
    assert alice.post(f"{job}/resume").status_code == 200
    assert process.schedule_runs("my_custom_job")
    assert alice.delete(job).status_code == 200
    assert alice.get(job).status_code == 404
    with process.restarted() as later:
        assert later.client().get(job).status_code == 404
    assert alice.post(f"{job}/restore").status_code == 200
    assert alice.get(job).json()["job"]["status"] == "scheduled"


def test_a_viewer_may_not_trigger_a_task(process: AdminProcess) -> None:
    trigger(process.client("victor"), "my_custom_job", status=403)


def test_a_triggered_task_that_is_active_is_not_started_again(process: AdminProcess) -> None:
    alice = process.client()
    first = trigger(alice, "my_custom_job")
    assert trigger(alice, "my_custom_job", status=409)["run_id"] == first["run_id"]
    trigger(alice, "my_failing_job")
    process.instance.wipe()


@pytest.mark.thorough
def test_two_days_of_ticks_with_an_outage_and_a_run_that_stays(process: AdminProcess) -> None:
    """Dagster's own scheduler at fixed times: which due times were kept, made up for, and skipped."""
    process.wipe_dagster()
    # Evaluating a schedule costs a call of the code server: the other jobs' are not needed here.
    for job in (*JOBS, "my_failing_job"):
        assert process.client().post(f"{SCHEDULER}/jobs/{job}/pause").status_code == 200
    # The night in which clocks change. Every five hours is 01:00, 06:00, 11:00 … on that day.
    midnight = datetime(2026, 3, 29, tzinfo=UTC)
    first = Interval(300).next(midnight)
    due = [first + timedelta(hours=5 * number) for number in range(9)]
    for hour in range(46):
        now = midnight + timedelta(hours=hour, minutes=5)
        # Nobody is there from before the second due time until after the third; it is noticed at 14:05.
        if due[0] + timedelta(hours=2) <= now < due[2] + timedelta(hours=3):
            continue
        iteration = launch_scheduled_runs(process.context, logging.getLogger("ticks"), now, {})
        assert [error for error in iteration if error is not None] == []
        stays = due[5] <= now < due[6] + timedelta(hours=1)
        for record in queued(process):
            if not (stays and record.dagster_run.tags["dagster/run_key"].endswith(due[5].isoformat())):
                process.instance.report_run_canceled(record.dagster_run)
    assert queued(process) == []
    runs = process.instance.get_run_records(dg.RunsFilter(job_name="my_custom_job"))
    keys = sorted(record.dagster_run.tags["dagster/run_key"] for record in runs)
    kept = [time for number, time in enumerate(due) if number not in (1, 6)]
    assert keys == [f"my_custom_job:{time.isoformat()}" for time in kept]
    reasons = skips(process, "my_custom_job")
    assert reasons[due[6]].startswith("my_custom_job is still active: run ")
    assert reasons[due[0] + timedelta(hours=1)] == "my_custom_job runs every 5 hours, next at 2026-03-29 06:00 UTC"
    assert due[2] + timedelta(hours=3) not in reasons


def queued(process: AdminProcess) -> list[RunRecord]:
    return list(process.instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED])))


def skips(process: AdminProcess, job: str) -> dict[datetime, str]:
    """Why each tick of a job that started nothing did not."""
    state = schedule_states(process.instance)[f"{job}_schedule"]
    ticks = process.instance.get_ticks(state.instigator_origin_id, state.selector_id)
    return {
        datetime.fromtimestamp(tick.timestamp, UTC): tick.skip_reason
        for tick in ticks
        if tick.status is TickStatus.SKIPPED and tick.skip_reason is not None
    }


@pytest.mark.thorough
def test_tasks_run_and_end_with_a_result(process: AdminProcess) -> None:
    process.wipe_dagster()
    alice = process.client()
    for job in (*JOBS, "my_custom_job", "my_failing_job"):
        assert alice.post(f"{SCHEDULER}/jobs/{job}/pause").status_code == 200
    with process.daemon():
        until(lambda: bool(failures(process)))
        good = trigger(alice, "my_custom_job", status=200, wait=PATIENCE)
        bad = trigger(alice, "my_failing_job", status=200, wait=PATIENCE)
    assert good["result"]["status"] == "success", good
    assert bad["result"]["status"] == "failed"
    assert bad["result"]["error"] == "my_failing_ingestion failed: the board is closed"
    shown = {execution["job_id"]: execution for execution in executions(alice)}
    assert {job: execution["func_name"] for job, execution in shown.items()} == {
        "my_custom_job": "my_custom_ingestion",
        "my_failing_job": "my_failing_ingestion",
    }
    assert {execution["triggered_by"] for execution in shown.values()} == {"api:alice"}
    assert REFRESH not in shown
    (error, *_) = failures(process)
    assert "broken.py, line 2: it calls sys.exit(1)" in error


def failures(process: AdminProcess) -> list[str]:
    """What the failed ticks of the sensor say that is red while a file has a problem."""
    states = process.instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
    ticks = [
        tick
        for state in states
        if state.instigator_name == "custom_tasks"
        for tick in process.instance.get_ticks(state.instigator_origin_id, state.selector_id)
    ]
    return [str(tick.error) for tick in ticks if tick.status is TickStatus.FAILURE]


def test_a_reload_of_the_code_location_reads_the_files_again(process: AdminProcess) -> None:
    alice = process.client()
    tasks = process.folder / "tasks"
    mended = (tasks / "broken.py").rename(tasks / "_broken.py")
    (tasks / "added.py").write_text("@scheduled_job('added', minutes=45)\ndef f(): ...\n")
    process.context.reload_code_location("market_assets")
    content = alice.get(f"{SCHEDULER}/jobs").json()
    assert content.keys() == {"success", "jobs", "count"}
    assert {job["id"]: job["schedule"] for job in content["jobs"]}["added"] == "every 45 minutes"
    mended.rename(tasks / "broken.py")
    (tasks / "added.py").unlink()
    process.context.reload_code_location("market_assets")
    content = alice.get(f"{SCHEDULER}/jobs").json()
    assert len(content["task_problems"]) == 1
    assert "added" not in {job["id"] for job in content["jobs"]}


def test_a_reload_reads_the_configuration_again_and_shows_what_is_wrong_with_it(process: AdminProcess) -> None:
    sources = process.folder / "sources.yaml"
    right = sources.read_text()
    sources.write_text("sources: [{type: no such type}]")
    with pytest.warns(UserWarning, match="it needs a `type`"):
        process.context.reload_code_location("market_assets")
    failure = load_failure(process.context)
    assert failure is not None
    assert failure.startswith(f"MARKET_ASSETS_SOURCES: {sources}: ")
    assert "it needs a `type`" in failure
    sources.write_text(right)
    settings = process.folder / ".env"
    settings.write_text("MARKET_ASSETS_REFRESH_CRON=17 */5 * * *\n")
    process.context.reload_code_location("market_assets")
    assert load_failure(process.context) is None
    assert _schedule_of(process, REFRESH) == "17 */5 * * *"
    settings.unlink()
    process.context.reload_code_location("market_assets")
    assert _schedule_of(process, REFRESH) != "17 */5 * * *"


def _schedule_of(process: AdminProcess, job: str) -> str:
    jobs = {each["id"]: each for each in process.client().get(f"{SCHEDULER}/jobs").json()["jobs"]}
    assert set(JOBS) < set(jobs)
    return str(jobs[job]["schedule"])
