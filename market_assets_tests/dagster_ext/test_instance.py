"""Dagster's instance as dagster.yaml and the settings make it: its history, how many runs, and who runs them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.run_coordinator import QueuedRunCoordinator

from market_assets.checked_settings import get_settings
from market_assets.dagster_ext.instance import CeleryOrLocalLauncher, LocalLauncher, psycopg2_url
from market_assets.dagster_ext.postgresql_storage import (
    PooledEventLogStorage,
    PooledRunStorage,
    PooledScheduleStorage,
)
from market_assets.settings import SettingsError
from market_assets_tests.cli.programs import PROJECT


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the project's dagster.yaml, and no setting but DAGSTER_HOME."""
    shutil.copy(PROJECT / "dagster.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("DAGSTER_POSTGRES_URL", "MARKET_ASSETS_WORKERS", "MARKET_ASSETS_BROKER_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    get_settings.cache_clear()
    yield tmp_path
    get_settings.cache_clear()


def note(instance: dg.DagsterInstance) -> None:
    instance.daemon_cursor_storage.set_cursor_values({"a": "b"})


def noted(instance: dg.DagsterInstance) -> Mapping[str, str]:
    return instance.daemon_cursor_storage.get_cursor_values({"a"})


def test_without_a_setting_the_history_is_in_the_data_folder(home: Path) -> None:
    with dg.DagsterInstance.get() as instance:
        note(instance)
    assert (home / "data" / "dagster" / "history" / "runs.db").exists()
    with dg.DagsterInstance.get() as again:
        assert noted(again) == {"a": "b"}


@pytest.mark.postgresql
@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2"])
def test_with_it_the_history_is_in_postgresql(
    scheme: str, home: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", postgresql_url.replace("postgresql", scheme, 1))
    with dg.DagsterInstance.get() as instance:
        note(instance)
        assert isinstance(instance.run_storage, PooledRunStorage)
        assert isinstance(instance.event_log_storage, PooledEventLogStorage)
        assert isinstance(instance.schedule_storage, PooledScheduleStorage)
        # The processes of runs open the same storage by this reference.
        with dg.DagsterInstance.from_ref(instance.get_ref()) as same:
            assert noted(same) == {"a": "b"}
    assert not (home / "data" / "dagster" / "history").exists()
    with sa.create_engine(psycopg2_url(postgresql_url), poolclass=sa.NullPool).connect() as connection:
        assert connection.execute(sa.text("SELECT value FROM kvs WHERE key = 'a'")).scalar() == "b"


@pytest.mark.parametrize(
    "url",
    [
        "postgres://ana:p%40ss%2Fword@host:5433/dagster?sslmode=require",
        "postgresql+asyncpg://ana:p%40ss%2Fword@host:5433/dagster?sslmode=require",
    ],
)
def test_the_rest_of_a_url_stays_as_it_is(url: str) -> None:
    assert psycopg2_url(url) == "postgresql+psycopg2://ana:p%40ss%2Fword@host:5433/dagster?sslmode=require"


@pytest.mark.usefixtures("home")
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", "sqlite:///history.db")
    with pytest.raises(SettingsError, match=r"^DAGSTER_POSTGRES_URL: it must be a PostgreSQL database"):
        dg.DagsterInstance.get()


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(("workers", "limit"), [("", 2), ("7", 7)])
def test_there_are_as_many_runs_at_once_as_workers(
    workers: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARKET_ASSETS_WORKERS", workers)
    with dg.DagsterInstance.get() as instance:
        assert isinstance(instance.run_coordinator, QueuedRunCoordinator)
        assert instance.run_coordinator.dequeue_interval_seconds == 1
        queue = instance.get_concurrency_config().run_queue_config
        assert queue is not None
        assert queue.max_concurrent_runs == limit


@pytest.mark.usefixtures("home")
def test_a_run_that_no_worker_has_belongs_to_the_code_server(monkeypatch: pytest.MonkeyPatch) -> None:
    # There is no server at this address: a connection would fail.
    monkeypatch.setenv("MARKET_ASSETS_BROKER_URL", "redis://127.0.0.1:1/0")
    with dg.DagsterInstance.get() as instance:
        launcher = instance.run_launcher
        assert isinstance(launcher, CeleryOrLocalLauncher)
        run = dg.DagsterRun("job", status=dg.DagsterRunStatus.STARTED)
        assert isinstance(launcher.launcher_of(run), LocalLauncher)
        assert launcher.terminate("unknown") is False
