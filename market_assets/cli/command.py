"""What commands share: how they fail, the settings, Dagster's instance, and rows as they are printed.

SQLAlchemy and the store are imported where a command opens something: many need neither.
"""

from __future__ import annotations

import contextlib
import csv
import functools
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

from market_assets.checked_settings import get_settings
from market_assets.settings import Settings, SettingsError, set_dagster_home

if TYPE_CHECKING:
    import dagster as dg

    from market_assets.store.database import Database

_Options = ParamSpec("_Options")
_Result = TypeVar("_Result")


class CommandFailedError(Exception):
    """A command failed; the message names the cause."""


def pass_settings(command: Callable[Concatenate[Settings, _Options], _Result]) -> Callable[_Options, _Result]:
    """Pass the settings to a command as its first argument; wrong ones end it with exit code 2."""

    @functools.wraps(command)
    def with_settings(*args: _Options.args, **kwargs: _Options.kwargs) -> _Result:
        return command(get_settings(), *args, **kwargs)

    return with_settings


def open_database(settings: Settings) -> Database:
    """The market database, made if it is empty.

    Raises:
        StoreError: it is of another version, or does not answer.
    """
    from market_assets.store import schema
    from market_assets.store.database import Database

    database = Database(settings.market_url)
    schema.ensure_current(database)
    return database


def json_option(help: str) -> Callable[[Callable[..., _Result]], Callable[..., _Result]]:
    """The option `--json`, which a command receives as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help=help)


def rows_options(command: Callable[..., _Result]) -> Callable[..., _Result]:
    """The options `--csv` and `--json`, which a command receives as `as_csv` and `as_json`."""
    as_json = click.option("--json", "as_json", is_flag=True, help="Print a JSON list of objects instead.")
    return click.option("--csv", "as_csv", is_flag=True, help="Print CSV instead of a table.")(as_json(command))


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, as_csv: bool, as_json: bool) -> None:
    """Print rows as they come; a table waits for all of them."""
    if as_json:
        _print_json(columns, rows)
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    else:
        _print_table(columns, [list(row) for row in rows])


def _print_json(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    click.echo("[", nl=False)
    for number, row in enumerate(rows):
        click.echo(",\n " if number else "", nl=False)
        fields = dict(zip(columns, row, strict=True))
        click.echo(json.dumps(fields, default=str, ensure_ascii=False), nl=False)
    click.echo("]")


def _print_table(columns: Sequence[str], rows: list[list[Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for number, name in enumerate(columns):
        is_number = all(isinstance(row[number], int | float | None) for row in rows)
        table.add_column(name, justify="right" if rows and is_number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*map(_shown, row))
    # Rows are never broken or shortened; a terminal wraps what is too wide for it.
    Console(highlight=False, markup=False, width=10_000).print(table)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1 else f"{value:,.2f}".rstrip("0").rstrip(".")
    return value.isoformat(sep=" ", timespec="seconds") if isinstance(value, datetime) else str(value)


def standard_input() -> str:
    """All of standard input; what is no UTF-8 is replaced."""
    return sys.stdin.buffer.read().decode("utf-8", errors="replace")


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The instance that `dagster.yaml` in DAGSTER_HOME, else in this folder, describes.

    Raises:
        SettingsError: there is no such file, or it is wrong.
        CommandFailedError: its database does not answer.
    """
    import dagster as dg

    from market_assets.store.database import make_private_folder

    home = use_dagster_home(settings)
    # Before Dagster makes its folder in it, for everyone to read. Where it can't be made, its first use says so.
    with contextlib.suppress(OSError):
        make_private_folder(settings.data_dir)
    with history_errors():
        try:
            return dg.DagsterInstance.get()
        except dg.DagsterInvalidConfigError as error:
            # After it comes all that Dagster knows.
            problems = "; ".join(each.message.partition(" Expected:")[0] for each in error.errors)
            raise SettingsError(f"{home / 'dagster.yaml'}: {' '.join(problems.split())}") from None


@contextmanager
def history_errors() -> Iterator[None]:
    """Raise connection errors of the history's database as CommandFailedError, in one line."""
    from sqlalchemy.exc import OperationalError

    try:
        yield
    except Exception as error:
        # Dagster wraps the error of its last retry.
        refused = next((one for one in (error, error.__cause__) if isinstance(one, OperationalError)), None)
        if refused is None:
            raise
        reason = " ".join(str(refused.orig).split())
        raise CommandFailedError(f"Dagster's history does not answer: {reason}") from error


def use_dagster_home(settings: Settings) -> Path:
    """Set DAGSTER_HOME, for this process and its children, and return it.

    Raises:
        SettingsError: there is no dagster.yaml in it, or it is no YAML.
    """
    import yaml

    home = (settings.dagster_home or Path()).resolve()
    file = home / "dagster.yaml"
    if not file.exists():
        raise SettingsError(
            f"DAGSTER_HOME: there is no dagster.yaml in {home}; run this from the project's folder, or set it"
        )
    try:
        with file.open("rb") as content:
            yaml.safe_load(content)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SettingsError(f"DAGSTER_HOME: dagster.yaml can't be read: {' '.join(str(error).split())}") from None
    set_dagster_home(home)
    return home


def complete_skill(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The skills of the taxonomy whose names begin so, in any case."""
    from market_assets.skills.taxonomy import load_taxonomy

    # In the middle of a line that somebody types, a wrong setting or taxonomy is no news.
    with contextlib.suppress(Exception):
        known = load_taxonomy(get_settings().taxonomy).skills
        return [skill.name for skill in known if skill.name.lower().startswith(incomplete.lower())]
    return []
