"""Which tests run in one process of pytest-xdist: those that share something costly, which is then made once.

Not by `xdist_group`: pytest-xdist 3.8 writes the group where pytest 9.2 no longer reads it, and then heeds none.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

#: Files of tests, or the start of their names → the group that they are in; none: each file is a group of its own.
TOGETHER = {
    "market_assets_tests/deployment/test_backfills.py": "deployment",
    "market_assets_tests/deployment/test_composed.py": "deployment",
    "market_assets_tests/deployment/test_image.py": None,
    "market_assets_tests/faults/test_dead_processes.py": "machine",
    "market_assets_tests/faults/test_queue.py": "machine",
    "market_assets_tests/faults/test_kills.py": "kills",
    "market_assets_tests/faults/test_lost_sessions.py": "kills",
    "market_assets_tests/faults/test_restarts.py": None,
    "market_assets_tests/web/test_admin_": "code server",
    "market_assets_tests/web/test_browser.py": "code server",
    "market_assets_tests/web/test_": None,
}


class Distribution(LoadScopeScheduling):  # type: ignore[misc]
    """Groups go first, the largest before the others; then whatever is left, wherever there is room."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        for start, group in TOGETHER.items():
            if file.startswith(start):
                return group or file
        return nodeid
