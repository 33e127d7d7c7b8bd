"""The workers' application: what is wrong is one line, and what it loads is little."""

from __future__ import annotations

from pathlib import Path

from market_assets.dagster_ext.celery_launcher import CONFIGURATION, CeleryLauncher
from market_assets_tests.cli.programs import run
from market_assets_tests.test_rooms import loaded_after

BROKER = "redis://127.0.0.1:1/0"


def test_without_a_broker_a_worker_ends_with_one_line(tmp_path: Path) -> None:
    app = ("--app", "market_assets.dagster_ext.celery_app")
    ended = run("celery", *app, "worker", cwd=tmp_path, MARKET_ASSETS_BROKER_URL="")
    assert ended.code == 2
    assert ended.err.startswith("market-assets: MARKET_ASSETS_BROKER_URL: ")
    assert ended.err.count("\n") == 1


def test_a_workers_first_process_starts_no_threads_of_the_data_path(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"MARKET_ASSETS_BROKER_URL={BROKER}")
    loaded = loaded_after("import market_assets.dagster_ext.celery_app", tmp_path)
    assert "celery" in loaded
    assert loaded.isdisjoint({"polars", "pyarrow", "numpy", "adbc_driver_manager"})


def test_whoever_sends_runs_and_who_executes_them_agree() -> None:
    runs = CeleryLauncher(BROKER)
    assert {name: runs.celery.conf[name] for name in CONFIGURATION} == CONFIGURATION
    assert runs.celery.conf.broker_url == runs.celery.conf.result_backend == BROKER


def test_without_redis_there_is_no_worker() -> None:
    assert CeleryLauncher(BROKER).has_worker() is False
