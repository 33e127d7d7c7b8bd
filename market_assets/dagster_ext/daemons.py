"""The state of Dagster's daemons by their heartbeats.

`dagster-daemon liveness-check` reads the same, but is a command, and takes errors of ticks for missing heartbeats.

`market_assets_tests/dagster_ext/test_dagster_names.py` fails if a new version changes it.
"""

from dagster._daemon.controller import get_daemon_statuses

__all__ = ["get_daemon_statuses"]
