"""Fixtures of the commands' tests, for faults that a command meets."""

from market_assets_tests.cli.conftest import invoke, project  # noqa: F401
