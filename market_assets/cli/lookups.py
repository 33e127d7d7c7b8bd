"""`market-assets skill`, `compare`, `pay`, `top` and so on: answers of the market API, in the terminal."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from functools import wraps
from typing import Any, TypeVar

import anyio
import click

from market_assets.cli.command import (
    CommandFailedError,
    complete_skill,
    json_option,
    open_database,
    pass_settings,
    print_rows,
    rows_options,
)
from market_assets.postings.schemas import SENIORITIES, WORKPLACES
from market_assets.settings import Settings
from market_assets.store.tables.results import TRENDS
from market_assets.web.errors import ApiError
from market_assets.web.market import queries
from market_assets.web.market.counted_postings import CountedPostings
from market_assets.web.market.requests import NamedSegment
from market_assets.web.market.segment_queries import SegmentQueries
from market_assets.web.market.snapshot import SnapshotCache

_DEMAND = ("skill", "category", "postings", "demand_share", "rank")
_SALARY = ("postings_with_salary", "p25", "median_salary", "median_lower", "median_upper", "p75")
_PAY = ("country", "seniority", *_SALARY)
_TREND = ("recent_share", "previous_share", "growth", "growth_lower", "growth_upper", "trend")
_COMPARED = (*_DEMAND, "median_salary", "postings_with_salary", *_TREND)
_RELATED = ("related_skill", "co_occurrences", "confidence", "lift", "npmi_lower", "strength")
_TOP_SKILLS = (*_DEMAND, "median_salary", "postings_with_salary")

#: Skills of an occupation that are printed.
MOST_SKILLS = 15

Row = dict[str, Any]
_Result = TypeVar("_Result")


def _segment_options(command: Callable[..., _Result]) -> Callable[..., _Result]:
    """The options that name a segment, which a command receives as `named`."""

    @wraps(command)
    def with_segment(*args: Any, **kwargs: Any) -> _Result:
        stated = {field.name: kwargs.pop(field.name) for field in fields(NamedSegment)}
        return command(*args, named=NamedSegment(**stated), **kwargs)

    options = [
        click.option("--country", metavar="CC", help="Only postings of a country, by its code or name."),
        click.option("--industry", help="Only postings of an industry."),
        click.option("--location", help="Only postings of a place."),
        click.option("--company", help="Only postings of an employer."),
        click.option("--seniority", type=click.Choice(SENIORITIES), help="Only postings for such people."),
        click.option("--workplace", type=click.Choice(WORKPLACES), help="Only such postings."),
        click.option("--occupation", help="Only postings of an occupation."),
        click.option("--period", metavar="DAYS", type=click.IntRange(1), help="Only the last so many days."),
    ]
    decorated: Callable[..., _Result] = with_segment
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


_limit_option = click.option("--limit", default=20, show_default=True, type=click.IntRange(1))


@contextmanager
def market_queries(settings: Settings) -> Iterator[SegmentQueries]:
    """The tables and postings as the API has them; a name that they don't have fails the command."""
    database = open_database(settings)
    try:
        market = anyio.run(SnapshotCache(database, settings.taxonomy).current)
        if market.summary is None:
            raise CommandFailedError(f"{database.name} holds no statistics yet: market-assets run makes them")
        yield SegmentQueries(market, CountedPostings(database, settings.data_dir), settings.min_sample)
    except ApiError as error:
        raise CommandFailedError(error.detail) from None
    finally:
        database.pooled_engine().dispose()


@click.command()
@click.argument("name", metavar="SKILL", shell_complete=complete_skill)
@_segment_options
@rows_options
@pass_settings
def skill(settings: Settings, name: str, named: NamedSegment, as_csv: bool, as_json: bool) -> None:
    """Print the demand for a skill, its growth, its pay, and what goes with it."""
    with market_queries(settings) as segments:
        found = segments.skill(name, named)
        row = {
            **_compared(found),
            **{column: (found["salaries"] or {}).get(column) for column in _SALARY},
            "pay_trend": found["trend_direction"],
            "goes_with": ", ".join(queries.related(segments.market, name)["related_skill"].head(5)),
        }
    if as_csv or as_json:
        print_rows(tuple(row), [tuple(row.values())], as_csv=as_csv, as_json=as_json)
    else:
        known = [(figure, value) for figure, value in row.items() if value is not None]
        print_rows(("", row["skill"]), known[1:], as_csv=False, as_json=False)


