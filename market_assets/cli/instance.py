"""Dagster's instance for the commands of this program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import OperationalError

from market_assets.cli.errors import CommandFailedError
from market_assets.settings import Settings, SettingsError, set_dagster_home

if TYPE_CHECKING:
    import dagster as dg


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The instance that `dagster.yaml` in DAGSTER_HOME, else in this folder, describes.

    Raises:
        SettingsError: there is no such file.
        CommandFailedError: its database does not answer.
    """
    import dagster as dg

    use_dagster_home(settings)
    with history_that_answers():
        return dg.DagsterInstance.get()


@contextmanager
def history_that_answers() -> Iterator[None]:
    """Say in a line that the history's database does not answer, where Dagster shows how it was asked.

    Raises:
        CommandFailedError: it does not.
    """
    try:
        yield
    except Exception as error:
        # Dagster wraps what its own attempts ended with.
        refused = next((one for one in (error, error.__cause__) if isinstance(one, OperationalError)), None)
        if refused is None:
            raise
        reason = " ".join(str(refused.orig).split())
        raise CommandFailedError(f"Dagster's history does not answer: {reason}") from error


def use_dagster_home(settings: Settings) -> Path:
    """Set DAGSTER_HOME, for this process and its children, and return it."""
    home = (settings.dagster_home or Path()).resolve()
    if not (home / "dagster.yaml").exists():
        raise SettingsError(
            f"DAGSTER_HOME: there is no dagster.yaml in {home}; run this from the project's folder, or set it"
        )
    set_dagster_home(home)
    return home
