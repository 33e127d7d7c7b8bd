"""`market-assets skill`, `compare`, `trending` and `pay`: answers of the market API, in the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import anyio
import click

from market_assets.cli.command import CommandFailedError, open_database, pass_settings
from market_assets.cli.completion import complete_skill
from market_assets.cli.rows import print_rows, rows_options
from market_assets.settings import Settings
from market_assets.store.tables.results import TRENDS
from market_assets.web.errors import ApiError
from market_assets.web.market import queries
from market_assets.web.market.snapshot import MarketSnapshot, SnapshotCache

_COUNTRY = click.option("--country", metavar="CC", help="A country's two letters: pay there alone.")
_DEMAND = ("skill", "category", "postings", "demand_share", "rank")
_PAY = (
    "country",
    "seniority",
    "postings_with_salary",
    "p25",
    "median_salary",
    "median_lower",
    "median_upper",
    "p75",
)
_TREND = ("recent_share", "previous_share", "growth", "growth_lower", "growth_upper", "trend")
_COMPARED = (*_DEMAND, "median_salary", "postings_with_salary", *_TREND)

Row = dict[str, Any]


@contextmanager
def _market(settings: Settings) -> Iterator[MarketSnapshot]:
    """The tables as the API has them; a name that they don't have fails the command."""
    database = open_database(settings)
    try:
        market = anyio.run(SnapshotCache(database, settings.taxonomy).current)
        if market.summary is None:
            raise CommandFailedError(f"{database.name} holds no statistics yet: run ./scripts/run")
        yield market
    except ApiError as error:
        raise CommandFailedError(error.detail) from None
    finally:
        database.pooled_engine().dispose()


@click.command()
@click.argument("name", metavar="SKILL", shell_complete=complete_skill)
@_COUNTRY
@rows_options
@pass_settings
def skill(settings: Settings, name: str, country: str | None, as_csv: bool, as_json: bool) -> None:
    """Print the demand for a skill, its growth, its pay, and what goes with it."""
    with _market(settings) as market:
        found = queries.skill(market, name)
        rows = {
            **{column: (found["demand"] or {}).get(column) for column in _DEMAND},
            "skill": found["skill"],
            **{column: (found["trending"] or {}).get(column) for column in _TREND},
            **{column: value for column, value in _pay(found, country).items() if column in _PAY},
            "pay_trend": found["trend_direction"],
            "goes_with": ", ".join(queries.related(market, name)["related_skill"].head(5)),
        }
    if as_csv or as_json:
        print_rows(tuple(rows), [tuple(rows.values())], as_csv=as_csv, as_json=as_json)
    else:
        known = [(figure, value) for figure, value in rows.items() if value is not None]
        print_rows(("", rows.pop("skill")), known[1:], as_csv=False, as_json=False)


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="SKILL SKILL...", shell_complete=complete_skill)
@rows_options
@pass_settings
def compare(settings: Settings, names: Sequence[str], as_csv: bool, as_json: bool) -> None:
    """Print demand, pay and growth of two to five skills side by side."""
    if not 2 <= len(names) <= 5:
        raise click.BadParameter("give two to five skills", param_hint="SKILL")
    with _market(settings) as market:
        found = [queries.skill(market, name) for name in names]
    rows = [
        {**(each["trending"] or {}), **(each["salaries"] or {}), **(each["demand"] or {}), "skill": each["skill"]}
        for each in found
    ]
    print_rows(_COMPARED, map(partial(_values, _COMPARED), rows), as_csv=as_csv, as_json=as_json)


@click.command()
@click.option("--trend", type=click.Choice(TRENDS), help="Only skills of which the test says so.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1))
@rows_options
@pass_settings
def trending(settings: Settings, trend: str | None, limit: int, as_csv: bool, as_json: bool) -> None:
    """Print the skills by growth of their share of the postings, the fastest first."""
    columns = ("skill", "recent_postings", "previous_postings", *_TREND, "q_value")
    with _market(settings) as market:
        rows = queries.trending(market, trend).head(limit).select(columns).rows()
    print_rows(columns, rows, as_csv=as_csv, as_json=as_json)


@click.command()
@click.argument("name", metavar="SKILL|PLACE", shell_complete=complete_skill)
@_COUNTRY
@rows_options
@pass_settings
def pay(settings: Settings, name: str, country: str | None, as_csv: bool, as_json: bool) -> None:
    """Print what a skill pays, in all, by country and by seniority; or a place."""
    columns: Sequence[str] = _PAY
    with _market(settings) as market:
        if market.skills.find(name) is None and market.location_names.find(name) is not None:
            found = queries.salaries_of_location(market, name)
            rows = [{"location": found["location"], **found["salaries"]}]
            columns = tuple(rows[0])
        else:
            found = queries.skill(market, name)
            everywhere = [found["salaries"], *found["by_country"], *found["by_seniority"]]
            rows = [_pay(found, country)] if country else [row for row in everywhere if row]
    print_rows(columns, map(partial(_values, columns), rows), as_csv=as_csv, as_json=as_json)


def _values(columns: Sequence[str], row: Row) -> tuple[Any, ...]:
    return tuple(row.get(column) for column in columns)


def _pay(found: Row, country: str | None) -> Row:
    """What a skill pays: of all postings, or in a country.

    Raises:
        CommandFailedError: no posting of the country states its pay.
    """
    if country is None:
        return found["salaries"] or {}
    known = {row["country"]: row for row in found["by_country"]}
    if country.upper() not in known:
        countries = ", ".join(known) or "none"
        raise CommandFailedError(f"no pay for {found['skill']} in {country.upper()}; there is for: {countries}")
    return dict(known[country.upper()])
