"""The Celery application of the workers, started with Celery's own program:

    celery --app market_assets.dagster_ext.celery_app worker --concurrency 1 --queues dagster

`dagster-celery worker start` does the same, but takes no settings from this package. This module must not
import the data path: child processes inherit everything that the worker's first process has loaded, threads
included. `market_assets_tests/dagster_ext/test_celery_app.py` checks both.
"""

from __future__ import annotations

import sys
from typing import Any

from dagster_celery.config import DEFAULT_CONFIG
from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_execute_job_task

from market_assets.checked_settings import get_settings
from market_assets.dagster_ext.celery_launcher import CONFIGURATION
from market_assets.settings import SettingsError


def worker_app(broker_url: str | None) -> Any:
    """The application with the one task that executes a run.

    Raises:
        SettingsError: there is no broker.
    """
    if broker_url is None:
        raise SettingsError("MARKET_ASSETS_BROKER_URL: it is not set, and workers need it: redis://host:6379/0")
    settings = {"broker": broker_url, "backend": broker_url, "config_source": {**DEFAULT_CONFIG, **CONFIGURATION}}
    made = make_app(settings)  # type: ignore[no-untyped-call]
    create_execute_job_task(made)
    return made


try:
    app = worker_app(get_settings().broker_url)
except SettingsError as error:
    # Without this, Celery would print a traceback.
    print(f"market-assets: {error.message}", file=sys.stderr)
    sys.exit(SettingsError.exit_code)
