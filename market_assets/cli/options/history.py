"""`market-assets history` and `market-assets watch`: what ran, and what runs now."""

from __future__ import annotations

import click

from market_assets.settings import Settings


@click.group()
def history() -> None:
    """Dagster's history of runs."""


@history.command("prune")
@click.option("--dry-run", is_flag=True, help="Say what would go, and change nothing.")
@click.option("--days", type=click.IntRange(1), help="In place of MARKET_ASSETS_HISTORY_DAYS.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
@click.pass_obj
def history_prune(settings: Settings, dry_run: bool, days: int | None, as_json: bool) -> None:
    """Delete old finished runs with all that is about them, as the job prune_history does."""
    from market_assets.cli.history import prune

    prune(settings, days=days or settings.history_days, dry=dry_run, as_json=as_json)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each change instead.")
@click.option("--job", help="Runs of this job alone.")
@click.option(
    "--every",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.1, 60),
    metavar="SECONDS",
    help="How often to look.",
)
@click.pass_obj
def watch(settings: Settings, as_json: bool, job: str | None, every: float) -> None:
    """Show runs as they change, until Ctrl-C. Needs no other process than the history's database."""
    from market_assets.cli.watch import watch_runs

    watch_runs(settings, as_json=as_json, job=job, every=every)
