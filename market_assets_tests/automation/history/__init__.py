"""Tests of the pruning of history."""
