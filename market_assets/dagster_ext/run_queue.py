"""How many runs there are at once: as many as MARKET_ASSETS_WORKERS says.

`dagster.yaml` takes that number from the environment only if it is always set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from dagster._core.run_coordinator import QueuedRunCoordinator

from market_assets.checked_settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dagster._serdes import ConfigurableClassData


class RunQueue(QueuedRunCoordinator):
    """Dagster's queue, with the limit of the settings."""

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> Self:
        limit = get_settings().workers
        return super().from_config_value(inst_data, {**config_value, "max_concurrent_runs": limit})
