"""A PostgreSQL server that ends every session in the middle of a run, as when it is restarted."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import sqlalchemy as sa

from market_assets.defs import retries
from market_assets.operations.names import CLEANUP, INGESTION, REFRESH
from market_assets.store.database import Database
from market_assets.store.lock import StoreLock
from market_assets_tests.faults.dying_run import counting
from market_assets_tests.faults.killing import Market
from market_assets_tests.pipelines import done

pytestmark = [pytest.mark.postgresql, pytest.mark.slow]


def end_sessions(url: str) -> None:
    """End every session of the database but this one."""
    with Database(url).engine().connect() as connection:
        connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


@pytest.mark.parametrize("job", [INGESTION, CLEANUP, pytest.param(REFRESH, marks=pytest.mark.thorough)])
def test_a_run_survives_the_loss_of_its_sessions(
    postgresql_market: Market, job: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, thorough: bool
) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE_SECONDS", 0.01)
    undisturbed = postgresql_market.copy(tmp_path / "twin")
    twin = undisturbed.run(job)
    undisturbed.remove()
    for number in random.Random(job).sample(range(1, twin.statements + 1), 3 if thorough else 1):
        victim = postgresql_market.copy(tmp_path / f"victim_{number}")

        def interrupt(seen: int, url: str = victim.url, number: int = number) -> None:
            if seen == number:
                end_sessions(url)

        with victim.pipeline() as pipeline, counting(interrupt):
            done(pipeline.run(job, victim.tags(job)))
        assert victim.tables() == twin.tables, f"sessions ended before statement {number}"
        assert victim.archived() == twin.archived
        victim.remove()


def test_a_lock_that_was_lost_is_taken_again(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    first, second = StoreLock(database, "first"), StoreLock(database, "second")
    assert first.acquire(exclusive=True)
    assert not first.acquire(exclusive=True), "it is held"
    end_sessions(postgresql_url)
    with second.exclusive():
        pass
    assert first.acquire(exclusive=True), "someone else may have written meanwhile"
    first.release()
