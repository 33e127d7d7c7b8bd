"""What a tick of each schedule does, at fixed times and with other runs about; and the guard that decides it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import takewhile
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._utils.schedules import schedule_execution_time_iterator

from market_assets.definitions import build_defs
from market_assets.defs.schedules import default_schedules
from market_assets.operations.names import CLEANUP, INGESTION, PARTITION_TAG, PRUNE, REBUILD, REFRESH
from market_assets.operations.scheduling import reason_to_skip
from market_assets.settings import Settings
from market_assets.sources.sample.source import SampleSource

JOBS = (INGESTION, REFRESH, CLEANUP, REBUILD, PRUNE)
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
TODAY, YESTERDAY = "2026-03-04", "2026-03-03"
ACTIVE = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "SUSPENDED", "CANCELING")
ENDED = ("SUCCESS", "FAILURE", "CANCELED")

SETTINGS = Settings(_env_file=None)
SCHEDULES = {schedule.job_name: schedule for schedule in default_schedules(SETTINGS, fills_from=date(2020, 1, 1))}
REPOSITORY = build_defs(SETTINGS, [SampleSource()]).get_repository_def()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture(scope="module")
def ticking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """An instance on disk, which the evaluation of a schedule insists on; nothing else runs in it."""
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as instance:
        yield instance


def add_run(instance: dg.DagsterInstance, job: str, status: str, partition: str | None = None) -> dg.DagsterRun:
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("market_assets"), "__repository__")
    run = dg.DagsterRun(
        job_name=job,
        status=dg.DagsterRunStatus[status],
        tags={PARTITION_TAG: partition} if partition else {},
        remote_job_origin=RemoteJobOrigin(repository, job),
    )
    return instance.add_run(run)


def tick(instance: dg.DagsterInstance, job: str, time: datetime = NOON) -> dg.RunRequest | str:
    """What a tick asks for: a run, or the reason why not."""
    context = dg.build_schedule_context(instance, scheduled_execution_time=time, repository_def=REPOSITORY)
    answer = SCHEDULES[job].evaluate_tick(context)
    if answer.run_requests:
        (request,) = answer.run_requests
        return request
    assert answer.skip_message
    return answer.skip_message


@pytest.mark.parametrize("status", ACTIVE)
@pytest.mark.parametrize("job", JOBS)
def test_an_active_run_is_a_reason_to_skip(instance: dg.DagsterInstance, job: str, status: str) -> None:
    partition = TODAY if job == INGESTION else None
    run = add_run(instance, job, status, partition)
    reason = reason_to_skip(instance, job, partition)
    assert reason is not None
    assert all(word in reason for word in (job, run.run_id, status.lower()))
    assert (TODAY in reason) == (job == INGESTION)


@pytest.mark.parametrize("status", ENDED)
@pytest.mark.parametrize("job", JOBS)
def test_an_ended_run_is_none(instance: dg.DagsterInstance, job: str, status: str) -> None:
    partition = TODAY if job == INGESTION else None
    add_run(instance, job, status, partition)
    assert reason_to_skip(instance, job, partition) is None


def test_every_status_of_dagster_is_known_here() -> None:
    managed_elsewhere = {"MANAGED"}
    assert {status.name for status in dg.DagsterRunStatus} == {*ACTIVE, *ENDED, *managed_elsewhere}


@pytest.mark.parametrize("status", ACTIVE)
def test_another_day_is_not_in_the_way(instance: dg.DagsterInstance, status: str) -> None:
    add_run(instance, INGESTION, status, YESTERDAY)
    assert reason_to_skip(instance, INGESTION, TODAY) is None
    assert reason_to_skip(instance, INGESTION, YESTERDAY) is not None


def test_another_job_is_not_in_the_way(instance: dg.DagsterInstance) -> None:
    for other in (INGESTION, CLEANUP, REBUILD):
        add_run(instance, other, "STARTED")
    assert reason_to_skip(instance, REFRESH) is None


def test_an_active_run_is_found_among_many_ended_ones(instance: dg.DagsterInstance) -> None:
    active = add_run(instance, REFRESH, "STARTED")
    for _ in range(30):
        add_run(instance, REFRESH, "SUCCESS")
    reason = reason_to_skip(instance, REFRESH)
    assert reason is not None
    assert active.run_id in reason


@pytest.mark.parametrize("job", JOBS)
def test_with_nothing_about_a_run_is_asked_for(ticking: dg.DagsterInstance, job: str) -> None:
    request = tick(ticking, job)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == (TODAY if job == INGESTION else None)
    assert request.run_key == f"{job}:2026-03-04T12:00:00+00:00"


@pytest.mark.parametrize("job", JOBS)
def test_a_tick_passes_the_guard(tmp_path: Path, empty_history: Path, job: str) -> None:
    shutil.copytree(empty_history, tmp_path, dirs_exist_ok=True)
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        add_run(instance, job, "QUEUED", TODAY if job == INGESTION else None)
        assert tick(instance, job) == reason_to_skip(instance, job, TODAY if job == INGESTION else None)
        if job == INGESTION:
            assert isinstance(tick(instance, job, NOON + timedelta(days=1)), dg.RunRequest)


@pytest.mark.parametrize(
    ("time", "partition"),
    [
        (datetime(2026, 3, 4, 2, tzinfo=UTC), "2026-03-04"),
        (datetime(2026, 3, 4, 0, tzinfo=UTC), "2026-03-04"),
        (datetime(2026, 3, 4, 23, 59, tzinfo=UTC), "2026-03-04"),
        # The same times in other time zones: the day is still that of UTC.
        (datetime(2026, 3, 5, 1, tzinfo=timezone(timedelta(hours=9))), "2026-03-04"),
        (datetime(2026, 3, 3, 21, tzinfo=timezone(timedelta(hours=-5))), "2026-03-04"),
        # Nights in which clocks change.
        (datetime(2026, 3, 29, 2, tzinfo=UTC), "2026-03-29"),
        (datetime(2026, 3, 29, 3, 30, tzinfo=ZoneInfo("Europe/Berlin")), "2026-03-29"),
        (datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")), "2026-10-25"),
        (datetime(2028, 2, 29, 2, tzinfo=UTC), "2028-02-29"),
        (datetime(2027, 1, 1, 0, tzinfo=UTC), "2027-01-01"),
    ],
)
def test_the_partition_is_the_day_of_the_tick_in_utc(
    ticking: dg.DagsterInstance, time: datetime, partition: str
) -> None:
    request = tick(ticking, INGESTION, time)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == partition


@pytest.mark.parametrize("change", [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)])
def test_nothing_moves_when_clocks_change(change: datetime) -> None:
    expected = {
        INGESTION: [(2, 0)],
        REFRESH: [(2, 30), (14, 30)],
        # Both days are Sundays.
        CLEANUP: [(3, 0)],
        REBUILD: [(4, 0)],
        PRUNE: [(5, 0)],
    }
    for job, times in expected.items():
        schedule = SCHEDULES[job]
        ticks = schedule_execution_time_iterator(
            change.timestamp(), schedule.cron_schedule, schedule.execution_timezone
        )
        of_the_day = takewhile(lambda time: time < change + timedelta(days=1), ticks)
        assert [(time.hour, time.minute) for time in of_the_day] == times


def test_the_same_tick_has_the_same_run_key_and_another_has_another(ticking: dg.DagsterInstance) -> None:
    keys = []
    for time in (NOON, NOON, NOON + timedelta(hours=12)):
        request = tick(ticking, REFRESH, time)
        assert isinstance(request, dg.RunRequest)
        keys.append(request.run_key)
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize("job", JOBS)
def test_jobs_carry_the_tags_that_deleting_and_keeping_hang_on(job: str) -> None:
    tags = REPOSITORY.get_job(job).tags
    assert (".dagster/market_assets_delete_expired" in tags) == (job == CLEANUP)
    assert (".dagster/market_assets_keep_weekly_tables" in tags) == (job == REFRESH)
