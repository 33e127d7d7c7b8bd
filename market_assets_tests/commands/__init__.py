"""Tests of what the commands of `market-assets` do."""
