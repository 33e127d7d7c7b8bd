"""`market-assets recommend`."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click
import polars as pl

from market_assets.cli.errors import CommandFailedError
from market_assets.settings import Settings
from market_assets.statistics.recommender import Recommended, Recommender
from market_assets.statistics.related import related_skills
from market_assets.store import schema
from market_assets.store.connection import MarketConnection
from market_assets.store.database import Database
from market_assets.store.results import read_table
from market_assets.store.tables.results import salary_statistics, skill_affinities, skill_relationships


def print_recommendations(settings: Settings, names: Sequence[str], *, limit: int, as_json: bool) -> None:
    """Print the skills that go best with the named ones and why, best first."""
    database = Database(settings.market_url)
    schema.ensure_current(database)
    with MarketConnection(database) as connection:
        affinities = read_table(connection, skill_affinities)
        related = related_skills(read_table(connection, skill_relationships))
        pay = read_table(connection, salary_statistics)
    skills = _known(names, affinities)
    best = Recommender(affinities, related, pay).recommend(skills, limit)
    if as_json:
        click.echo(json.dumps(best, ensure_ascii=False))
        return
    if not best:
        click.echo("no other skill goes with these", err=True)
    for row in best:
        click.echo(_line(row, settings.currency))


def _known(names: Sequence[str], affinities: pl.DataFrame) -> list[str]:
    """The names as the tables spell them; says which they don't have.

    Raises:
        CommandFailedError: they have none of them.
    """
    canonical = {name.casefold(): name for name in affinities["skill"].unique().sort()}
    skills = [canonical[name.casefold()] for name in names if name.casefold() in canonical]
    unknown = [name for name in names if name.casefold() not in canonical]
    if not skills:
        hint = "no recommendations have been made yet: run ./scripts/run" if not canonical else "unknown here"
        raise CommandFailedError(f"nothing to recommend for {', '.join(names)}: {hint}")
    if unknown:
        click.echo(f"not known, so left out: {', '.join(unknown)}", err=True)
    return skills


def _line(row: Recommended, currency: str) -> str:
    reasons = ", ".join(
        f"{reason['skill']} ({reason['strength'].replace('_', ' ')}, {reason['co_occurrences']:,} postings)"
        for reason in row["goes_with"]
    )
    pay = "" if row["median_salary"] is None else f"; median pay {row['median_salary']:,.0f} {currency}"
    return f"{row['score']:.3f}  {row['recommended_skill']}: goes with {reasons}{pay}"
