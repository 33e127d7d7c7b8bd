"""What commands share: how they fail, the settings, and Dagster's instance.

SQLAlchemy and the store are imported where a command opens something: many need neither.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

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


def standard_input() -> str:
    """All of standard input; what is no UTF-8 is replaced."""
    return sys.stdin.buffer.read().decode("utf-8", errors="replace")


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The instance that `dagster.yaml` in DAGSTER_HOME, else in this folder, describes.

    Raises:
        SettingsError: there is no such file.
        CommandFailedError: its database does not answer.
    """
    import dagster as dg

    from market_assets.store.database import make_private_folder

    use_dagster_home(settings)
    # Before Dagster makes its folder in it, for everyone to read. Where it can't be made, its first use says so.
    with suppress(OSError):
        make_private_folder(settings.data_dir)
    with history_errors():
        return dg.DagsterInstance.get()


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
        SettingsError: there is no dagster.yaml in it.
    """
    home = (settings.dagster_home or Path()).resolve()
    if not (home / "dagster.yaml").exists():
        raise SettingsError(
            f"DAGSTER_HOME: there is no dagster.yaml in {home}; run this from the project's folder, or set it"
        )
    set_dagster_home(home)
    return home
