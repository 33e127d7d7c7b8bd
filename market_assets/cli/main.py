"""`market-assets`: the program and its main commands; groups of commands are in the neighbouring files.

Exit codes: 0 done, 1 failed (the last line names the cause), 2 wrong use or a wrong setting.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from market_assets.checked_settings import get_settings
from market_assets.cli.options.accounts import user
from market_assets.cli.options.authoring import new
from market_assets.cli.options.databases import archive, backup, db, restore
from market_assets.cli.options.history import history, watch
from market_assets.cli.options.operations import alerts, status
from market_assets.cli.options.postings import salaries, skills, sources
from market_assets.settings import Settings, SettingsError


class _Group(click.Group):
    """Ends with one line for what a person can mend; anything else is a bug and shows its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        from market_assets.cli.errors import CommandFailedError
        from market_assets.sources.protocol import SourceError
        from market_assets.store.database import StoreError

        try:
            return super().invoke(ctx)
        except SettingsError as error:
            _end(error.message, 2)
        except (StoreError, SourceError, CommandFailedError) as error:
            _end(str(error), 1)


def _end(message: str, code: int) -> None:
    click.echo(f"market-assets: {message}", err=True)
    sys.exit(code)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="market-assets")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Job-market intelligence: ingest postings, find skills, keep statistics and relationships fresh."""
    if not any(flag in sys.argv for flag in ("-h", "--help")):
        ctx.obj = get_settings()


def _mapping(_ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    for field, equals, _column in pairs:
        if not (field and equals):
            raise click.BadParameter("say it as FIELD=COLUMN, for example title='Job Title'")
    return {field.strip(): column.strip() for field, _equals, column in pairs}


@main.command()
@click.option(
    "--from", "file", type=click.Path(path_type=Path), help="Your own postings: CSV, JSON, JSONL or Parquet."
)
@click.option(
    "--map", "mapping", multiple=True, callback=_mapping, metavar="FIELD=COLUMN", help="Which column is what."
)
@click.option("--days", type=click.IntRange(1, 3650), help="Fill this many daily partitions, up to today.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.pass_obj
def run(settings: Settings, file: Path | None, mapping: dict[str, str], days: int | None, as_json: bool) -> None:
    """Run the whole pipeline once and print the market summary."""
    from market_assets.cli.run import run_pipeline

    if mapping and not file:
        raise click.UsageError("--map goes with --from FILE")
    if file and days:
        raise click.UsageError("--days fills days of the configured sources; a file is one day's")
    run_pipeline(settings, file=file, mapping=mapping, days=days, as_json=as_json)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.pass_obj
def summary(settings: Settings, as_json: bool) -> None:
    """Print the market summary as it is in the store."""
    from market_assets.cli.summary import print_summary

    print_summary(settings, as_json=as_json)


@main.command()
@click.pass_obj
def serve(settings: Settings) -> None:
    """Run everything on this machine: code server, daemon and web process, until Ctrl-C."""
    from market_assets.cli.serve import serve_all

    sys.exit(serve_all(settings))


@main.command()
@click.pass_obj
def web(settings: Settings) -> None:
    """Run the web process alone, against the code server that workspace.yaml names."""
    from market_assets.cli.instance import use_dagster_home
    from market_assets.web.server import serve_web

    use_dagster_home(settings)
    serve_web(settings)


@main.command()
@click.argument("names", nargs=-1, required=True, metavar="SKILL...")
@click.option("--limit", default=10, show_default=True, type=click.IntRange(1, 100))
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list instead of lines.")
@click.pass_obj
def recommend(settings: Settings, names: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Print the skills that go best with some skills."""
    from market_assets.cli.recommend import print_recommendations

    print_recommendations(settings, names, limit=limit, as_json=as_json)


for _command in (
    *(alerts, archive, backup, db, history, new, restore, salaries, skills, sources),
    *(status, user, watch),
):
    main.add_command(_command)
