"""How many runs there are at once: as many as MARKET_ASSETS_WORKERS.

`dagster.yaml` can take that number from the environment only if the variable is always set.
`market_assets_tests/dagster_ext/test_instance.py` checks the limit that Dagster reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import dagster as dg

from market_assets.checked_settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Mapping


class RunQueue(dg.QueuedRunCoordinator):
    """Dagster's queue, with the limit of the settings."""

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Mapping[str, Any]) -> Self:
        limit = get_settings().workers
        return super().from_config_value(inst_data, {**config_value, "max_concurrent_runs": limit})
