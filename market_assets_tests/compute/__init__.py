"""Tests of the pure functions on columns."""
