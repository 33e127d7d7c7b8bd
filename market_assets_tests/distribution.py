"""How pytest-xdist gives tests to its processes: together what shares something costly, and the longest first.

Not by `xdist_group`: pytest-xdist 3.8 writes the group where pytest 9.2 no longer reads it, and then heeds none.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

#: Files of tests, or the start of their names → the group that they are in; none: each file is a group of its own.
#: The groups are run in this order, before all other tests.
TOGETHER = {
    "market_assets_tests/deployment/test_backfills.py": "deployment",
    "market_assets_tests/deployment/test_composed.py": "deployment",
    "market_assets_tests/deployment/test_image.py": None,
    "market_assets_tests/deployment/test_servers.py": None,
    "market_assets_tests/faults/test_dead_processes.py": "machine",
    "market_assets_tests/faults/test_queue.py": "machine",
    "market_assets_tests/faults/test_kills.py": "kills",
    "market_assets_tests/faults/test_lost_sessions.py": "kills",
    "market_assets_tests/faults/test_restarts.py": None,
    "market_assets_tests/cli/test_serve.py": None,
    "market_assets_tests/web/test_admin_": "code server",
    # One browser serves all tests that need any.
    "market_assets_tests/web/test_browser.py": "code server",
    "market_assets_tests/web/test_executions_page.py": "code server",
    "market_assets_tests/web/test_explorer_browser.py": "code server",
    "market_assets_tests/web/": None,
}


def sort_longest_first(items: list[pytest.Item]) -> None:
    """Groups, then slow tests, then the others: no process is left alone with a long one at the end."""
    starts = list(TOGETHER)

    def place(item: pytest.Item) -> tuple[int, bool]:
        file = item.nodeid.split("::")[0]
        group = next((place for place, start in enumerate(starts) if file.startswith(start)), len(starts))
        return group, group == len(starts) and item.get_closest_marker("slow") is None

    items.sort(key=place)


class Distribution(LoadScopeScheduling):  # type: ignore[misc]
    """Gives out groups and single tests in the order of collection, wherever there is room."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        super().__init__(config, log)
        # The order that pytest-xdist would make is by the number of tests.
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        for start, group in TOGETHER.items():
            if file.startswith(start):
                return group or file
        return nodeid
