"""`market-assets summary` and `recommend`: what the result tables show of the market."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from datetime import datetime
from operator import add
from typing import Any

import click
import polars as pl
from rich.console import Console

from market_assets.cli.command import (
    CommandFailedError,
    complete_skill,
    json_option,
    open_database,
    pass_settings,
)
from market_assets.defs.assets.market_reader import MarketReader
from market_assets.defs.assets.market_report import report_tables
from market_assets.defs.resources import MarketStore
from market_assets.report.numbers import printable
from market_assets.report.terminal import summary_json, summary_renderables
from market_assets.settings import Settings
from market_assets.statistics.pay import of_all_postings
from market_assets.statistics.recommender import Recommended, Recommender
from market_assets.statistics.relationships import related_skills
from market_assets.store.connection import MarketConnection
from market_assets.store.quality import count_stored
from market_assets.store.results import read_table
from market_assets.store.tables.results import (
    market_summary,
    salary_statistics,
    skill_affinities,
    skill_relationships,
)


@dataclass(frozen=True)
class Intake:
    """How many postings were ingested, how many of them were rejected, and how many are duplicates."""

    postings_in: int = 0
    rejected: int = 0
    duplicates: int = 0

    def __add__(self, other: Intake) -> Intake:
        return Intake(*map(add, astuple(self), astuple(other)))


@click.command()
@json_option("Print the summary as JSON.")
@pass_settings
def summary(settings: Settings, as_json: bool) -> None:
    """Print the market summary of the store."""
    store = MarketStore(settings, "summary")
    with store.reading() as connection:
        latest = read_table(connection, market_summary)
        stored = count_stored(connection)
    if latest.is_empty():
        raise CommandFailedError(f"{store.database.name} holds no statistics yet: market-assets run makes them")
    counts = latest.row(0, named=True)
    intake = Intake(stored + counts["rejected"], counts["rejected"], counts["duplicates"])
    print_market(settings, counts["as_of"], intake, note=None, as_json=as_json)


def print_market(settings: Settings, as_of: datetime, intake: Intake, note: str | None, *, as_json: bool) -> None:
    """Print the market summary from the result tables."""
    store = MarketStore(settings, "summary")
    with store.reading() as connection:
        tables = report_tables(MarketReader(store, connection, as_of))
    run: dict[str, Any] = {**asdict(intake), "window_note": note}
    places = {"database": store.database.name, "report": str(settings.report_path)}
    if as_json:
        click.echo(json.dumps(run | summary_json(tables) | places, ensure_ascii=False, indent=1))
        return
    console = Console(highlight=False, soft_wrap=True)
    for renderable in summary_renderables(tables, **run):
        console.print(renderable)
    for name, place in places.items():
        click.echo(f"{name.capitalize():<8}  {printable(place)}")


@click.command()
@click.argument("names", nargs=-1, metavar="SKILL...", shell_complete=complete_skill)
@click.option("--occupation", help="Print what the occupation asks for more often than the market does.")
@click.option("--limit", default=10, show_default=True, type=click.IntRange(1, 100))
@json_option("Print a JSON list instead of lines.")
@pass_settings
def recommend(
    settings: Settings, names: tuple[str, ...], occupation: str | None, limit: int, as_json: bool
) -> None:
    """Print the skills that go best with some skills, or that an occupation asks for."""
    if occupation is not None:
        _recommend_for(settings, occupation, names, limit, as_json=as_json)
        return
    if not names:
        raise click.UsageError("name a skill, or an --occupation")
    with MarketConnection(open_database(settings)) as connection:
        affinities = read_table(connection, skill_affinities)
        related = related_skills(read_table(connection, skill_relationships))
        pay = of_all_postings(read_table(connection, salary_statistics))
    best = Recommender(affinities, related, pay).recommend(_known_skills(names, affinities), limit)
    if as_json:
        click.echo(json.dumps(best, ensure_ascii=False))
        return
    if not best:
        click.echo("no other skill goes with these", err=True)
    for row in best:
        click.echo(_recommendation(row, settings.currency))


def _recommend_for(
    settings: Settings, occupation: str, names: tuple[str, ...], limit: int, *, as_json: bool
) -> None:
    """Print the skills that an occupation asks for and that are not among the names."""
    # They take longer to import than the other commands to run.
    from market_assets.cli.lookups import market_queries
    from market_assets.web.market import queries

    with market_queries(settings) as segments:
        found = queries.recommendations_for(segments.market, occupation, names, limit, settings.min_sample)
    if found["unknown"]:
        click.echo(f"not known, so left out: {', '.join(found['unknown'])}", err=True)
    if as_json:
        click.echo(json.dumps(found["recommendations"], ensure_ascii=False))
        return
    if not found["recommendations"]:
        click.echo(f"too few postings of {found['occupation']} ask for any skill", err=True)
    for row in found["recommendations"]:
        share, pay = f"{row['score']:.0%} of {found['occupation']}", _pay(row, settings.currency)
        click.echo(f"{row['score']:.3f}  {row['recommended_skill']}: asked for by {share} postings{pay}")


def _known_skills(names: Sequence[str], affinities: pl.DataFrame) -> list[str]:
    """The names as the tables spell them; prints which are unknown.

    Raises:
        CommandFailedError: all are unknown.
    """
    canonical = {name.casefold(): name for name in affinities["skill"].unique().sort()}
    skills = [canonical[name.casefold()] for name in names if name.casefold() in canonical]
    unknown = [name for name in names if name.casefold() not in canonical]
    if not skills:
        cause = "unknown here" if canonical else "no recommendations yet: market-assets run makes them"
        raise CommandFailedError(f"nothing to recommend for {', '.join(names)}: {cause}")
    if unknown:
        click.echo(f"not known, so left out: {', '.join(unknown)}", err=True)
    return skills


def _recommendation(row: Recommended, currency: str) -> str:
    reasons = ", ".join(
        f"{reason['skill']} ({reason['strength'].replace('_', ' ')}, {reason['co_occurrences']:,} postings)"
        for reason in row["goes_with"]
    )
    return f"{row['score']:.3f}  {row['recommended_skill']}: goes with {reasons}{_pay(row, currency)}"


def _pay(row: Mapping[str, Any], currency: str) -> str:
    return "" if row["median_salary"] is None else f"; median pay {row['median_salary']:,.0f} {currency}"
