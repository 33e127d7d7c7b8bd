"""`market-assets status` and `market-assets alerts`: how things are, and who is told when they go wrong."""

from __future__ import annotations

import sys

import click

from market_assets.settings import Settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object, as /health answers it.")
@click.pass_obj
def status(settings: Settings, as_json: bool) -> None:
    """Print jobs, incidents, tables and stores; exit 1 when something is wrong."""
    from market_assets.cli.status import print_status

    if not print_status(settings, as_json=as_json):
        sys.exit(1)


@click.group()
def alerts() -> None:
    """Who is told when something goes wrong."""


@alerts.command("test")
@click.pass_obj
def alerts_test(settings: Settings) -> None:
    """Send a test message to each of MARKET_ASSETS_ALERT_URLS and print which worked."""
    from market_assets.cli.alerts import send_test

    send_test(settings)