@click.command()
@click.argument("name", metavar="OCCUPATION")
@rows_options
@pass_settings
def occupation(settings: Settings, name: str, as_csv: bool, as_json: bool) -> None:
    """Print what an occupation pays, by country and by seniority, and what it asks for."""
    with market_queries(settings) as segments:
        found = queries.occupation(segments.market, name)
        _, skills = queries.occupation_skills(segments.market, name)
    pay = [row for row in (found["salaries"], *found["by_country"], *found["by_seniority"]) if row]
    if as_json or as_csv:
        _print(("occupation", "postings", *_PAY), [found | row for row in pay], as_csv=as_csv, as_json=as_json)
        return
    known = [(column, found[column]) for column in ("code", "postings", "demand_share", "rank")]
    print_rows(("", found["occupation"]), known, as_csv=False, as_json=False)
    _print(_PAY, pay, as_csv=False, as_json=False)
    print_rows(skills.columns, skills.head(MOST_SKILLS).rows(), as_csv=False, as_json=False)


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="SKILL SKILL...", shell_complete=complete_skill)
@_segment_options
@rows_options
@pass_settings
def compare(settings: Settings, names: Sequence[str], named: NamedSegment, as_csv: bool, as_json: bool) -> None:
    """Print demand, pay and growth of two to five skills side by side."""
    if not 2 <= len(names) <= 5:
        raise click.BadParameter("give two to five skills", param_hint="SKILL")
    with market_queries(settings) as segments:
        rows = [_compared(segments.skill(name, named)) for name in names]
    _print(_COMPARED, rows, as_csv=as_csv, as_json=as_json)


@click.command()
@click.argument("name", metavar="SKILL|PLACE|EMPLOYMENT|OCCUPATION")
@_segment_options
@rows_options
@pass_settings
def pay(settings: Settings, name: str, named: NamedSegment, as_csv: bool, as_json: bool) -> None:
    """Print what a skill or an occupation pays, by country and seniority; or a place, or a form of employment."""
    with market_queries(settings) as segments:
        market = segments.market
        if market.skills.find(name):
            rows = _pay_rows(segments, segments.salaries_of_skill(name, named), named)
        elif queries.find_location(market, name):
            found = segments.salaries_of_location(name, named)
            rows = [{"location": found["location"], **found["salaries"]}] if found["salaries"] else []
        elif market.employment_types.find(name):
            if named.chosen - {"country"}:
                raise click.UsageError("what a form of employment pays is known in all, and by --country")
            rows = queries.employment_salaries(market, name, named.country).to_dicts()
        elif market.occupations.find(name):
            rows = _pay_rows(segments, segments.occupation(name, named), named)
        else:
            raise queries.not_found(market.skills, name, "Skill")
    if not rows:
        raise CommandFailedError(f"no such posting of {name} states its pay")
    columns = _PAY if "seniority" in rows[0] else tuple(rows[0])
    _print(columns, rows, as_csv=as_csv, as_json=as_json)


