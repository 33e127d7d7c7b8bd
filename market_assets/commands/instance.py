"""Dagster's instance for the commands of this program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from market_assets.settings import Settings, SettingsError, set_dagster_home

if TYPE_CHECKING:
    import dagster as dg


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The instance that `dagster.yaml` in DAGSTER_HOME, else in this folder, describes.

    Raises:
        SettingsError: there is no such file.
    """
    import dagster as dg

    use_dagster_home(settings)
    return dg.DagsterInstance.get()


def use_dagster_home(settings: Settings) -> Path:
    """Set DAGSTER_HOME, for this process and its children, and return it."""
    home = (settings.dagster_home or Path()).resolve()
    if not (home / "dagster.yaml").exists():
        raise SettingsError(
            f"DAGSTER_HOME: there is no dagster.yaml in {home}; run this from the project's folder, or set it"
        )
    set_dagster_home(home)
    return home
