"""kill −9 of each job's run at random moments, on both databases. The long form: `python -m benchmarks.faults`."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from market_assets.operations.names import CLEANUP, INGESTION, REFRESH
from market_assets_tests.faults.killing import JOBS, Market, torment, utc_now
from market_assets_tests.faults.machine import instance_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sqlite_market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    market = Market(tmp_path_factory.mktemp("sqlite") / "project", utc_now()).fill()
    yield market
    market.remove()


@pytest.fixture
def filled(request: pytest.FixtureRequest, kind_of_database: str) -> Market:
    market: Market = request.getfixturevalue(f"{kind_of_database}_market")
    return market


#: Ingestion on PostgreSQL meets worse in test_lost_sessions.py and test_restarts.py. Clean-up differs most by
#: database; a rebuild swaps its result tables as a refresh does.
ORDINARY = [("sqlite", INGESTION), ("sqlite", REFRESH), ("postgresql", CLEANUP)]


@pytest.mark.parametrize(
    ("kind_of_database", "job"),
    [
        pytest.param(
            database,
            job,
            marks=[
                pytest.mark.both_databases if (database, job) in ORDINARY else pytest.mark.thorough,
                *([pytest.mark.postgresql] if database == "postgresql" else []),
            ],
        )
        for database in ("sqlite", "postgresql")
        for job in JOBS
    ],
    indirect=["kind_of_database"],
)
def test_a_killed_run_leaves_nothing_half_done(filled: Market, job: str, tmp_path: Path, thorough: bool) -> None:
    undisturbed = filled.copy(tmp_path / "twin")
    twin = undisturbed.run(job)
    undisturbed.remove()
    victim = filled.copy(tmp_path / "victim")
    moments = twin.moments(random.Random(f"{job} of {victim.now:%Y-%m-%d}"), statements=1, seconds=int(thorough))
    with instance_of(victim.folder) as instance:
        assert torment(victim, job, moments, twin, instance) >= 1
    victim.remove()
