"""kill −9 of each job's run at random moments, on both databases. The long form: `python -m benchmarks.faults`."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from market_assets.operations.names import CLEANUP, INGESTION, REBUILD, REFRESH
from market_assets_tests.faults.killing import Market, torment, utc_now
from market_assets_tests.faults.machine import instance_of

pytestmark = pytest.mark.slow
#: Jobs whose statements differ by database; refresh and rebuild swap result tables, alike on both.
SQL_DIFFERS = (CLEANUP, INGESTION)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    server = request.getfixturevalue("postgresql_server") if request.param == "postgresql" else None
    market = Market(tmp_path_factory.mktemp("filled") / "project", utc_now(), server).fill()
    yield market
    market.remove()


@pytest.mark.parametrize(
    "job",
    [
        *(pytest.param(job, marks=pytest.mark.both_databases) for job in SQL_DIFFERS),
        REFRESH,
        pytest.param(REBUILD, marks=pytest.mark.thorough),
    ],
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
