"""`market-assets alerts test`: sends a test message to every recipient of alerts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import click

from market_assets.cli.errors import CommandFailedError
from market_assets.operations.alerts.channels import Message, host_of, send
from market_assets.settings import Settings


def send_test(settings: Settings) -> None:
    """Send one message to each URL and print which worked.

    Raises:
        CommandFailedError: there is no URL, or one did not work.
    """
    urls = settings.alert_urls
    if not urls:
        raise CommandFailedError("there is no recipient: set MARKET_ASSETS_ALERT_URLS, see .env.example")
    body = f"Sent by `market-assets alerts test` at {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC. Nothing is wrong."
    message = Message("market_assets: a test", body)
    with ThreadPoolExecutor(len(urls)) as threads:
        errors = list(threads.map(lambda url: send(message, url), urls))
    for url, error in zip(urls, errors, strict=True):
        click.echo(f"{'failed' if error else 'sent  '}  {host_of(url)}" + (f": {error}" if error else ""))
    if failed := sum(error is not None for error in errors):
        raise CommandFailedError(f"{failed} of {len(urls)} could not be reached")
