"""Many days on two workers: the same tables as one after the other, and nothing lost with a worker."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from market_assets.dagster_ext.celery_launcher import CeleryLauncher
from market_assets.settings import Settings
from market_assets.sources.configuration import load_sources
from market_assets.store import schema
from market_assets.store.database import Database
from market_assets.store.lock import StoreLock
from market_assets_tests.deployment.client import PAUSE_SECONDS, Client
from market_assets_tests.deployment.processes import PATIENCE_SECONDS, Deployment, wait_until
from market_assets_tests.pipelines import Pipeline

pytestmark = [
    pytest.mark.slow,
    pytest.mark.deployment,
    pytest.mark.postgresql,
]

TODAY = datetime.now(UTC).date()
DAYS = [TODAY - timedelta(days=back) for back in range(18, 15, -1)]
#: What must be the same whatever the order of the days; numbers of postings are given out as they come.
TABLES = {
    "job_postings": """SELECT p.*, o.source || ' ' || o.external_id AS original
        FROM job_postings p LEFT JOIN job_postings o ON o.posting_id = p.duplicate_of""",
    "posting_skills": """SELECT p.source, p.external_id, s.skill
        FROM posting_skills s JOIN job_postings p USING (posting_id)""",
    "rejected_postings": "SELECT * FROM rejected_postings",
}
NUMBERED = ("posting_id", "duplicate_of", "rejected_at")


@pytest.fixture(scope="module")
def market_url(composed: Deployment) -> str:
    return composed.environment_of(composed.composition.services["code"])["DATABASE_URL"]


def content(
    composed: Deployment, table: str, database: str = "market", leaving_out: tuple[str, ...] = NUMBERED
) -> list[str]:
    """The rows of a table, as text, in their order."""
    assert composed.postgresql is not None
    without = " ".join(f"- '{name}'" for name in leaving_out)
    rows = f"SELECT (to_jsonb(r) {without})::text FROM ({TABLES[table]}) r ORDER BY 1"
    return composed.postgresql.ask(rows, database).splitlines()


def test_a_backfill_fans_out_and_leaves_the_tables_of_a_serial_run(
    composed: Deployment, client: Client, market_url: str
) -> None:
    runs = client.backfill("daily_sample_ingestion", [day.isoformat() for day in DAYS])
    assert len(runs) == len(DAYS)
    assert {run["status"] for run in runs} == {"SUCCESS"}
    spans = sorted((run["startTime"], run["endTime"]) for run in runs)
    assert any(later < end for (_, end), (later, _) in pairwise(spans)), "one after the other"

    assert composed.postgresql is not None
    composed.postgresql.ask("CREATE DATABASE serial OWNER market")
    serial = market_url.removesuffix("market") + "serial"
    schema.upgrade(Database(serial))
    settings = Settings(DATABASE_URL=serial, MARKET_ASSETS_DATA_DIR=composed.folder / "data", _env_file=None)
    with Pipeline(settings, *load_sources(composed.app / "sources.yaml")) as pipeline:
        for day in DAYS:
            pipeline.ingest(day)
    for table in TABLES:
        assert content(composed, table) == content(composed, table, "serial")
    assert len(content(composed, "job_postings")) > 30 * len(DAYS)
    assert len(content(composed, "posting_skills")) > 30 * len(DAYS)


@pytest.fixture
def held_run(client: Client, market_url: str) -> Iterator[tuple[str, StoreLock]]:
    """A run that has landed its day and waits for the tables, which the test holds."""
    lock = StoreLock(Database(market_url), "the test")
    lock.acquire(exclusive=True)
    run_id = client.launch(
        "daily_sample_ingestion",
        **{"dagster/partition": TODAY.isoformat(), "dagster/max_retries": "1"},
    )
    client.wait_for(run_id, "STARTED")
    wait_until(lambda: has_logged(client, run_id, "waiting for the market tables"), "it waits", PAUSE_SECONDS)
    yield run_id, lock
    lock.release()


def has_logged(client: Client, run_id: str, words: str) -> bool:
    return any(words in line for line in client.log(run_id))


def worker_with(composed: Deployment, workers: CeleryLauncher, task: str) -> int:
    """The number of the worker that executes a task."""
    everyone = len(composed.running["worker"])
    answers = workers.celery.control.inspect(timeout=PATIENCE_SECONDS, limit=everyone).active()
    (name,) = (name for name, tasks in answers.items() if any(one["id"] == task for one in tasks))
    return int(name.removeprefix("runs@worker"))


def test_a_worker_that_is_killed_in_the_middle_loses_nothing(
    composed: Deployment, client: Client, workers: CeleryLauncher, held_run: tuple[str, StoreLock]
) -> None:
    run_id, lock = held_run
    number = worker_with(composed, workers, client.run(run_id)["tags"]["dagster-celery/task_id"])
    composed.kill("worker", number)
    client.wait_for(run_id, "FAILURE")
    assert has_logged(client, run_id, "no Celery worker has this run any more")
    lock.release()
    retried = {"dagster/parent_run_id": run_id}
    wait_until(lambda: bool(client.runs(**retried)), "it is run again", PAUSE_SECONDS)
    (again,) = client.runs(**retried)
    client.wait_for(again["runId"], "SUCCESS")
    assert composed.postgresql is not None
    rows = composed.postgresql.ask(f"SELECT count(*) FROM job_postings WHERE partition_date = '{TODAY}'")
    assert int(rows) > 0


def test_a_run_on_a_worker_can_be_ended(client: Client, held_run: tuple[str, StoreLock]) -> None:
    run_id, _lock = held_run
    client.terminate(run_id)
    client.wait_for(run_id, "CANCELED")
    assert not any("forcibly" in line or "longer than" in line for line in client.log(run_id))
