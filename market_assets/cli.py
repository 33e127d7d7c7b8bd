"""`market-assets`: the commands, their options and how they end.

Exit codes: 0 done, 1 failed (the last line names the cause), 2 wrong use or a wrong setting.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from market_assets.settings import Settings, SettingsError, get_settings


class _Group(click.Group):
    """Ends with one line for what a person can mend; anything else is a bug and shows its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        from market_assets.commands.errors import CommandFailedError
        from market_assets.sources.protocol import SourceError
        from market_assets.storage.database import StoreError

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
    from market_assets.commands.run import run_pipeline

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
    from market_assets.commands.summary import print_summary

    print_summary(settings, as_json=as_json)


@main.command()
@click.pass_obj
def serve(settings: Settings) -> None:
    """Run everything on this machine: code server, daemon and web process, until Ctrl-C."""
    from market_assets.commands.serve import serve_all

    sys.exit(serve_all(settings))


@main.command()
@click.pass_obj
def web(settings: Settings) -> None:
    """Run the web process alone, against the code server that workspace.yaml names."""
    from market_assets.commands.instance import use_dagster_home
    from market_assets.web.server import serve_web

    use_dagster_home(settings)
    serve_web(settings)


@main.group()
def db() -> None:
    """The market database."""


@db.command("upgrade")
@click.pass_obj
def db_upgrade(settings: Settings) -> None:
    """Bring the database to the schema that this program needs."""
    from market_assets.storage import schema
    from market_assets.storage.database import Database

    database = Database(settings.market_url)
    changed = schema.upgrade(database)
    click.echo(f"{database.name} is {'now' if changed else 'already'} at version {schema.newest_version()}")


@main.group()
def user() -> None:
    """Who may sign in to the web process, and as what."""


_role_option = click.option(
    "--role", type=click.Choice(["admin", "viewer"]), required=True, help="What the user may do."
)
_password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from the first line of standard input."
)


@user.command("add")
@click.argument("name")
@_role_option
@_password_option
@click.pass_obj
def user_add(settings: Settings, name: str, role: str, password_stdin: bool) -> None:
    """Add a user, and ask for the password."""
    from market_assets.commands.users import add

    add(settings, name, role, password_stdin=password_stdin)


@user.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list instead of lines.")
@click.pass_obj
def user_list(settings: Settings, as_json: bool) -> None:
    """Print every user and role."""
    from market_assets.commands.users import show

    show(settings, as_json=as_json)


@user.command("passwd")
@click.argument("name")
@_password_option
@click.pass_obj
def user_passwd(settings: Settings, name: str, password_stdin: bool) -> None:
    """Change a password; every session of the user ends."""
    from market_assets.commands.users import change_password

    change_password(settings, name, password_stdin=password_stdin)


@user.command("role")
@click.argument("name")
@_role_option
@click.pass_obj
def user_role(settings: Settings, name: str, role: str) -> None:
    """Change a role; every session of the user ends."""
    from market_assets.commands.users import change_role

    change_role(settings, name, role)


@user.command("remove")
@click.argument("name")
@click.pass_obj
def user_remove(settings: Settings, name: str) -> None:
    """Remove a user; every session of the user ends."""
    from market_assets.commands.users import remove

    remove(settings, name)


@main.group()
def sources() -> None:
    """Where postings come from."""


@sources.command("check")
@click.pass_obj
def sources_check(settings: Settings) -> None:
    """Try every configured source and print what came of it."""
    from market_assets.commands.sources import check_sources

    check_sources(settings)


@main.group()
def skills() -> None:
    """Skills in texts."""


@skills.command("extract")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list instead of lines.")
@click.pass_obj
def skills_extract(settings: Settings, as_json: bool) -> None:
    """Print the skills found in the text on standard input, one a line."""
    from market_assets.compute.skills import skill_matcher
    from market_assets.taxonomy.skills import load_taxonomy

    found = skill_matcher(load_taxonomy(settings.taxonomy)).find(_standard_input())
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else "\n".join(found), nl=as_json or bool(found))


@main.group()
def salaries() -> None:
    """Salaries in texts."""


@salaries.command("parse")
def salaries_parse() -> None:
    """Read one salary text a line, print one JSON object a line; null where there is no salary."""
    from market_assets.compute.salaries import salary_record

    for line in _standard_input().splitlines():
        click.echo(json.dumps(salary_record(line), ensure_ascii=False))


@main.command()
@click.argument("names", nargs=-1, required=True, metavar="SKILL...")
@click.option("--limit", default=10, show_default=True, type=click.IntRange(1, 100))
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list instead of lines.")
@click.pass_obj
def recommend(settings: Settings, names: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Print the skills that go best with some skills."""
    from market_assets.commands.recommend import print_recommendations

    print_recommendations(settings, names, limit=limit, as_json=as_json)


@main.group()
def archive() -> None:
    """Postings that were archived."""


@archive.command("restore")
@click.option("--month", required=True, metavar="YYYY-MM", help="The month of posting.")
@click.pass_obj
def archive_restore(settings: Settings, month: str) -> None:
    """Bring a month's archived postings back into the store; they are left alone for 30 days."""
    from market_assets.commands.archive import restore

    restore(settings, month)


def _standard_input() -> str:
    return sys.stdin.buffer.read().decode("utf-8", errors="replace")