@click.command()
@click.argument("kind", type=click.Choice(["skills", "occupations", "industries", "locations", "companies"]))
@click.option("--skill", help="Only postings that ask for a skill; not with skills.")
@click.option("--category", help="Only skills of a category.")
@click.option("--search", help="Only names that hold a text.")
@_limit_option
@_segment_options
@rows_options
@pass_settings
def top(
    settings: Settings,
    kind: str,
    skill: str | None,
    category: str | None,
    search: str | None,
    limit: int,
    named: NamedSegment,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Print the skills, occupations, industries, locations or companies with the most postings."""
    if skill and kind == "skills":
        raise click.UsageError("see `market-assets related SKILL` for the skills that go with one")
    if category and kind != "skills":
        raise click.UsageError("--category is for skills")
    with market_queries(settings) as segments:
        if kind == "skills":
            rows = segments.skills(named, category, search).select(_TOP_SKILLS)
        else:
            rows = getattr(segments, kind)(named, skill, search)
    print_rows(rows.columns, rows.head(limit).rows(), as_csv=as_csv, as_json=as_json)


@click.command()
@click.option("--trend", type=click.Choice(TRENDS), help="Only skills of which the test says so.")
@_limit_option
@rows_options
@pass_settings
def trending(settings: Settings, trend: str | None, limit: int, as_csv: bool, as_json: bool) -> None:
    """Print the skills by growth of their share of the postings, the fastest first."""
    columns = ("skill", "recent_postings", "previous_postings", *_TREND, "q_value")
    with market_queries(settings) as segments:
        rows = queries.trending(segments.market, trend).head(limit).select(columns).rows()
    print_rows(columns, rows, as_csv=as_csv, as_json=as_json)


@click.command()
@click.argument("name", metavar="SKILL|PLACE", shell_complete=complete_skill)
@_limit_option
@rows_options
@pass_settings
def related(settings: Settings, name: str, limit: int, as_csv: bool, as_json: bool) -> None:
    """Print the skills that postings ask for together with one, the closest first."""
    with market_queries(settings) as segments:
        rows = queries.related(segments.market, name).head(limit).select(_RELATED).rows()
    print_rows(_RELATED, rows, as_csv=as_csv, as_json=as_json)


@click.command()
@click.argument("name", metavar="SKILL")
@rows_options
@pass_settings
def history(settings: Settings, name: str, as_csv: bool, as_json: bool) -> None:
    """Print the demand for a skill and its pay month by month."""
    columns = ("month", "postings", "share", "market_postings", "postings_with_salary", "median_salary")
    with market_queries(settings) as segments:
        rows = queries.history(segments.market, name)["months"]
    _print(columns, rows, as_csv=as_csv, as_json=as_json)


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
    if occupation is None and not names:
        raise click.UsageError("name a skill, or an --occupation")
    with market_queries(settings) as segments:
        if occupation is None:
            found = queries.recommendations(segments.market, names, limit)
        else:
            found = queries.recommendations_for(segments.market, occupation, names, limit, settings.min_sample)
    if occupation is None and not found["skills"]:
        raise CommandFailedError(f"nothing to recommend for {', '.join(names)}: unknown here")
    if found["unknown"]:
        click.echo(f"not known, so left out: {', '.join(found['unknown'])}", err=True)
    best, asked_by = found["recommendations"], found["occupation"]
    if as_json:
        click.echo(json.dumps(best, ensure_ascii=False))
    elif best:
        click.echo("\n".join(_recommendation(row, asked_by, settings.currency) for row in best))
    elif asked_by:
        click.echo(f"too few postings of {asked_by} ask for any skill", err=True)
    else:
        click.echo("no other skill goes with these", err=True)


def _recommendation(row: Row, occupation: str | None, currency: str) -> str:
    """A recommended skill with the reason, and its pay."""
    partners = (
        f"{one['skill']} ({one['strength'].replace('_', ' ')}, {one['co_occurrences']:,} postings)"
        for one in row["goes_with"]
    )
    by_occupation = f"asked for by {row['score']:.0%} of {occupation} postings"
    why = by_occupation if occupation else f"goes with {', '.join(partners)}"
    pay = "" if row["median_salary"] is None else f"; median pay {row['median_salary']:,.0f} {currency}"
    return f"{row['score']:.3f}  {row['recommended_skill']}: {why}{pay}"


def _compared(found: Row) -> Row:
    """The figures of a skill in one row; None where nothing is known."""
    figures = {**(found["trending"] or {}), **(found["salaries"] or {}), **(found["demand"] or {})}
    return {**{column: figures.get(column) for column in _COMPARED}, "skill": found["skill"]}


def _pay_rows(segments: SegmentQueries, found: Row, named: NamedSegment) -> list[Row]:
    """What something pays in the segment, then by country and by seniority where these are not chosen."""
    chosen = {"country": segments.segment(named).country, "seniority": named.seniority}
    rows = [{**found["salaries"], **chosen}] if found["salaries"] else []
    for by in ("country", "seniority"):
        rows += found[f"by_{by}"] if chosen[by] is None else []
    return rows


def _print(columns: Sequence[str], rows: Sequence[Row], *, as_csv: bool, as_json: bool) -> None:
    values = [tuple(row.get(column) for column in columns) for row in rows]
    print_rows(columns, values, as_csv=as_csv, as_json=as_json)
