"""The servers that docker-compose.yml adds, real ones with its commands and files: who may do what on them.

That they may do enough is seen in test_composed.py.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from psycopg.errors import InsufficientPrivilege

from market_assets.dagster_ext.celery_launcher import CeleryLauncher
from market_assets_tests.deployment.composition import Composition
from market_assets_tests.deployment.conftest import SECRETS
from market_assets_tests.deployment.postgresql import PostgresqlProcess
from market_assets_tests.deployment.processes import wait_until
from market_assets_tests.free_ports import free_port

pytestmark = [pytest.mark.slow, pytest.mark.deployment]

SERVICES = Composition(SECRETS).services


@pytest.fixture(scope="module")
def url_of(deployment_folder: Path) -> Iterator[Callable[..., str]]:
    """The URL of a database of a new server, for a role."""
    folder, port = deployment_folder / "role", free_port()
    folder.mkdir()
    # The server has a user of its own.
    deployment_folder.chmod(0o755)
    server = PostgresqlProcess(folder, port, SERVICES["postgres"], folder / "postgres.log")
    server.start()

    def url(database: str, role: str = "market") -> str:
        return f"postgresql://{role}:{SECRETS['POSTGRES_PASSWORD']}@127.0.0.1:{port}/{database}"

    yield url
    server.stop()


@pytest.mark.postgresql
@pytest.mark.parametrize("database", ["market", "dagster"])
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE ROLE another",
        "ALTER ROLE market SUPERUSER",
        "SET ROLE postgres",
        "CREATE DATABASE another",
        "DROP DATABASE dagster",
        "ALTER DATABASE market OWNER TO market",
        "CREATE SCHEMA another",
        "CREATE EXTENSION dblink",
        "SELECT * FROM pg_authid",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "COPY (SELECT 1) TO '/tmp/written_by_postgresql'",
        "SELECT pg_read_file('/etc/passwd')",
        "ALTER SYSTEM SET log_statement = 'all'",
        "SELECT lo_import('/etc/passwd')",
    ],
)
def test_the_role_may_nothing_else(url_of: Callable[..., str], database: str, statement: str) -> None:
    with psycopg.connect(url_of(database), autocommit=True) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(statement)


@pytest.mark.postgresql
def test_nobody_else_signs_in_by_network(url_of: Callable[..., str]) -> None:
    for database, role in (("market", "postgres"), ("postgres", "postgres"), ("postgres", "market")):
        with pytest.raises(psycopg.OperationalError, match=r"authentication failed|permission denied"):
            psycopg.connect(url_of(database, role))
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(url_of("market").replace(SECRETS["POSTGRES_PASSWORD"], "guessed"))


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server: apt-get install redis-server")
    service, port = SERVICES["redis"], free_port()
    command = [word.replace("6379", str(port)) for word in service.command]
    process = subprocess.Popen(
        command,
        cwd=tmp_path_factory.mktemp("redis"),
        env={**os.environ, **service.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: answers(process, port), "Redis answers")
        yield port
    finally:
        process.terminate()
        process.wait(60)


def answers(process: subprocess.Popen[bytes], port: int) -> bool:
    assert process.poll() is None, "Redis ended"
    try:
        return bool(redis.Redis(port=port, password=SECRETS["REDIS_PASSWORD"]).ping())
    except redis.ConnectionError:
        return False


def test_redis_wants_the_password_and_shows_it_to_nobody(redis_port: int) -> None:
    for wrong in (None, "guessed"):
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=redis_port, password=wrong).ping()
    arguments = b" ".join(path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists())
    assert str(redis_port).encode() in arguments
    assert SECRETS["REDIS_PASSWORD"].encode() not in arguments


def test_runs_are_sent_with_the_password_and_not_without(redis_port: int) -> None:
    url = (
        SERVICES["daemon"]
        .environment["MARKET_ASSETS_BROKER_URL"]
        .replace("@redis:6379", f"@127.0.0.1:{redis_port}")
    )
    celery = CeleryLauncher(url).celery
    with celery.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1)
    celery.send_task("a task of this test", queue="of_this_test")
    assert redis.Redis(port=redis_port, password=SECRETS["REDIS_PASSWORD"]).llen("of_this_test") == 1
    assert CeleryLauncher(url.replace(SECRETS["REDIS_PASSWORD"], "guessed")).has_worker() is False
