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
    "deployment/test_backfills.py": "deployment",
    "deployment/test_composed.py": "deployment",
    "deployment/": None,
    "faults/test_dead_processes.py": "machine",
    "faults/test_queue.py": "machine",
    "faults/test_kills.py": "kills",
    "faults/test_lost_sessions.py": "kills",
    "faults/": None,
    "cli/test_serve.py": None,
    "web/test_admin_": "code server",
    # One browser serves all tests that need any.
    "web/test_browser.py": "code server",
    "web/test_executions_page.py": "code server",
    "web/test_explorer_browser.py": "code server",
    "web/": None,
    "test_documents.py": None,
    "defs/assets/": None,
}
#: Files whose tests take long and share nothing: each test is a group of its own.
APART = ("test_pipeline.py", "cli/test_init.py", "cli/test_run.py", "cli/test_run_from.py")


def sort_longest_first(items: list[pytest.Item]) -> None:
    """The groups above, then files with slow tests, then the others: no process is left alone with a long one."""
    starts = list(TOGETHER)
    slow = {_file(item.nodeid) for item in items if item.get_closest_marker("slow")}

    def place(item: pytest.Item) -> tuple[int, bool]:
        file = _file(item.nodeid)
        group = next((place for place, start in enumerate(starts) if file.startswith(start)), len(starts))
        return group, group == len(starts) and file not in slow

    items.sort(key=place)


class Distribution(LoadScopeScheduling):  # type: ignore[misc]
    """Gives out groups in the order of collection, wherever there is room."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        super().__init__(config, log)
        # The order that pytest-xdist would make is by the number of tests.
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        file = _file(nodeid)
        if file in APART:
            return nodeid
        return next((group for start, group in TOGETHER.items() if file.startswith(start)), None) or file


def _file(nodeid: str) -> str:
    return nodeid.split("::")[0].removeprefix("market_assets_tests/")
