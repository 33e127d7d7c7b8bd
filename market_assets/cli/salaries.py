"""`market-assets salaries`: what is found in texts."""

from __future__ import annotations

import json

import click

from market_assets.cli.command import standard_input
from market_assets.postings.salaries.parse import salary_records


@click.group()
def salaries() -> None:
    """Salaries in texts."""


@salaries.command()
def parse() -> None:
    """Read one salary text a line, print one JSON object a line; null where there is no salary."""
    for record in salary_records(standard_input().splitlines()):
        click.echo(json.dumps(record, ensure_ascii=False))
