"""Tests of dagster_ext/history."""
