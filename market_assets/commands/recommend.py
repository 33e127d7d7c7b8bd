"""`market-assets recommend`."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from market_assets.commands.errors import CommandFailedError
from market_assets.compute.relationships.recommendations import recommend
from market_assets.settings import Settings
from market_assets.storage import schema
from market_assets.storage.connection import MarketConnection
from market_assets.storage.database import Database
from market_assets.storage.results import read_table
from market_assets.storage.tables import skill_recommendations


def print_recommendations(settings: Settings, names: Sequence[str], *, limit: int, as_json: bool) -> None:
    """Print the skills that go best with the named ones, best first."""
    database = Database(settings.market_url)
    schema.ensure_current(database)
    with MarketConnection(database) as connection:
        known = read_table(connection, skill_recommendations)
    canonical = {name.casefold(): name for name in known["skill"].unique().sort()}
    skills = [canonical[name.casefold()] for name in names if name.casefold() in canonical]
    unknown = [name for name in names if name.casefold() not in canonical]
    if not skills:
        hint = "no recommendations have been made yet: run ./scripts/run" if known.is_empty() else "unknown here"
        raise CommandFailedError(f"nothing to recommend for {', '.join(names)}: {hint}")
    if unknown:
        click.echo(f"not known, so left out: {', '.join(unknown)}", err=True)
    best = recommend(skills, known, limit)
    if as_json:
        click.echo(json.dumps(best.to_dicts(), ensure_ascii=False))
        return
    for row in best.iter_rows(named=True):
        click.echo(f"{row['score']:.3f}  {row['recommended_skill']}")
