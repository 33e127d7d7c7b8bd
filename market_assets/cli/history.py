"""What `market-assets history` does."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import click

from market_assets.cli.instance import open_instance
from market_assets.settings import Settings


def prune(settings: Settings, *, days: int, dry: bool, as_json: bool) -> None:
    """Prune Dagster's history, and print how much went, or would go."""
    from market_assets.definitions import build_defs
    from market_assets.defs.history_job import in_words, prune_recorded
    from market_assets.operations.executions import what_jobs_run

    before = datetime.now(UTC) - timedelta(days=days)
    what_it_runs = what_jobs_run(build_defs(settings).get_repository_def())
    with open_instance(settings) as instance:
        pruned = prune_recorded(instance, settings, what_it_runs, before, dry_run=dry)
    if as_json:
        click.echo(json.dumps({"dry_run": dry, "before": before.isoformat(), **vars(pruned)}))
    else:
        click.echo(f"{'Would prune' if dry else 'Pruned'} what ended before {before:%Y-%m-%d %H:%M} UTC:")
        click.echo(in_words(pruned))
