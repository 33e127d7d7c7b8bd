"""What `market-assets history` does."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import click

from market_assets.cli.errors import CommandFailedError
from market_assets.cli.instance import open_instance
from market_assets.settings import Settings


def prune(settings: Settings, *, days: int, dry: bool, as_json: bool) -> None:
    """Prune Dagster's history, and print how much went, or would go."""
    from market_assets.dagster_ext.history.prune import Pruning, UnknownStorageError
    from market_assets.definitions import build_defs
    from market_assets.defs.history_job import worded
    from market_assets.operations.executions import what_jobs_run
    from market_assets.store.database import Database
    from market_assets.store.schema import ensure_current

    database = Database(settings.market_url)
    ensure_current(database)
    before = datetime.now(UTC) - timedelta(days=days)
    what_it_runs = what_jobs_run(build_defs(settings).get_repository_def())
    with open_instance(settings) as instance:
        try:
            pruned = Pruning(instance, database.engine(), what_it_runs, before).run(dry=dry)
        except UnknownStorageError as error:
            raise CommandFailedError(str(error)) from error
    if as_json:
        click.echo(json.dumps({"dry_run": dry, "before": before.isoformat(), **vars(pruned)}))
    else:
        click.echo(f"{'Would prune' if dry else 'Pruned'} what ended before {before:%Y-%m-%d %H:%M} UTC:")
        click.echo(worded(pruned))
