"""Every service of docker-compose.yml, started for real, used, restarted and ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from market_assets.dagster_ext.celery_launcher import CeleryLauncher
from market_assets_tests.deployment.client import JOBS, Client
from market_assets_tests.deployment.processes import Deployment, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.deployment,
    pytest.mark.postgresql,
]

CELERY_TASK = "dagster-celery/task_id"
#: More than all services together open when idle and with two runs, with some to spare; PostgreSQL lets 100 in.
MOST_CONNECTIONS = 60


def count(composed: Deployment, table: str) -> int:
    assert composed.postgresql is not None
    return int(composed.postgresql.ask(f"SELECT count(*) FROM {table}"))


def test_jobs_run_on_workers_when_asked_by_rest(composed: Deployment, client: Client) -> None:
    """The other two are started no differently; clean-up is, twice, below."""
    for job in JOBS[:2]:
        run = client.wait_for(client.trigger(job), "SUCCESS")
        assert CELERY_TASK in run["tags"]
    assert count(composed, "job_postings") >= 40
    assert count(composed, "skill_demand") > 0
    assert (composed.folder / "data" / "reports" / "market_report.html").exists()


@pytest.mark.thorough
def test_the_four_jobs_run_on_workers_when_launched_by_graphql(composed: Deployment, client: Client) -> None:
    """As one of them does in test_backfills.py each time."""
    before = count(composed, "job_postings")
    yesterday = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()
    for job in JOBS:
        tags = {"dagster/partition": yesterday} if job == JOBS[0] else {}
        run = client.wait_for(client.launch(job, **tags), "SUCCESS")
        assert CELERY_TASK in run["tags"]
    assert count(composed, "job_postings") > before


def test_the_history_is_in_postgresql_and_the_connections_are_few(composed: Deployment) -> None:
    assert composed.postgresql is not None
    assert int(composed.postgresql.ask("SELECT count(*) FROM runs", "dagster")) >= 1
    assert not (composed.folder / "data" / "dagster" / "history").exists()
    assert int(composed.postgresql.ask("SELECT count(*) FROM pg_stat_activity")) <= MOST_CONNECTIONS


RESTARTED = ("worker", "redis", "daemon", "code", "web", "postgres")


def test_jobs_run_after_stores_and_code_server_were_restarted(
    composed: Deployment, client: Client, workers: CeleryLauncher
) -> None:
    """That the daemon has found its stores again is seen by the run."""
    for name in ("postgres", "redis", "code"):
        composed.stop(name)
        composed.start(name)
    composed.wait_for_health("web")
    wait_until(workers.has_worker, "a worker has found its store again")
    run = client.wait_for(client.trigger("cleanup_old_data"), "SUCCESS")
    assert CELERY_TASK in run["tags"]


@pytest.mark.thorough
@pytest.mark.parametrize("name", RESTARTED)
def test_a_service_that_is_restarted_is_healthy_again_and_jobs_run(
    name: str, composed: Deployment, client: Client
) -> None:
    composed.stop(name)
    composed.start(name)
    for other in composed.running:
        composed.wait_for_health(other)
    client.wait_for(client.trigger("cleanup_old_data"), "SUCCESS")


@pytest.mark.thorough
def test_the_migrations_run_again_and_change_nothing(composed: Deployment) -> None:
    """As the market's do in cli/test_commands.py each time; Dagster's find nothing to do the first time too."""
    composed.start("migrate")


def test_without_workers_runs_start_beside_the_code_server(composed: Deployment, client: Client) -> None:
    composed.stop("worker")
    composed.stop("redis")
    # As a run that repeats one of a worker's begins.
    run_id = client.launch("cleanup_old_data", **{CELERY_TASK: "of the run that this one repeats"})
    run = client.wait_for(run_id, "SUCCESS")
    assert run["tags"][CELERY_TASK] == ""
    assert any("No Celery worker listens" in message for message in client.log(run_id))


def test_everything_ends_in_time_and_wrote_only_to_its_volumes(composed: Deployment) -> None:
    for service in reversed(list(composed.composition.in_order())):
        composed.stop(service.name)
    assert composed.running == {}
    assert composed.files() == composed.files_of_app
