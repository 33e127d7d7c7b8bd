"""Retries that Dagster owes: which are missing, and what makes its daemon start them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.selector import JobSubsetSelector
from dagster._core.events import JobFailureData, RunFailureReason
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.auto_run_reexecution.event_log_consumer import EventLogConsumerDaemon

from market_assets.defs.housekeeping import (
    FAILURE_REPEATED_TAG,
    housekeeping_sensor,
    queue_forgotten,
    repeat_failures,
)
from market_assets.settings import Settings
from market_assets.store.database import StoreUnavailableError

TAGS = {"dagster/max_retries": "1"}


@dg.op
def nothing() -> None: ...


@dg.job
def a_job() -> None:
    nothing()


DEFS = dg.Definitions(jobs=[a_job])


@pytest.fixture
def instance(tmp_path: Path, empty_history: Path) -> Iterator[dg.DagsterInstance]:
    shutil.copytree(empty_history, tmp_path, dirs_exist_ok=True)
    queue = {"module": "dagster._core.run_coordinator", "class": "QueuedRunCoordinator"}
    overrides = {"run_retries": {"enabled": True, "max_retries": 0}, "run_coordinator": queue}
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides=overrides) as instance:
        yield instance


def failed(instance: dg.DagsterInstance, reason: RunFailureReason | None = None, **tags: str) -> dg.DagsterRun:
    run = instance.create_run_for_job(a_job, tags=tags)
    instance.report_run_failed(run, "gone", JobFailureData(error=None, failure_reason=reason) if reason else None)
    return run


def repeated(instance: dg.DagsterInstance, after: timedelta = timedelta()) -> list[str]:
    return repeat_failures(instance, datetime.now(UTC) + after)


def failures_after(instance: dg.DagsterInstance, cursor: int) -> list[str]:
    """The runs of the events that Dagster's daemon reads next, from its cursor on."""
    found = instance.event_log_storage.get_logs_for_all_runs_by_log_id(
        after_cursor=cursor, dagster_event_type={dg.DagsterEventType.RUN_FAILURE}
    )
    return [entry.run_id for entry in found.values()]


@pytest.mark.parametrize("will_retry", ["true", "false"])
def test_the_failure_of_a_run_without_its_retry_is_repeated(instance: dg.DagsterInstance, will_retry: str) -> None:
    failed(instance)
    lost = failed(instance, **TAGS)
    # "false" is what the daemon sets when the code server was away.
    instance.add_run_tags(lost.run_id, {"dagster/will_retry": will_retry})
    cursor = instance.event_log_storage.get_maximum_record_id()
    assert cursor is not None
    assert repeated(instance) == [lost.run_id]
    assert failures_after(instance, cursor) == [lost.run_id]
    run = instance.get_run_by_id(lost.run_id)
    assert run is not None
    assert (run.status, run.tags["dagster/will_retry"]) == (dg.DagsterRunStatus.FAILURE, "true")


def test_it_is_repeated_three_times_at_most(instance: dg.DagsterInstance) -> None:
    lost = failed(instance, **TAGS)
    assert [repeated(instance) for _ in range(4)] == [[lost.run_id]] * 3 + [[]]


def test_none_is_missing_where_none_is_owed(instance: dg.DagsterInstance) -> None:
    failed(instance)
    failed(instance, **{"dagster/max_retries": "0"})
    failed(instance, **TAGS, **{"dagster/auto_retry_run_id": "another-run"})
    failed(instance, **TAGS, **{"dagster/root_run_id": "the-first-run"})
    permanent = {"dagster/retry_on_asset_or_op_failure": "false"}
    failed(instance, RunFailureReason.STEP_FAILURE, **TAGS, **permanent)
    assert repeated(instance) == []
    transient = failed(instance, RunFailureReason.STEP_FAILURE, **TAGS)
    assert repeated(instance) == [transient.run_id]


def test_after_an_hour_it_is_too_late(instance: dg.DagsterInstance) -> None:
    lost = failed(instance, **TAGS)
    assert repeated(instance, timedelta(minutes=61)) == []
    assert repeated(instance, timedelta(minutes=59)) == [lost.run_id]


def test_the_tick_names_the_runs_though_the_market_database_does_not_answer(instance: dg.DagsterInstance) -> None:
    settings = Settings(DATABASE_URL="postgresql://nobody@127.0.0.1:1/market", _env_file=None)
    sensor = housekeeping_sensor(settings)
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    lost = failed(instance, **TAGS)
    with pytest.raises(StoreUnavailableError, match="Connection refused"):
        sensor.evaluate_tick(dg.build_sensor_context(instance))
    assert repeated(instance) == [lost.run_id]
    run = instance.get_run_by_id(lost.run_id)
    assert run is not None
    assert run.tags[FAILURE_REPEATED_TAG] == "2", "by the tick, and by the test"


@contextmanager
def workspace(instance: dg.DagsterInstance) -> Iterator[tuple[WorkspaceProcessContext, Any]]:
    """The workspace of Dagster's daemon, and the origin of the job in it."""
    origin = InProcessCodeLocationOrigin(
        LoadableTargetOrigin(module_name=__name__, attribute="DEFS"), location_name="tests"
    )
    with WorkspaceProcessContext(
        instance, InProcessWorkspaceLoadTarget(origin), version=dg.__version__
    ) as context:
        location = context.create_request_context().get_code_location("tests")
        (repository,) = location.get_repositories().values()
        job = location.get_job(JobSubsetSelector("tests", repository.name, "a_job", op_selection=None))
        yield context, job.get_remote_origin()


def test_a_run_that_was_made_and_never_queued_is_queued(instance: dg.DagsterInstance) -> None:
    with workspace(instance) as (_context, origin):
        forgotten = instance.create_run_for_job(a_job, remote_job_origin=origin)
        of_a_command = instance.create_run_for_job(a_job)
        now = datetime.now(UTC)
        assert queue_forgotten(instance, now + timedelta(minutes=1)) == [], "it may be queued this moment"
        assert queue_forgotten(instance, now + timedelta(minutes=3)) == [forgotten.run_id]
        assert queue_forgotten(instance, now + timedelta(minutes=3)) == []
    statuses = {run.run_id: run.status for run in instance.get_runs()}
    assert statuses == {
        forgotten.run_id: dg.DagsterRunStatus.QUEUED,
        of_a_command.run_id: dg.DagsterRunStatus.NOT_STARTED,
    }


def test_dagsters_daemon_retries_a_run_once_its_failure_is_repeated(instance: dg.DagsterInstance) -> None:
    with workspace(instance) as (context, origin):
        daemon = EventLogConsumerDaemon()
        list(daemon.run_iteration(context))
        run = instance.create_run_for_job(a_job, tags=TAGS, remote_job_origin=origin)
        instance.report_run_failed(run, "gone")
        # The daemon sets this while the code server is away.
        instance.add_run_tags(run.run_id, {"dagster/will_retry": "false"})
        list(daemon.run_iteration(context))
        assert instance.get_runs_count() == 1
        for _ in range(2):
            repeated(instance)
            list(daemon.run_iteration(context))
        retries = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]))
        assert [retry.parent_run_id for retry in retries] == [run.run_id]
        assert instance.get_runs_count() == 2
