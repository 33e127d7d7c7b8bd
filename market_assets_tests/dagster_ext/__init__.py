"""Tests of dagster_ext."""
