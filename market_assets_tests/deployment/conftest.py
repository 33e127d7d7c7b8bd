"""The deployment that tests share, in a folder under /tmp, where every user can go."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from market_assets.dagster_ext.celery_launcher import CeleryLauncher
from market_assets_tests.deployment.client import Client
from market_assets_tests.deployment.postgresql import system_programs
from market_assets_tests.deployment.processes import Deployment, deployment

SOURCES = "sources:\n  - type: sample\n    postings_per_day: 40\n"
SECRETS = {
    "POSTGRES_PASSWORD": "made-up_of-this_test",
    "REDIS_PASSWORD": "another-made-up_one",
    "JWT_SECRET_KEY": "s7dJk29dkw83nfJWl39dkEjwn38dnwlqmzpA1sdf",
}


@pytest.fixture(scope="package")
def deployment_folder() -> Iterator[Path]:
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server: apt-get install redis-server")
    if system_programs() is None:
        pytest.skip("there is no PostgreSQL server: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="market_assets_deployment_", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="package")
def composed(deployment_folder: Path) -> Iterator[Deployment]:
    with deployment(deployment_folder, SOURCES, **SECRETS) as made:
        made.start_all()
        yield made


@pytest.fixture(scope="package")
def workers(composed: Deployment) -> CeleryLauncher:
    """The workers of the deployment, as the daemon reaches them."""
    service = composed.composition.services["daemon"]
    return CeleryLauncher(composed.environment_of(service)["MARKET_ASSETS_BROKER_URL"])


@pytest.fixture(scope="package")
def client(composed: Deployment) -> Iterator[Client]:
    client = Client(composed)
    yield client
    client.close()
